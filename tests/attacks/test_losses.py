"""What attacks ascend, on logits small enough to do by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, carlini_wagner, losses
from tests.attacks.toys import SHAPE, Linear, images, mlp
from tests.data.three_parts import refused

LOGITS = tf.constant([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [-5.0, -7.0, -6.0]])
LABEL = tf.constant([0, 1, 2])


def test_margin_masks_the_true_logit():
    # 2 - 3, 3 - 1, -5 - (-6): without the mask the first would be 0.
    np.testing.assert_allclose(losses.margin(LOGITS, LABEL), [-1.0, 2.0, 1.0])


def test_carlini_wagner_by_hand():
    np.testing.assert_allclose(losses.get("cw")(LOGITS, LABEL), [-51.0, -48.0, -49.0])
    np.testing.assert_allclose(carlini_wagner(kappa=1.5)(LOGITS, LABEL), [-2.5, 0.0, -0.5])
    np.testing.assert_allclose(carlini_wagner(kappa=0.0)(LOGITS, LABEL), [-1.0, 0.0, 0.0])


def test_carlini_wagner_gradient_leaves_out_all_but_two_logits():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = carlini_wagner(kappa=1.5)(logits, LABEL)
    gradient = tape.gradient(loss, logits)
    np.testing.assert_array_equal(gradient, [[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, -1.0]])


def test_a_saturated_loss_moves_nothing():
    """sign(0) = 0: with kappa = 0 whoever is misclassified already stays where it is."""
    image = images(4)
    network = Linear(np.ones(16))  # w.x > 0: class 1 wins everywhere
    attack = PGD(
        epsilon=0.1, step_size=0.1, num_steps=3, start="clean", loss=carlini_wagner(kappa=0.0)
    )
    wrong = attack(network, image, np.zeros(4, "int32")).image
    np.testing.assert_array_equal(wrong, image)
    right = attack(network, image, np.ones(4, "int32")).image
    assert np.all(right.numpy() <= image)
    assert np.all(np.any(right.numpy() < image, axis=(1, 2, 3)))


def test_cross_entropy_by_hand():
    # Equal logits: log 3. One logit ahead by 50: all of it.
    logits = tf.constant([[1.0, 1.0, 1.0], [0.0, 50.0, 0.0]])
    found = losses.get("cross_entropy")(logits, tf.constant([2, 0]))
    np.testing.assert_allclose(found, [np.log(3), 50.0], rtol=1e-6)


def test_names_and_functions():
    assert losses.get(losses.margin) is losses.margin
    refused(
        lambda: losses.get("cross_entrpy"),
        rule="attack loss must be a known one",
        right="one of cross_entropy, cw, dlr, kl_divergence, margin (nearest: cross_entropy)",
        received="attack loss='cross_entrpy'",
    )


@pytest.mark.parametrize("attack_loss", ["cross_entropy", "cw", "dlr", "margin"])
def test_every_loss_rises_when_climbed(attack_loss):
    network, image = mlp(gain=3.0), images(16)
    label = np.argmax(network(image), axis=1).astype("int32")
    loss = losses.get(attack_loss)
    found = PGD(epsilon=0.2, step_size=0.05, num_steps=8, loss=attack_loss)(network, image, label)
    before = loss(network(image), label).numpy()
    after = loss(network(found.image), label).numpy()
    assert np.all(after > before)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "hard_sigmoid"])
def test_probabilities_are_refused(policy, activation):
    """bfloat16 probabilities add up to 1 within 1 %, sigmoids to anything."""
    network = keras.Sequential(
        [mlp(gain=9.0), keras.layers.Activation(activation, dtype=keras.DTypePolicy(policy))]
    )
    refused(
        lambda: losses.check_logits(network, images(2)),
        rule="must return logits, not probabilities",
        right="without its softmax",
        received="stay in [0, 1]",
    )
    assert losses.check_logits(network, images(2), probabilities=True) == 3


def test_logits_that_are_small_by_chance_are_logits():
    """All logits of an untrained network may lie in [0, 1], and those of a black image be 0, 1."""
    layers = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)]
    network, image = keras.Sequential(layers), images(2)

    def shifted(image, training=False):
        return 0.1 * network(image, training=training) + 0.5

    def of_black(image, training=False):
        return tf.reduce_sum(image, [1, 2]) * [1.0, -1.0] + [0.0, 1.0]

    for small, shown in ((shifted, image), (of_black, tf.zeros_like(image))):
        output = small(shown).numpy()
        assert output.min() >= 0
        assert output.max() <= 1
        losses.check_logits(small, shown)


def test_networks_of_whole_pixels_are_refused():
    """Keras would cast images in [0, 1] to 0 and say nothing."""
    pixels = keras.Input(SHAPE, dtype="uint8")
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    refused(
        lambda: losses.check_logits(keras.Model(pixels, keras.layers.Dense(3)(hidden)), images(2)),
        rule="must take floating images",
        right="Rescaling(255.0)",
        received="an input of uint8",
    )


def test_outputs_that_are_no_logits_are_refused():
    for output in (tf.zeros([2]), tf.zeros([2, 1]), tf.zeros([2, 3, 3])):
        refused(
            lambda output=output: losses.check_logits(lambda *_, **__: output, images(2)),
            rule="logits of shape [batch, num_classes]",
            right="Dense(num_classes)",
            received=f"shape {tuple(output.shape)}",
        )


@pytest.mark.parametrize(
    ("outputs", "right", "received"),
    [
        ([tf.zeros([2, 3]), tf.zeros([2, 4])], "output[0]", "list: 0 [2, 3], 1 [2, 4]"),
        ([tf.zeros([2, 3]), tf.zeros([2, 3])], "output[0]", "2 outputs"),
        ({"logits": tf.zeros([2, 3])}, "output['logits']", "1 output in a dict: logits [2, 3]"),
    ],
)
def test_several_outputs_are_refused(outputs, right, received):
    refused(
        lambda: losses.check_logits(lambda *_, **__: outputs, images(2)),
        rule="logits and nothing else",
        right=right,
        received=received,
    )
