"""Each check flags the fault planted for it, and a sound network passes them all."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.evaluation.checks import check


@keras.saving.register_keras_serializable(package="tests")
class Quantized(keras.layers.Layer):
    """Rounds images to 8 levels: the gradient that comes back is 0."""

    def call(self, image):
        return tf.round(image * 7) / 7 + 0.0 * image


@keras.saving.register_keras_serializable(package="tests")
class Cut(keras.layers.Layer):
    """Lets no gradient through at all."""

    def call(self, image):
        return tf.stop_gradient(image)


@keras.saving.register_keras_serializable(package="tests")
class Noisy(keras.layers.Layer):
    """Adds noise at inference too."""

    def call(self, image):
        return image + 0.05 * tf.random.normal(tf.shape(image))


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    image = (data.images / 16).astype(np.float32)[..., None]
    return image, data.target.astype(np.int32)


@pytest.fixture(scope="module")
def sound(digits):
    """A small network, robust enough to keep some accuracy at epsilon 0.1."""
    import fosc_tf

    image, label = digits
    network = fosc_tf.models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    defense = fosc_tf.defenses.get("standard", epsilon=0.1, num_steps=3)
    trainer = fosc_tf.AdversarialTrainer(network, defense)
    trainer.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    trainer.fit(image[:1400], label[:1400], batch_size=100, epochs=8, verbose=0)
    return network


@pytest.fixture(scope="module")
def test_set(digits):
    image, label = digits
    return tf.data.Dataset.from_tensor_slices((image[1600:], label[1600:])).batch(100)


def flags(network, dataset, **options):
    return {f.name for f in check(network, dataset, epsilon=0.1, **options) if not f.passed}


def behind(layer, network):
    image = keras.Input((8, 8, 1))
    return keras.Model(image, network(layer(image)))


@pytest.mark.slow
def test_sound_network_passes_every_check(sound, test_set):
    findings = check(sound, test_set, epsilon=0.1)
    assert [f"{f.name}: {f.value}" for f in findings if not f.passed] == []
    assert len(findings) == 9


def test_softmax_is_flagged(sound, test_set):
    output = keras.layers.Softmax()(sound.output)
    assert "logits" in flags(keras.Model(sound.input, output), test_set)


@pytest.mark.slow
def test_quantised_input_is_flagged(sound, test_set):
    found = flags(behind(Quantized(), sound), test_set)
    assert {"gradients", "falls to chance", "white against black box"} <= found


def test_network_without_gradients_is_flagged(sound, test_set):
    assert flags(behind(Cut(), sound), test_set) == {"gradients"}


@pytest.mark.slow
def test_random_layer_is_flagged(sound, test_set):
    assert "deterministic" in flags(behind(Noisy(), sound), test_set)


@pytest.mark.slow
def test_saturated_logits_are_flagged(sound, test_set):
    output = keras.layers.Rescaling(1e4)(sound.output)
    assert "gradients" in flags(keras.Model(sound.input, output), test_set)


@pytest.mark.slow
def test_transfer_that_beats_the_white_box_is_flagged(sound, test_set):
    assert "white box against transfer" in flags(sound, test_set, transfer=0.0)
