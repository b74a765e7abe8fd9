"""The average beside the weights, against its recursion written out."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.schedules import Clock
from fosc_tf.training import AdversarialTrainer, CoupledSGD, WeightAverage
from tests.attacks.toys import assert_same, images, labels, mlp, with_batch_norm_and_dropout
from tests.data.three_parts import refused
from tests.defenses.arguments import taken_by
from tests.training.replica_run import COMPOSED

SIZE, STEPS = 8, 4
IMAGE, LABEL = images(SIZE * STEPS), labels(SIZE * STEPS)


class Keeps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        del batch, logs
        self.seen.append(self.model.network.get_weights())


def trained(network, average, epochs=1, name="standard"):
    keeps = Keeps()
    arguments = taken_by(name, epsilon=0.2, num_examples=len(IMAGE), num_classes=3, batch_size=SIZE)
    defense = dataclasses.replace(defenses.get(name, **arguments), average=average)
    trainer = AdversarialTrainer(network, defense, seed=2)
    trainer.compile(optimizer=CoupledSGD(0.1, momentum=0.9))
    rows = {"image": IMAGE, "label": LABEL, "id": np.arange(len(IMAGE))}
    data = tf.data.Dataset.from_tensor_slices(rows).batch(SIZE)
    trainer.fit(data, epochs=epochs, verbose=0, callbacks=[keeps])
    return keeps.seen


@pytest.mark.parametrize("begin", [0, 1])
def test_equals_its_recursion_written_out(begin):
    """d = min(decay, (1 + s) / (10 + s)): 0.1, 2/11, 0.25, then the decay."""
    network = with_batch_norm_and_dropout()
    average = WeightAverage(0.2, from_epoch=begin, clock=Clock(STEPS))
    weights = trained(network, average, epochs=2)
    expected = weights[0]
    for step, new in enumerate(weights):
        since = step - begin * STEPS
        decay = 0.0 if since < 0 else min(0.2, (1 + since) / (10 + since))
        if step == 0:
            first = with_batch_norm_and_dropout().get_weights()
            expected = [decay * a + (1 - decay) * w for a, w in zip(first, new, strict=True)]
        else:
            expected = [decay * a + (1 - decay) * w for a, w in zip(expected, new, strict=True)]
    target = with_batch_norm_and_dropout(seed=1)
    average.copy_to(target)
    # Seeds of random layers are whole numbers and stay.
    for one, other in zip(target.get_weights(), expected, strict=True):
        if one.dtype == np.float32:
            np.testing.assert_allclose(one, other, atol=1e-6)
    statistics = target.layers[1].moving_mean.numpy()
    assert np.abs(statistics - network.layers[1].moving_mean.numpy()).max() > 1e-6


# Of what is composed of parts, and of bounds, one of a kind will do.
LEFT_OUT = ("cc_ibp", "crown_ibp", "kw", "per", "sabr", *COMPOSED)


@pytest.mark.parametrize("name", [each for each in defenses.names() if each not in LEFT_OUT])
def test_changes_nothing_of_any_defense(name):
    plain, averaged = mlp(gain=1.5), mlp(gain=1.5)
    trained(plain, None, name=name)
    average = WeightAverage(0.9)
    trained(averaged, average, name=name)
    assert_same(plain.get_weights(), averaged.get_weights())
    assert np.any(average.variables[0].numpy() != plain.get_weights()[0])


def test_mistakes():
    average = WeightAverage()
    average.build(mlp())
    for call, rule in (
        (lambda: WeightAverage(1.0), "decay must lie in its range [0, 1)"),
        (lambda: WeightAverage(None), "decay must be a number"),
        (lambda: WeightAverage(0.9, from_epoch=1), "a later epoch needs a clock"),
        (lambda: average.build(mlp()), "belongs to one training"),
    ):
        refused(call, rule=rule, right="", received="")
