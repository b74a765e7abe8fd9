"""A TFLite file is the network, small where the network is pruned; what cannot be is told."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import models, tflite
from fosc_tf.subnetworks import masked
from tests.data.three_parts import refused
from tests.subnetworks.networks import digits, images, small

L = keras.layers
needs_converter = pytest.mark.skipif(
    not tflite.has_converter(), reason="this TensorFlow brings no TFLite converter"
)
NETWORKS = {
    "batch norms": lambda: models.get("mnist_cnn", input_shape=(8, 8, 1), num_classes=10),
    "standardised": lambda: models.get(
        "mnist_cnn", input_shape=(8, 8, 1), num_classes=10, mean=(0.3,), std=(0.2,)
    ),
    "masked": small,
    "masked, own weights": lambda: small(weights="own", last_batch_norm=False),
    "masked, shared within": lambda: masked(_twice(), rate=0.5),
}


def _twice():
    """A layer that is called twice: of it no channel can be taken out."""
    image, block = keras.Input((8, 8, 1)), L.Conv2D(3, 3, padding="same")
    x = block(block(L.Conv2D(3, 3)(image)))
    return keras.Model(image, L.Dense(10)(L.Flatten()(x)))


@needs_converter
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_of_the_file_are_the_networks(name, tmp_path):
    network = NETWORKS[name]()
    network(images(), training=True)
    path = tmp_path / "deep" / "network.tflite"
    assert tflite.save(network, path) == path.stat().st_size
    loaded = tflite.load(path)
    assert (loaded.path, loaded.num_classes) == (path, 10)
    assert loaded.input_shape == network.input_shape
    for size in (1, 7, 2):
        image = images(size, seed=size)
        expected = network(image, training=False)
        np.testing.assert_allclose(loaded(image), expected, rtol=1e-5, atol=1e-5)
    assert loaded(tf.constant(image)).dtype == tf.float32
    assert os.listdir(path.parent) == ["network.tflite"]


@needs_converter
def test_zeros_of_a_pruned_network_take_no_room(tmp_path):
    dense = tflite.save(digits(), tmp_path / "dense.tflite")
    # At the second rate channels go, and the converter would lose weights of what is left.
    for rate in (0.9, 0.95, 0.97, 0.99):
        network, path = masked(digits(), rate=rate), tmp_path / "masked.tflite"
        assert tflite.save(network, path) < dense / 5
        expected = network(images(), training=False)
        np.testing.assert_allclose(tflite.load(path)(images()), expected, rtol=1e-5, atol=1e-5)


@needs_converter
def test_where_the_converter_would_lose_weights_zeros_stay(tmp_path):
    odd = [L.Flatten(), L.Dense(90, activation="relu"), L.Dense(70, activation="relu"), L.Dense(10)]
    network = masked(keras.Sequential([keras.Input((8, 8, 1)), *odd]), rate=0.97)
    tflite.save(network, tmp_path / "a.tflite")
    expected = network(images(), training=False)
    found = tflite.load(tmp_path / "a.tflite")(images())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@needs_converter
def test_a_later_file_replaces_an_earlier_one_and_says_nothing(tmp_path, capfd):
    path = tmp_path / "network.tflite"
    for seed in (0, 1):
        network = digits(seed=seed)
        tflite.save(network, path)
        loaded = tflite.load(path)
        np.testing.assert_allclose(
            loaded(images()), network(images(), training=False), rtol=1e-5, atol=1e-5
        )
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


@needs_converter
@pytest.mark.parametrize("kind", ["unknown operation", "bfloat16"])
def test_what_tflite_lacks_is_named(kind, tmp_path):
    if kind == "bfloat16":
        layers, received = [L.Conv2D(2, 3, dtype="mixed_bfloat16"), L.Flatten()], "tf.Conv2D"
    else:
        layers = [L.Flatten(), L.Lambda(lambda x: tf.math.igamma(x + 1.0, x))]
        received = "Igamma"
    network = keras.Sequential([keras.Input((8, 8, 1)), *layers, L.Dense(3)])
    refused(
        lambda: tflite.save(network, tmp_path / "a.tflite"),
        rule="one that TFLite knows",
        right="fosc_tf.export.save",
        received=received,
    )
    assert os.listdir(tmp_path) == []


@needs_converter
def test_another_function_is_not_written(tmp_path, monkeypatch):
    right = tflite._converted
    monkeypatch.setattr(tflite, "_converted", lambda _, shape: right(digits(seed=5), shape))
    with pytest.raises(RuntimeError, match="nothing was saved"):
        tflite.save(digits(), tmp_path / "a.tflite")
    assert os.listdir(tmp_path) == []


def test_without_a_converter_the_error_tells_where_one_is(tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, "has_converter", lambda: False)
    refused(
        lambda: tflite.save(digits(), tmp_path / "a.tflite"),
        rule="needs a TensorFlow with the converter",
        right="tf.lite",
        received=tf.__version__,
    )
    monkeypatch.setattr(tflite, "_interpreter", lambda: None)
    refused(
        lambda: tflite.load(tmp_path / "a.tflite"),
        rule="needs an interpreter",
        right="ai-edge-litert",
        received="no interpreter",
    )


@needs_converter
@pytest.mark.parametrize(
    ("content", "received"),
    [(None, "FileNotFoundError"), (b"", "a.tflite"), (b"junk" * 50, "not a valid Flatbuffer")],
)
def test_what_is_no_file_of_ours_cannot_be_loaded(content, received, tmp_path):
    if content is not None:
        (tmp_path / "a.tflite").write_bytes(content)
    refused(
        lambda: tflite.load(tmp_path / "a.tflite"),
        rule="undamaged file",
        right="fosc_tf.tflite.save wrote",
        received=received,
    )


@needs_converter
def test_mistakes_of_a_call(tmp_path):
    network, path = digits(), tmp_path / "a.tflite"
    tflite.save(network, path)
    loaded = tflite.load(path)
    refused(lambda: loaded(images(), training=True), rule="for good", right="=False", received="=")
    refused(
        lambda: loaded(np.zeros([2, 4, 8, 1], "float32")),
        rule="shape that the network takes",
        right="[batch, 8, 8, 1]",
        received="[2, 4, 8, 1]",
    )
    refused(lambda: tflite.save(network, tmp_path), rule="", right="", received=str(tmp_path))
    refused(lambda: tflite.save(None, path), rule="built Keras model", right="", received="None")
    softmax = keras.Model(network.input, L.Softmax()(network.output))
    refused(lambda: tflite.save(softmax, path), rule="logits", right="", received="")
    refused(lambda: tflite.save(network, 5), rule="path must be a path", right="", received="5")
