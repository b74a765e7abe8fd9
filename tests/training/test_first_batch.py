"""Mistakes in what is given to `fit` are told before the first step, in three parts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.training import AdversarialTrainer, CoupledSGD
from fosc_tf.training.first_batch import first_batch
from tests.attacks.toys import SHAPE, images, labels, mlp
from tests.data.three_parts import refused

IMAGE, LABEL = images(12), labels(12)


@pytest.fixture(scope="module")
def network():
    return mlp()


def batches(*tensors, size=4, drop_remainder=False):
    examples = tf.data.Dataset.from_tensor_slices(tensors[0] if len(tensors) == 1 else tensors)
    return examples.batch(size, drop_remainder)


def test_returns_the_first_batch_of_anything_fit_takes(network):
    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            rows = slice(4 * index, 4 * index + 4)
            return IMAGE[rows], LABEL[rows]

    as_dict = {"image": IMAGE, "label": LABEL, "id": np.arange(12)}

    def generator():
        yield from batches(IMAGE, LABEL).as_numpy_iterator()

    given = [
        (batches(IMAGE, LABEL),),
        (batches(as_dict),),
        (Sequence(),),
        (IMAGE, LABEL, 4),
        (as_dict, None, 4),
        (list(batches(IMAGE, LABEL)),),
        (generator(),),
    ]
    found, trained_on = zip(*(first_batch(network, *each) for each in given), strict=True)
    for each, same in zip(given[:-1], trained_on, strict=False):
        assert each[0] is same
    assert [len(image) for image, _ in trained_on[-1]] == [4, 4, 4]
    for batch in found:
        np.testing.assert_array_equal(batch.image, IMAGE[:4])
        np.testing.assert_array_equal(batch.label, LABEL[:4])
    assert found[1].context["id"].numpy().tolist() == [0, 1, 2, 3]
    assert len(first_batch(network, IMAGE, LABEL)[0].image) == 12  # fewer than Keras' 32


@pytest.mark.parametrize(
    ("data", "rule", "right", "received"),
    [
        ((IMAGE * 255, LABEL), "image must lie in [0, 1]", "divide", "values from"),
        (((IMAGE * 255).astype("uint8"), LABEL), "image must hold floats", "255", "uint8"),
        ((IMAGE * np.nan, LABEL), "no NaN", "[0, 1]", "64 NaN"),
        ((IMAGE, LABEL + 3), "label must", "from 0 to 2", "values from 3"),
        ((IMAGE, LABEL - 5), "label must", "from 0 to 2", "values from -5"),
        ((IMAGE, np.eye(3)[LABEL]), "label must have one axis", "argmax", "[4, 3]"),
        ((IMAGE, LABEL / 2), "label must hold integers", "from 0 to 2", "float64"),
        ((IMAGE[:, :3], LABEL), "must have the shape", "[batch, 4, 4, 1]", "[batch, 3, 4, 1]"),
        ((IMAGE[..., 0], LABEL), "must have the shape", "[batch, 4, 4, 1]", "[batch, 4, 4]"),
        ((IMAGE, LABEL, LABEL), "an (image, label) pair or a dict", "map", "a batch of tuple"),
        ((IMAGE,), "an (image, label) pair or a dict", "map", "EagerTensor"),
        (({"image": IMAGE, "y": LABEL},), 'a dict with "image" and', "map", "with image, y"),
    ],
)
def test_batches_that_do_not_fit(network, data, rule, right, received):
    dataset = batches(*data)
    refused(lambda: first_batch(network, dataset), rule=rule, right=right, received=received)


def test_an_empty_dataset(network):
    empty = batches(IMAGE, LABEL).take(0)
    refused(
        lambda: first_batch(network, empty),
        rule="must not be empty",
        right="one batch",
        received="no batch",
    )


def test_a_network_that_returns_probabilities(network):
    softmax = keras.Sequential([network, keras.layers.Softmax()])
    refused(
        lambda: first_batch(softmax, batches(IMAGE, LABEL)),
        rule="logits, not probabilities",
        right="without its softmax",
        received="stay in [0, 1]",
    )


def test_a_batch_that_the_replicas_cannot_share(network, monkeypatch):
    monkeypatch.setattr("fosc_tf.training.first_batch.num_replicas", lambda: 3)
    error = refused(
        lambda: first_batch(network, batches(IMAGE, LABEL)),
        rule="divisible by the 3 replicas",
        right="batch_size=3",
        received="batch_size=4",
    )
    assert str(error).count("\n") == 2  # rule, right, received: a line each
    first_batch(network, batches(IMAGE, LABEL, size=6, drop_remainder=True))
    first_batch(network, IMAGE, LABEL, batch_size=6)
    first_batch(network, IMAGE[:9], LABEL[:9], batch_size=6)


def test_a_last_batch_that_the_replicas_cannot_share(network, monkeypatch):
    first_batch(network, batches(IMAGE, LABEL))  # one replica takes it as it comes
    monkeypatch.setattr("fosc_tf.training.first_batch.num_replicas", lambda: 2)
    first_batch(network, IMAGE[:10], LABEL[:10], batch_size=4)
    refused(
        lambda: first_batch(network, batches(IMAGE, LABEL)),
        rule="2 replicas share must be known to be of one size",
        right="dataset.unbatch().batch(4, drop_remainder=True)",
        received="may differ in size",
    )
    refused(
        lambda: first_batch(network, IMAGE[:11], LABEL[:11], batch_size=4),
        rule="last batch must be divisible by the 2 replicas",
        right="the first 10",
        received="11 images in batches of 4",
    )


class Subclassed(keras.Model):
    """A network that does not know its input shape."""

    def __init__(self):
        super().__init__()
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(3)

    def call(self, image, training=False):
        del training
        return self.dense(self.flatten(image))


@pytest.mark.parametrize(
    "make",
    [
        Subclassed,
        lambda: keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)]),
        lambda: keras.Sequential(
            [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)]
        ),
        lambda: keras.Sequential(
            [keras.Input((None, None, 1)), keras.layers.GlobalMaxPool2D(), keras.layers.Dense(3)]
        ),
    ],
    ids=["subclassed", "sequential without a shape", "sequential", "any size"],
)
def test_networks_of_any_kind(make):
    trainer = AdversarialTrainer(make(), defenses.get("standard", epsilon=0.1, num_steps=1))
    trainer.compile(optimizer=CoupledSGD(0.1))
    history = trainer.fit(batches(IMAGE, LABEL), verbose=0).history
    assert np.isfinite(history["loss"][0])


def test_fit_checks_before_it_trains(network):
    trainer = AdversarialTrainer(network, defenses.get("unsecured"))
    trainer.compile(optimizer=CoupledSGD(0.1))
    refused(
        lambda: trainer.fit(batches(IMAGE * 255, LABEL), verbose=0),
        rule="image must lie in [0, 1]",
        right="divide",
        received="values",
    )
    assert int(trainer.optimizer.iterations) == 0


@pytest.mark.parametrize(
    "weights",
    [{"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}}, {"sample_weight": np.ones(12)}],
    ids=lambda weights: next(iter(weights)),
)
def test_fit_refuses_weights_that_it_would_ignore(network, weights):
    trainer = AdversarialTrainer(network, defenses.get("standard", epsilon=0.1))
    trainer.compile(optimizer=CoupledSGD(0.1))
    (name,) = weights
    refused(
        lambda: trainer.fit(IMAGE, LABEL, verbose=0, **weights),
        rule="every example counts alike",
        right=f"without {name}",
        received=f"{name} of {len(weights[name])} values",
    )
    assert int(trainer.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("changed", "rule", "right"),
    [
        ({"network": None}, "network must be a Keras model", "models.get"),
        ({"defense": "standard"}, "defense must be one", "defenses.get"),
        ({"fosc_every": "10"}, "fosc_every must be a whole number >= 0", "fosc_every=10"),
        ({"fosc_every": -1}, "fosc_every must be a whole number >= 0", "fosc_every=10"),
    ],
)
def test_a_trainer_of_what_is_none(network, changed, rule, right):
    arguments = {"network": network, "defense": defenses.get("unsecured")} | changed
    ((name, value),) = changed.items()
    received = f"{name}={value!r}"
    refused(lambda: AdversarialTrainer(**arguments), rule=rule, right=right, received=received)


def test_fit_knows_the_diameter_of_the_images(network):
    trainer = AdversarialTrainer(network, defenses.get("standard", epsilon=8, norm="l2"))
    trainer.compile(optimizer=CoupledSGD(0.1))
    refused(
        lambda: trainer.fit(batches(IMAGE, LABEL), verbose=0),
        rule=f"at most {np.sqrt(np.prod(SHAPE)):.6g}, the l2 diameter",
        right="epsilon=8/255",
        received="epsilon=8",
    )
    assert int(trainer.optimizer.iterations) == 0


def test_a_ceiling_is_measured_on_the_first_batch_of_a_generator(network):
    """Which is trained on all the same."""
    defense = defenses.get("dynamic", epsilon=0.1, steps_per_epoch=2, c_max="auto")
    trainer = AdversarialTrainer(network, defense)
    trainer.compile(optimizer=CoupledSGD(0.1))
    given = []

    def generator():
        while True:
            given.append(len(given))
            yield IMAGE, LABEL

    trainer.fit(generator(), steps_per_epoch=2, shuffle=False, verbose=0)
    assert np.isfinite(defense.state[0].numpy())
    assert trainer.step == 2
    assert given[:2] == [0, 1]


@pytest.mark.parametrize("call", ["fit", "evaluate"])
def test_weights_of_single_examples_are_refused(network, call):
    trainer = AdversarialTrainer(network, defenses.get("standard", epsilon=0.1))
    trainer.compile(optimizer=CoupledSGD(0.1))
    weights = np.ones(len(LABEL))
    calls = {
        "fit": lambda: trainer.fit(
            IMAGE, LABEL, validation_data=(IMAGE, LABEL, weights), verbose=0
        ),
        "evaluate": lambda: trainer.evaluate(IMAGE, LABEL, sample_weight=weights, verbose=0),
    }
    refused(calls[call], rule="every example counts alike", right="without", received="3 parts")
