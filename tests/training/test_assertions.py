"""Mistakes in a later batch: told in three parts, before the weights learn from it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.training import AdversarialTrainer
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused

IMAGE, LABEL = images(12), labels(12)


def late(change, rows=IMAGE):
    """Returns the rows with the third batch of four changed."""
    changed = np.array(rows)
    changed[8:] = change(changed[8:])
    return changed


BRIGHT, WRONG = late(lambda rows: rows * 255.0), late(lambda rows: rows + 3, LABEL)
MISTAKES = {
    "0..255": ((BRIGHT, LABEL), "image of a later batch must lie in [0, 1]", "divide"),
    "negative": ((late(lambda rows: rows - 1.0), LABEL), "must lie in [0, 1]", "[0, 1]"),
    "NaN": ((late(lambda rows: rows * np.nan), LABEL), "must hold no NaN", "[0, 1]"),
    "label": ((IMAGE, WRONG), "label of a later batch must lie in its range", "from 0 to 2"),
    "negative label": ((IMAGE, late(lambda rows: rows - 9, LABEL)), "its range", "from 0 to 2"),
}


class Own(keras.Model):
    """A network that does not say how many classes it has."""

    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def call(self, x, training=False):
        return self.inner(x, training=training)


def trainer(network=None):
    defense = defenses.get("standard", epsilon=0.1, num_steps=2)
    made = AdversarialTrainer(network or mlp(), defense)
    made.compile(keras.optimizers.SGD(0.1))
    return made


def containers(image, label):
    """Yields by name what `fit` takes, in batches of four."""

    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            rows = slice(4 * index, 4 * index + 4)
            return image[rows], label[rows]

    dataset = tf.data.Dataset.from_tensor_slices({"image": image, "label": label}).batch(4)
    yield "arrays", {"x": image, "y": label, "batch_size": 4, "shuffle": False}
    yield "dict", {"x": {"image": image, "label": label}, "batch_size": 4, "shuffle": False}
    yield "dataset", {"x": dataset}
    yield "unknown length", {"x": dataset.filter(lambda _: True)}
    yield "sequence", {"x": Sequence(), "shuffle": False}
    yield "generator", {"x": (Sequence()[i] for i in range(3)), "steps_per_epoch": 3}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_container_hides_a_later_batch(mistake):
    data, rule, right = MISTAKES[mistake]
    for name, given in containers(*data):
        if mistake in ("0..255", "label") or name == "generator":
            made = trainer()
            refused(
                lambda m=made, g=given: m.fit(**g, verbose=0), rule=rule, right=right, received=""
            )
            assert made.step == 2, name
            for weight in made.network.weights:
                assert np.isfinite(weight).all()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_evaluations_look_at_every_batch_too(mistake):
    (image, label), rule, right = MISTAKES[mistake]
    made = trainer()
    refused(
        lambda: made.evaluate(image, label, batch_size=4, verbose=0),
        rule=rule,
        right=right,
        received="",
    )
    refused(
        lambda: made.fit(IMAGE, LABEL, validation_data=(image[8:], label[8:]), verbose=0),
        rule=rule.replace(" of a later batch", ""),
        right=right,
        received="",
    )
    assert made.step == 0  # before training starts


@pytest.mark.parametrize("label", [LABEL.reshape(-1, 1), LABEL.reshape(-1, 1).astype(np.int64)])
def test_labels_of_two_axes_of_which_one_is_empty(label):
    """As Keras loads CIFAR-10: the same training as with one axis."""
    one, other = trainer(), trainer()
    one.fit(IMAGE, LABEL, shuffle=False, verbose=0)
    other.fit(IMAGE, label, shuffle=False, validation_data=(IMAGE, label), verbose=0)
    for mine, its in zip(one.network.weights, other.network.weights, strict=True):
        np.testing.assert_array_equal(mine, its)
    one_hot = np.eye(3, dtype=np.int32)[LABEL]
    for wrong, right in ((one_hot, "argmax over the last axis"), (one_hot[:, :2], "argmax")):
        refused(
            lambda wrong=wrong: other.fit(IMAGE, wrong, verbose=0),
            rule="label must have one axis",
            right=right,
            received=f"shape [12, {wrong.shape[1]}]",
        )


def test_a_network_of_ones_own_tells_its_classes():
    network = Own()
    network(IMAGE)
    refused(
        lambda: trainer(network).fit(IMAGE, WRONG, batch_size=4, shuffle=False, verbose=0),
        rule="label of a later batch must lie in its range",
        right="from 0 to 2",
        received="values from ",
    )


def test_nan_values_of_a_later_batch_are_counted():
    """Four images of 16 pixels."""
    data, rule, right = MISTAKES["NaN"]
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(4)
    refused(
        lambda: trainer().fit(dataset, verbose=0), rule=rule, right=right, received="64 NaN values"
    )
