"""White-box accuracy, redone by hand on a network of three numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import export
from fosc_tf.errors import UserError
from fosc_tf.evaluation import Journal, white_box
from fosc_tf.evaluation.stages import stages
from fosc_tf.evaluation.survival import Survival

# Two pixels a and b; logits (a - b, b - a, -9). Class 0 wins where a > b. A step of FGSM moves a
# and b by epsilon against the label each, so an image keeps its class when |a - b| > 2 epsilon.
KERNEL = [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]]
PIXELS = [[0.9, 0.1], [0.6, 0.4], [0.55, 0.45], [0.3, 0.7], [0.45, 0.55], [0.5, 0.55]]
LABEL = [0, 0, 0, 1, 1, 0]  # the last one is wrong without any attack
# |a - b|: 0.8, 0.2, 0.1, 0.4, 0.1, and the one that is wrong.
EXPECTED = {0.01: 5 / 6, 0.06: 3 / 6, 0.11: 2 / 6, 0.21: 1 / 6, 0.41: 0.0}


@pytest.fixture
def network():
    image = keras.Input((1, 2, 1))
    logits = keras.layers.Dense(3)(keras.layers.Flatten()(image))
    network = keras.Model(image, logits)
    network.layers[-1].set_weights([np.float32(KERNEL), np.float32([0, 0, -9])])
    return network


def image():
    return np.float32(PIXELS)[:, None, :, None]


def dataset(batch=4, image=image(), label=LABEL):  # noqa: B008
    return tf.data.Dataset.from_tensor_slices((image, label)).batch(batch)


@pytest.mark.parametrize("epsilon", EXPECTED)
@pytest.mark.parametrize("attack", ["fgsm", "pgd-10", "cw-linf"])
def test_accuracy_by_hand(network, epsilon, attack):
    # The network is linear: its worst case is one step of FGSM away, for every attack.
    rows = white_box(network, dataset(), epsilon=epsilon, attacks=("clean", attack))
    assert [row["attack"] for row in rows] == ["clean", attack]
    assert [row["accuracy"] for row in rows] == pytest.approx([5 / 6, EXPECTED[epsilon]])
    assert [row["n"] for row in rows] == [6, 6]


def test_l2_by_hand(network):
    # The nearest point of a = b is |a - b| / sqrt(2) away: 0.07 for the two of 0.1.
    (row,) = white_box(network, dataset(), epsilon=0.08, norm="l2", attacks=("fgsm",))
    assert row["accuracy"] == pytest.approx(3 / 6)


def test_rows_say_what_was_done(network):
    rows = white_box(
        network, dataset(), epsilon=0.1, attacks=("clean", "pgd-7"), step_size=0.02, seed=3
    )
    assert rows[0]["parameters"] == {"seed": 3}
    parameters = rows[1]["parameters"]
    for name, value in (("epsilon", 0.1), ("step_size", 0.02), ("num_steps", 7), ("seed", 3)):
        assert parameters[name] == value
    assert parameters["norm"] == "linf"


@pytest.mark.parametrize("batch", [1, 4, 6, 100])
def test_size_of_the_batches_does_not_matter(network, batch):
    (row,) = white_box(network, dataset(batch), epsilon=0.06, attacks=("fgsm",))
    assert (row["accuracy"], row["n"]) == (3 / 6, 6)


def test_dicts_and_other_dtypes(network):
    label = np.int64(LABEL)
    dicts = tf.data.Dataset.from_tensor_slices({"image": image(), "label": label, "id": label})
    doubles = dataset(image=np.float64(image()), label=np.uint8(LABEL))
    for given in (dicts.batch(4), doubles):
        (row,) = white_box(network, given, epsilon=0.06, attacks=("fgsm",))
        assert (row["accuracy"], row["n"]) == (3 / 6, 6)


def test_exported_network(network, tmp_path):
    export.save(network, tmp_path / "export")
    attacks = ("clean", "fgsm", "pgd-3")
    expected = white_box(network, dataset(), epsilon=0.06, attacks=attacks)
    loaded = export.load(tmp_path / "export")
    assert white_box(loaded, dataset(), epsilon=0.06, attacks=attacks) == expected


def test_subclassed_network(network):
    class Mine(keras.Model):
        def call(self, image, training=False):
            return network(image, training=training)

    (row,) = white_box(Mine(), dataset(), epsilon=0.06, attacks=("fgsm",))
    assert row["accuracy"] == 3 / 6


def test_same_seed_same_rows_and_another_seed_other_starts(network):
    # One step of epsilon / 4 leaves it to the random start who falls.
    random = np.random.default_rng(0)
    many = random.uniform(0.4, 0.6, size=[200, 1, 2, 1]).astype(np.float32)
    label = (many[:, 0, 0, 0] < many[:, 0, 1, 0]).astype(np.int32)
    given = dataset(batch=50, image=many, label=label)
    seeds = [0, 0, 1, 2]
    found = [white_box(network, given, epsilon=0.05, attacks=("pgd-1",), seed=s) for s in seeds]
    assert found[0] == found[1]
    assert len({rows[0]["accuracy"] for rows in found}) > 1


def test_network_is_in_evaluation_mode_and_left_as_it_was():
    image = keras.Input((1, 2, 1))
    x = keras.layers.Dropout(0.9)(keras.layers.BatchNormalization()(image))
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    before = [weight.numpy() for weight in network.weights]
    rows = [white_box(network, dataset(), epsilon=0.1, attacks=("clean", "fgsm")) for _ in "ab"]
    assert rows[0] == rows[1]
    for old, new in zip(before, network.weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_one_trace_serves_all_batches_and_uses(network):
    traces = []

    class Counted:
        input_shape = network.input_shape

        def __call__(self, image, training=False):
            if not tf.executing_eagerly():
                traces.append(image.shape)
            return network(image, training=training)

    survival = Survival(Counted(), dataset(), seed=0)
    assert survival.row(stages("clean", epsilon=0.1)) == survival.row(stages("clean", epsilon=0.2))
    assert len(traces) == 1


@pytest.mark.parametrize("several", [(0.06, 0.21), [0.06, 0.21], np.array([0.06, 0.21])])
def test_several_epsilons_in_any_form(network, several):
    rows = white_box(network, dataset(), epsilon=several, attacks=("fgsm",))
    assert [row["accuracy"] for row in rows] == [3 / 6, 1 / 6]
    assert [row["parameters"]["epsilon"] for row in rows] == [0.06, 0.21]


@pytest.mark.parametrize("journal", [None, Journal()], ids=["no journal", "journal"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (dataset().take(0), "the dataset must not be empty"),
        (dataset().repeat(), "the dataset must end"),
        (dataset(label=[0, 0, 0, 0, 0, 3]), "label must lie in its range"),
        (dataset(label=[-1, 0, 0, 0, 0, 0]), "label must lie in its range"),
        (dataset(image=image() * 255), "must lie in [0, 1]"),
        (dataset(image=np.uint8(image() * 255)), "must hold floats"),
        (dataset(image=image() * np.float32("nan")), "must hold no NaN"),
        (dataset(image=np.zeros([6, 3, 3, 1], np.float32)), "the shape that the network takes"),
        (dataset().map(lambda image, label: {"x": image}), 'a dict with "image" and "label"'),
        (dataset().map(lambda image, label: image), "is an (image, label) pair"),
        (iter([(image(), np.int32(LABEL))]), "must be there for every attack anew"),
    ],
)
def test_datasets_that_cannot_be_evaluated(network, given, words, journal):
    with pytest.raises(UserError) as caught:
        white_box(network, given, epsilon=0.1, attacks=("clean", "fgsm"), journal=journal)
    assert words in caught.value.rule


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epsilon": 8}, "epsilon must lie in (0, 1]"),
        ({"epsilon": "8/255"}, "epsilon must be a number"),
        ({"epsilon": ()}, "there must be a radius"),
        ({"epsilon": [0.1, None]}, "epsilon must be a number"),
        ({"epsilon": 0.0}, "epsilon must lie in (0, 1]"),
        ({"seed": None}, "seed must be a whole number"),
        ({"seed": 2**63}, "seed must be below 2**63"),
        ({"attacks": ("pgd-x",)}, "the attack must be a known one"),
        ({"attacks": ("pgd-0",)}, "num_steps must be a whole number"),
        ({"norm": "l3"}, "the norm must be a known one"),
        ({"step_size": 0.3}, "at most 2 * epsilon"),
        # Images of two pixels: a diameter of sqrt(2) = 1.41421 in l2 and 2 in l1.
        ({"epsilon": 128.0, "norm": "l2"}, "at most 1.41421, the l2 diameter of images [1, 2, 1]"),
        ({"epsilon": 2.1, "norm": "l1"}, "at most 2, the l1 diameter of images [1, 2, 1]"),
        ({"epsilon": [0.1, 1.5], "norm": "l2"}, "at most 1.41421"),
        ({"attacks": ("autoattackx5",)}, "an ensemble is one try of each member"),
    ],
)
def test_settings_that_cannot_work(network, arguments, words):
    with pytest.raises(UserError) as caught:
        white_box(network, dataset(), **({"epsilon": 0.1, "attacks": ("pgd-2",)} | arguments))
    assert words in caught.value.rule


def test_network_of_probabilities(network):
    probabilities = keras.Model(network.input, keras.layers.Softmax()(network.output))
    with pytest.raises(UserError, match="logits"):
        white_box(probabilities, dataset(), epsilon=0.1, attacks=("clean",))


def test_a_network_of_nothing_but_nan_has_no_accuracy(network):
    broken = keras.models.clone_model(network)
    broken.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    for attack in ("clean", "fgsm", "apgd-ce", "square"):
        with pytest.raises(UserError, match="must return finite logits"):
            white_box(broken, dataset(), epsilon=0.1, attacks=(attack,))
