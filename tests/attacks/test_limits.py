"""Mistakes that must be told before the first gradient, each in three parts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, Mixed, carlini_wagner, fosc_above
from fosc_tf.attacks.autoattack import APGD, AutoAttack, Square
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.errors import UserError
from tests.attacks.toys import Linear, images, labels, mlp
from tests.data.three_parts import refused

GOOD = {"epsilon": 0.3, "step_size": 0.075, "num_steps": 10}


@pytest.mark.parametrize(
    ("bad", "rule", "right", "received"),
    [
        ({"epsilon": 8}, "epsilon must lie in (0, 1]", "epsilon=8/255", "epsilon=8"),
        ({"epsilon": 0}, "epsilon must lie in (0, 1]", "8/255", "epsilon=0"),
        ({"epsilon": -0.1}, "epsilon must lie in (0, 1]", "8/255", "epsilon=-0.1"),
        ({"epsilon": float("nan")}, "epsilon must be a number", "8/255", "epsilon=nan"),
        ({"epsilon": np.array(8)}, "epsilon must lie in (0, 1]", "epsilon=8/255", "epsilon=8"),
        ({"epsilon": "8/255"}, "epsilon must be a number", "epsilon=8/255", "epsilon='8/255'"),
        ({"epsilon": tf.constant("8")}, "epsilon must be a number", "8/255", "b'8'"),
        ({"epsilon": tf.ones([2])}, "epsilon must be a number", "8/255", "shape=(2,)"),
        ({"epsilon": True}, "epsilon must be a number", "8/255", "epsilon=True"),
        ({"step_size": None}, "step_size must be a number", "epsilon / 4", "step_size=None"),
        ({"step_size": [0.1]}, "step_size must be a number", "epsilon / 4", "step_size=[0.1]"),
        ({"num_steps": "10"}, "num_steps must be a whole number >= 1", "10", "num_steps='10'"),
        ({"num_steps": np.float32(2)}, "num_steps must be a whole", "10", "num_steps=2.0"),
        ({"gate": 0.2}, "gate must be None or a function", "fosc_above(0.2)", "gate=0.2"),
        ({"gate": "fosc"}, "gate must be None or a function", "fosc_above(0.2)", "gate='fosc'"),
        ({"gate": fosc_above}, "gate must be None or a function", "fosc_above(0.2)", "<function"),
        ({"epsilon": np.inf, "norm": "l2"}, "epsilon must be positive and finite", "0.5", "=inf"),
        ({"epsilon": 0.0, "norm": "l2"}, "epsilon must be positive", "0.5", "epsilon=0"),
        ({"step_size": 0.61}, "at most 2 * epsilon", "step_size=0.075", "0.61 with epsilon=0.3"),
        ({"step_size": 0}, "step_size must be positive", "epsilon / 4", "step_size=0"),
        ({"step_size": -1.0}, "step_size must be positive", "epsilon / 4", "step_size=-1"),
        ({"num_steps": 0}, "num_steps must be a whole number >= 1", "10", "num_steps=0"),
        ({"num_steps": 2.5}, "num_steps must be a whole number >= 1", "10", "num_steps=2.5"),
        ({"num_steps": True}, "num_steps must be a whole number >= 1", "10", "num_steps=True"),
        ({"norm": "linv"}, "norm must be a known one", "nearest: linf", "norm='linv'"),
        ({"start": "unifrom"}, "start must be a known one", "nearest: uniform", "'unifrom'"),
        ({"loss": "crossentropy"}, "loss must be a known", "nearest: cross_entropy", "crossentr"),
        ({"feasible": "bal"}, "feasible set must be a known", "nearest: ball", "'bal'"),
    ],
)
def test_parts_that_make_no_climb(bad, rule, right, received):
    refused(lambda: PGD(**(GOOD | bad)), rule=rule, right=right, received=received)


@pytest.mark.parametrize(
    "good",
    [
        {"epsilon": 1, "step_size": 2},
        {"epsilon": 3.0, "norm": "l2"},
        {"step_size": 0.6},
        {"num_steps": np.int64(3)},
        {"num_steps": Mixed(3)},
        {"num_steps": Mixed(np.int64(0))},
        {"num_steps": tf.constant(3)},
        {"step_size": keras.Variable(0.1)},
        {"gate": fosc_above(np.inf)},
        {"gate": lambda point, step: point.loss > 0},
        {"epsilon": lambda step: step},
        {"epsilon": tf.constant(0.1), "step_size": tf.constant(0.1)},
    ],
)
def test_what_is_accepted(good):
    PGD(**(GOOD | good))


def test_numpy_scalars_become_plain_numbers():
    attack = PGD(epsilon=np.array(0.5), step_size=np.float32(0.25), num_steps=np.int64(2))
    plain = PGD(epsilon=0.5, step_size=0.25, num_steps=2)
    assert attack.traits.fixed_shapes
    assert repr(attack.parameters()) == repr(plain.parameters())


@pytest.mark.parametrize(
    ("call", "rule", "received"),
    [
        (lambda: fosc_above(float("nan")), "threshold must be a number", "threshold=nan"),
        (lambda: fosc_above("0.2"), "threshold must be a number", "threshold='0.2'"),
        (lambda: fosc_above(None), "threshold must be a number", "threshold=None"),
        (lambda: carlini_wagner("50"), "kappa must be a number", "kappa='50'"),
        (lambda: Mixed("3"), "strength must be a whole number >= 0", "strength='3'"),
        (lambda: Mixed(-1), "strength must be a whole number >= 0", "strength=-1"),
        (lambda: Square(epsilon=0.1, p_init="0.8"), "p_init must be a number", "p_init='0.8'"),
        (lambda: Square(epsilon=0.1, p_init=True), "p_init must be a number", "p_init=True"),
    ],
)
def test_what_is_no_number(call, rule, received):
    refused(call, rule=rule, right="", received=received)


@pytest.mark.parametrize(
    ("norm", "epsilon", "largest"), [("l2", 128, "55.4256"), ("l1", 4000.0, "3072")]
)
def test_a_ball_wider_than_all_images(norm, epsilon, largest):
    # CIFAR-10: 32 * 32 * 3 = 3072 numbers, whose square root is 55.4256.
    refused(
        lambda: check_epsilon(epsilon, norm, (32, 32, 3)),
        rule=f"epsilon must be at most {largest}, the {norm} diameter of images [32, 32, 3]",
        right=f"epsilon={epsilon:g}/255, if it was meant for pixels in 0..255",
        received=f"epsilon={epsilon:g}",
    )


@pytest.mark.parametrize(
    ("norm", "epsilon"),
    [("linf", 1.0), ("l2", 3072**0.5), ("l1", 3072), ("l2", tf.constant(128.0))],
)
def test_a_ball_as_wide_as_all_images_and_tensors_pass(norm, epsilon):
    check_epsilon(epsilon, norm, (32, 32, 3))


@pytest.fixture(scope="module")
def network():
    return mlp()


def wrong(**change):
    return {"image": images(4), "label": labels(4), **change}


def test_a_seed_that_fits_no_tensor(network):
    refused(
        lambda: PGD(**GOOD)(network, images(4), labels(4), seed=2**63),
        rule="seed must be below 2**63",
        right="seed=0",
        received="seed=9223372036854775808",
    )


@pytest.mark.parametrize(
    "attack",
    [
        PGD(epsilon=4.1, step_size=1.0, num_steps=1, norm="l2"),
        APGD(epsilon=4.1, norm="l2"),
        AutoAttack(epsilon=4.1, norm="l2", members=[APGD(epsilon=4.1, norm="l2")]),
    ],
)
def test_a_ball_wider_than_the_images_attacked(network, attack):
    refused(
        lambda: attack(network, images(4), labels(4)),
        rule="epsilon must be at most 4, the l2 diameter of images [4, 4, 1]",
        right="4.1/255",
        received="epsilon=4.1",
    )


@pytest.mark.parametrize("attack", [PGD(**GOOD), APGD(epsilon=0.1)])
@pytest.mark.parametrize("name", ["seed", "step"])
@pytest.mark.parametrize("value", [None, "0", -1, 1.5, True, np.zeros(2), tf.constant(0.5)])
def test_what_decides_no_random_numbers(network, attack, name, value):
    refused(
        lambda: attack(network, images(4), labels(4), **{name: value}),
        rule=f"{name} must be a whole number >= 0",
        right=f"{name}=0",
        received=f"{name}=",
    )


@pytest.mark.parametrize(
    "value", [3, np.int64(3), tf.constant(3), keras.Variable(3, dtype="int64")]
)
def test_every_form_of_a_seed_finds_the_same(network, value):
    attack = PGD(**GOOD | {"num_steps": 1})
    found = attack(network, images(4), labels(4), seed=value, step=value)
    same = attack(network, images(4), labels(4), seed=3, step=3)
    np.testing.assert_array_equal(found.image, same.image)


@pytest.mark.parametrize(
    ("batch", "rule", "right", "received"),
    [
        (wrong(image=images(4) * 255), "image must lie in [0, 1]", "divide", "values from"),
        (wrong(image=(images(4) * 255).astype("uint8")), "image must hold floats", "255", "uint8"),
        (wrong(image=images(4) - 0.5), "image must lie in [0, 1]", "[0, 1]", "values from -0."),
        (wrong(image=images(4)[..., 0]), "image must have four axes", "channels", "[4, 4, 4]"),
        (wrong(image=images(4) * np.nan), "image must hold no NaN", "float32", "64 NaN"),
        (wrong(label=labels(4) + 3), "label must", "from 0 to 2", "values fr"),
        (wrong(label=np.int32([0, -1, 0, 0])), "label must", "0 to 2", "from -1 to"),
        (wrong(label=np.eye(3)[labels(4)]), "label must have one axis", "argmax", "[4, 3]"),
        (wrong(label=labels(4) / 2), "label must hold integers", "0 to 2", "float64"),
        (wrong(label=labels(3)), "every image needs one label", "4 labels", "3 labels"),
    ],
)
def test_batches_that_do_not_fit(network, batch, rule, right, received):
    attack = PGD(**GOOD)
    refused(lambda: attack(network, **batch), rule=rule, right=right, received=received)


def test_a_network_that_returns_probabilities(network):
    softmax = keras.Sequential([network, keras.layers.Softmax()])
    refused(
        lambda: PGD(**GOOD)(softmax, **wrong()),
        rule="logits, not probabilities",
        right="without its softmax",
        received="stay in [0, 1]",
    )


def test_a_network_is_refused_every_time(network):
    softmax = keras.Sequential([network, keras.layers.Softmax()])
    for _ in range(2):
        with pytest.raises(UserError, match="logits, not probabilities"):
            PGD(**GOOD)(softmax, **wrong())


def test_a_network_that_cannot_be_differentiated():
    def cut(image, training=False):
        del training
        return tf.stop_gradient(tf.reduce_mean(image, axis=[1, 2]) * tf.constant([1.0, -1.0]))

    label = np.zeros(4, "int32")
    refused(
        lambda: PGD(**GOOD)(cut, images(4), label),
        rule="must be differentiable",
        right="SavedModel",
        received="no gradient",
    )

    def resized(image, training=False):
        # TensorFlow has no gradient of this operation.
        return tf.image.resize(image, (1, 2), method="area")[:, 0, :, 0]

    refused(
        lambda: PGD(**GOOD)(resized, images(4), label),
        rule="must be differentiable",
        right="SavedModel",
        received="no gradient",
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
def test_any_integer_label_is_right(network, dtype):
    attack = PGD(epsilon=0.1, step_size=0.1, num_steps=1, start="clean")
    found = attack(network, images(4), labels(4).astype(dtype)).image
    np.testing.assert_array_equal(found, attack(network, images(4), labels(4)).image)


def test_float64_images_are_right(network):
    attack = PGD(epsilon=0.1, step_size=0.1, num_steps=1, start="clean")
    found = attack(network, images(4).astype("float64"), labels(4)).image
    assert found.dtype == tf.float32


def test_numpy_counts_of_the_ensemble(network):
    counts = {"num_steps": 3, "restarts": 2, "passes": 2}
    one, other = (
        APGD(epsilon=0.05, **{name: kind(count) for name, count in counts.items()})
        for kind in (int, np.int64)
    )
    assert repr(one.parameters()) == repr(other.parameters())
    found = [attack(network, images(4), labels(4)).image for attack in (one, other)]
    np.testing.assert_array_equal(*found)


class Slotted:
    """A network that takes no weak reference."""

    __slots__ = ("network",)

    def __init__(self, network):
        self.network = network

    def __call__(self, image, training=False):
        return self.network(image, training=training)


def test_a_network_without_weak_references():
    network, label = Linear(np.ones(16)), np.zeros(4, "int32")
    for attack in (PGD(**GOOD), APGD(epsilon=0.3, num_steps=2)):
        slotted = attack(Slotted(network), images(4), label).image
        np.testing.assert_array_equal(slotted, attack(network, images(4), label).image)
    refused(
        lambda: PGD(**GOOD)(Slotted(lambda image, training: image), **wrong()),
        rule="logits of shape",
        right="Dense",
        received="(2, 4, 4, 1)",
    )
