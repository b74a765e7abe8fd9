"""The metrics of `compile`: right at the images trained on and at clean ones, or refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import UserError
from tests.training.habits import IMAGE, LABEL, history_of, linear, trainer_of

TOP = keras.metrics.SparseTopKCategoricalAccuracy


def third(label, logits):
    """Returns whether the label is among the three largest logits."""
    return keras.ops.cast(tf.math.in_top_k(tf.cast(label, tf.int32), logits, 3), "float32")


def test_metrics_are_of_the_images_trained_on_and_of_clean_ones():
    still = keras.optimizers.SGD(0.0)
    trainer = trainer_of("standard", optimizer=still, metrics=[TOP(k=3, name="top"), third, "ce"])
    history = history_of(trainer, validation_data=(IMAGE, LABEL))
    attack, clean, attacked = trainer.defense.attack, trainer.network(IMAGE).numpy(), []
    for step in range(8):
        rows = slice(16 * (step % 4), 16 * (step % 4) + 16)
        found = attack(trainer.network, IMAGE[rows], LABEL[rows], seed=0, step=step).image
        attacked.append(trainer.network(found).numpy())
    for epoch in range(2):  # the second epoch counts nothing of the first
        logits = np.concatenate(attacked[4 * epoch : 4 * epoch + 4])
        for prefix, seen in (("", logits), ("val_", clean)):
            top = [label in row.argsort()[-3:] for label, row in zip(LABEL, seen, strict=True)]
            for name in ("top", "third"):
                np.testing.assert_allclose(history[prefix + name][epoch], np.mean(top), atol=1e-6)
            entropy = history[f"{prefix}sparse_categorical_crossentropy"][epoch]
            np.testing.assert_allclose(entropy, history[f"{prefix}loss"][epoch], rtol=1e-5)
    assert history["top"] != history["val_top"]


def test_accuracy_is_there_anyway():
    for metrics in ("accuracy", ["accuracy"], ["acc"], None, []):
        assert history_of(trainer_of(metrics=metrics)).keys() == history_of(trainer_of()).keys()


def test_another_compile_begins_anew():
    trainer = trainer_of(metrics=[TOP(k=3)])
    history_of(trainer)
    trainer.compile("sgd")
    assert "sparse_top_k_categorical_accuracy" not in history_of(trainer)


@pytest.mark.parametrize("metrics", [None, [TOP(k=3), "ce"]])
@pytest.mark.parametrize("attack", [None, "pgd-2"])
def test_the_state_holds_every_variable(metrics, attack):
    trainer = trainer_of(metrics=metrics, validation_attack=attack)
    history_of(trainer, epochs=1, validation_data=(IMAGE, LABEL))
    held = {id(each) for each in tf.nest.flatten(trainer.state)}
    there = [*trainer.variables, *trainer.optimizer.variables]
    there += [each for metric in trainer.metrics for each in metric.variables]
    assert {id(each) for each in there} <= held


@pytest.mark.parametrize(
    ("metrics", "rule", "right"),
    [
        (["nope"], "one of Keras", "SparseTopK"),
        (["categorical_accuracy"], "labels as integers", "SparseCategoricalAccuracy"),
        ([keras.metrics.CategoricalAccuracy()], "labels as integers", "SparseCategoricalAccuracy"),
        ([keras.metrics.BinaryAccuracy()], "labels as integers", "Sparse"),
        ([keras.metrics.SparseCategoricalCrossentropy()], "see logits", "from_logits=True"),
        ([keras.metrics.AUC()], "see logits", "from_logits=True"),
        (["mse"], "must take labels [batch] and logits [batch, 10]", "SparseTopK"),
        ([keras.metrics.F1Score()], "must take labels", "SparseTopK"),
        ([["accuracy"]], "one flat list", "SparseTopK"),
        ({"last": "accuracy"}, "one flat list", "SparseTopK"),
        ([keras.metrics.SparseCategoricalAccuracy(name="loss")], "name of its own", "accuracy"),
        ([keras.metrics.SparseCategoricalAccuracy(name="threshold")], "name of its own", "fosc"),
        ([TOP(k=3), TOP(k=5)], "name of its own", "accuracy"),
    ],
)
def test_what_cannot_be_reported_is_refused_before_training(metrics, rule, right):
    with pytest.raises(UserError) as error:
        trainer_of(metrics=metrics)
    assert rule in error.value.rule
    assert right in error.value.right


def test_a_network_that_does_not_know_its_images_is_called_first():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = linear()

        def call(self, image, training=False):
            return self.inner(image)

    from fosc_tf import AdversarialTrainer, defenses

    trainer = AdversarialTrainer(Own(), defenses.get("unsecured"))
    with pytest.raises(UserError, match="must know its images"):
        trainer.compile("sgd", metrics=[TOP(k=3)])
    trainer.network(keras.Input((8, 8, 1)))
    trainer.compile("sgd", metrics=[TOP(k=3)])
    assert "sparse_top_k_categorical_accuracy" in history_of(trainer)
