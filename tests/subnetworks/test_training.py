"""Scores are trained by any defense: weights keep their bits, and exactly so many count."""

import keras
import numpy as np
import pytest
from ml_collections import ConfigDict
from sklearn.datasets import load_digits

from configs import digits_subnetwork
from fosc_tf import AdversarialTrainer, build, config_check, defenses
from fosc_tf.data import train_batches
from fosc_tf.errors import UserError
from fosc_tf.subnetworks import masked
from fosc_tf.subnetworks.masking import masked_layers
from fosc_tf.training.checkpoints import Checkpoints
from fosc_tf.training.ledger import Ledger
from tests.defenses.arguments import arguments_of
from tests.subnetworks.networks import digits

BUNCH = load_digits()
IMAGE = (BUNCH.images[:512, ..., None] / 16).astype(np.float32)
LABEL = BUNCH.target[:512].astype(np.int64)
SIZE = 64
STEPS = len(IMAGE) // SIZE


class Watched(keras.callbacks.Callback):
    """Looks at every step whether exactly so many weights count, and which ever did."""

    def __init__(self):
        super().__init__()
        self.ever, self.steps = None, 0

    def on_train_batch_end(self, batch, logs=None):
        masks = [layer.mask.numpy() for layer in masked_layers(self.model.network)]
        for mask, layer in zip(masks, masked_layers(self.model.network), strict=True):
            assert mask.sum() == layer.kept
        self.steps += 1
        before = self.ever or masks
        self.ever = [np.maximum(one, other) for one, other in zip(before, masks, strict=True)]


def training(name, network=None):
    network = network or masked(digits(), rate=0.9)
    given = arguments_of(name)
    facts = {"num_examples": len(IMAGE), "steps_per_epoch": STEPS}
    given |= {fact: value for fact, value in facts.items() if fact in given}
    trainer = AdversarialTrainer(network, defenses.get(name, **given))
    trainer.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    trainer.optimizer.build(network.trainable_variables)
    return trainer


def batches(epoch=0, position=0):
    return train_batches(
        IMAGE,
        LABEL,
        batch_size=SIZE,
        seed=0,
        augment=None,
        start_epoch=epoch,
        start_position=position,
    )


@pytest.mark.parametrize("name", ["standard", "dynamic", "trades", "atta", "yopo"])
def test_scores_learn_and_weights_stay(name):
    trainer, watched = training(name), Watched()
    layers = masked_layers(trainer.network)
    before = [layer.values.numpy() for layer in layers]
    history = trainer.fit(
        batches(), epochs=3, steps_per_epoch=STEPS, verbose=0, callbacks=[watched]
    ).history
    assert history["loss"][-1] < history["loss"][0]
    assert watched.steps == 3 * STEPS
    for layer, values, ever in zip(layers, before, watched.ever, strict=True):
        np.testing.assert_array_equal(layer.values, values)
        assert ever.sum() > layer.kept  # pruned ones came back


def test_resumed_is_uninterrupted(tmp_path):
    def go_on(trainer, checkpoints, epochs):
        for epoch in range(trainer.step // STEPS, epochs):
            trainer.fit(
                batches(epoch).take(STEPS), initial_epoch=epoch, epochs=epoch + 1, verbose=0
            )
        checkpoints.save()

    whole, cut, resumed = (training("standard") for _ in range(3))
    go_on(whole, Checkpoints(tmp_path / "whole", whole, Ledger(), 3), 2)
    go_on(cut, Checkpoints(tmp_path / "cut", cut, Ledger(), 3), 1)
    kept = Checkpoints(tmp_path / "cut", resumed, Ledger(), 3)
    for layer in masked_layers(resumed.network):
        layer.values.assign(-layer.values)  # would show if a checkpoint did not hold them
    assert kept.restore()
    go_on(resumed, kept, 2)
    for one, other in zip(whole.network.variables, resumed.network.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


def test_a_config_masks_what_it_builds_and_older_ones_do_not():
    config = digits_subnetwork.get_config()
    network = build.network(config)
    sizes = [layer.values.numpy().size for layer in masked_layers(network)]
    kept = sum(layer.kept for layer in masked_layers(network))
    assert kept == sum(sizes) // 10
    assert network.layers[-1].name == "last_batch_norm"
    older = config.to_dict()
    del older["subnetwork"]
    plain = build.network(ConfigDict(older))
    assert [layer.name for layer in plain.layers] == [layer.name for layer in network.layers[:-1]]
    assert plain.count_params() > sum(sizes)


@pytest.mark.parametrize(
    ("field", "value"),
    [("rate", 1.0), ("gamma", 1.5), ("weights", "ternary"), ("rank", "best"), ("rate", -0.1)],
)
def test_a_config_is_checked_before_anything_is_loaded(field, value):
    config = digits_subnetwork.get_config()
    config.subnetwork[field] = value
    with pytest.raises(UserError, match=field if field != "weights" else "kind of weights"):
        config_check.check(config)
