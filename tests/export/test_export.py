"""An export is the network, to the bit, for whoever has TensorFlow and nothing of this project."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import bounds, export, models
from fosc_tf.attacks import PGD, fosc_above
from fosc_tf.errors import UserError
from fosc_tf.probe import probe_images
from tests import foreign
from tests.data.three_parts import refused

INPUT_SHAPES = {"mnist_cnn": (28, 28, 1), "digits_cnn": (8, 8, 1)}

MIRRORED = """
import sys
import numpy as np
import tensorflow as tf

cpus = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

import fosc_tf

with strategy.scope():
    network = fosc_tf.models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)
assert strategy.num_replicas_in_sync == 2
image = tf.constant(np.random.default_rng(0).uniform(size=[6, 28, 28, 1]).astype("float32"))
expected = network(image, training=False)
fosc_tf.export.save(network, sys.argv[1])
with strategy.scope():
    fosc_tf.export.save(network, sys.argv[1])
    assert np.array_equal(expected, fosc_tf.export.load(sys.argv[1])(image))
np.savez(sys.argv[2], image=image, logits=expected)
"""


def built(name, **arguments):
    """A network whose batch-norm statistics, where it has any, are not those of a fresh one."""
    network = models.get(name, input_shape=INPUT_SHAPES[name], num_classes=10, seed=3, **arguments)
    network(batch(network, seed=5)[0], training=True)
    return network


def batch(network, size=7, seed=0):
    random = np.random.default_rng(seed)
    image = random.uniform(size=[size, *network.input_shape[1:]]).astype(np.float32)
    return tf.constant(image), tf.constant(random.integers(10, size=size), tf.int32)


def input_gradient(network, image, label):
    """[batch] losses and the gradient of each example's own, taken one example at a time."""
    losses, gradients = [], []
    for i in range(len(image)):
        one = image[i : i + 1]
        with tf.GradientTape() as tape:
            tape.watch(one)
            logits = network(one, training=False)
            loss = keras.losses.sparse_categorical_crossentropy(label[i], logits[0], True)
        losses.append(loss)
        gradients.append(tape.gradient(loss, one)[0])
    return np.array(losses), np.array(gradients)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    network, path = built("digits_cnn"), tmp_path_factory.mktemp("digits") / "export"
    export.save(network, path)
    return network, path


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("mnist_cnn", {}), ("mnist_cnn", {"mean": (0.3,), "std": (0.2,)}), ("digits_cnn", {})],
    ids=["batch norm", "standardised", "digits"],
)
def test_evaluation_needs_no_code_of_the_project(name, arguments, tmp_path):
    network = built(name, **arguments)
    image, label = batch(network)
    export.save(network, tmp_path / "export")
    answers = foreign.answers(tmp_path / "export", image, label)
    logits = network(image, training=False)
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, network(image, training=False))
    assert sorted(answers) == ["gradient", "logits", "loss", "probabilities"]
    assert all(answers[key].dtype == np.float32 for key in answers)
    np.testing.assert_array_equal(answers["logits"], logits)
    np.testing.assert_array_equal(answers["probabilities"], tf.nn.softmax(logits))
    np.testing.assert_array_equal(answers["loss"], loss)
    np.testing.assert_array_equal(answers["gradient"], tape.gradient(loss, image))


def test_a_network_of_two_replicas_is_exported_as_one(tmp_path):
    root = pathlib.Path(export.__file__).parents[2]
    foreign.run(MIRRORED, "export", "expected.npz", folder=tmp_path, python_path=root)
    expected = np.load(tmp_path / "expected.npz")
    loaded = export.load(tmp_path / "export")
    np.testing.assert_array_equal(loaded(expected["image"]), expected["logits"])


def test_loaded_is_the_network(digits):
    network, path = digits
    loaded = export.load(path)
    assert loaded.path == path
    assert loaded.input_shape == network.input_shape == (None, 8, 8, 1)
    assert loaded.num_classes == 10
    for size in (1, 7):
        image, _ = batch(network, size)
        np.testing.assert_array_equal(loaded(image), network(image, training=False))
        np.testing.assert_array_equal(loaded(image.numpy(), training=False), loaded(image))


def test_gradient_is_of_each_examples_own_loss(digits):
    network, path = digits
    image, label = batch(network)
    loss, gradient = input_gradient(network, image, label)
    signature = tf.saved_model.load(str(path)).signatures["loss_and_input_gradient"]
    answer = signature(image=image, label=label)
    np.testing.assert_allclose(answer["loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(answer["gradient"], gradient, atol=1e-6)
    np.testing.assert_allclose(input_gradient(export.load(path), image, label)[1], gradient)


@pytest.mark.parametrize("gate", [None, fosc_above(0.02)], ids=["plain", "gated"])
def test_attack_on_the_export_is_the_attack_on_the_network(digits, gate):
    network, path = digits
    image, label = batch(network)
    attack = PGD(epsilon=0.3, step_size=0.075, num_steps=5, gate=gate)
    expected = attack(network, image, label, seed=1, final_fosc=True)
    found = attack(export.load(path), image, label, seed=1, final_fosc=True)
    assert np.abs(found.image - image).max() > 0.2
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_for_keras_lie_beside(digits):
    network, path = digits
    other = models.get("digits_cnn", input_shape=(8, 8, 1), num_classes=10, seed=9)
    other.load_weights(path / "network.weights.h5")
    for one, expected in zip(other.weights, network.weights, strict=True):
        np.testing.assert_array_equal(one, expected)
    about = json.loads((path / "export.json").read_text())
    assert about["input_shape"] == [None, 8, 8, 1]
    assert about["num_classes"] == 10
    assert about["signatures"]["loss_and_input_gradient"] == {
        "inputs": ["image", "label"],
        "outputs": ["gradient", "loss"],
    }
    assert (about["tensorflow"], about["keras"]) == (tf.__version__, keras.__version__)
    digest = hashlib.sha256((path / "network.weights.h5").read_bytes()).hexdigest()
    assert about["weights_sha256"] == digest


def test_half_precision_answers_in_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = built("mnist_cnn")
    finally:
        keras.config.set_dtype_policy("float32")
    image, _ = batch(network)
    export.save(network, tmp_path / "export")
    logits = export.load(tmp_path / "export")(image)
    assert logits.dtype == tf.float32
    np.testing.assert_array_equal(logits, network(image, training=False))


def test_signatures_name_their_tensors(digits):
    signatures = tf.saved_model.load(str(digits[1])).signatures
    known = ["loss_and_input_gradient", "probabilities", "serving_default"]
    assert sorted(signatures) == ["certified_margin", *known]
    _, inputs = signatures["loss_and_input_gradient"].structured_input_signature
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in inputs.items()} == {
        "image": (tf.float32, [None, 8, 8, 1]),
        "label": (tf.int32, [None]),
    }


def test_later_export_replaces_an_earlier_one_and_says_nothing(tmp_path, capsys):
    path = tmp_path / "parent" / "export"
    for seed in (1, 2):
        network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10, seed=seed)
        export.save(network, path)
        image, _ = batch(network)
        np.testing.assert_array_equal(export.load(path)(image), network(image, training=False))
    assert os.listdir(path.parent) == ["export"]
    assert capsys.readouterr().out == ""


def test_random_network_is_not_exported_and_the_earlier_export_stays(tmp_path):
    path = tmp_path / "export"
    steady = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    export.save(steady, path)
    image = keras.Input((8, 8, 1))
    # The clock differs from call to call, whatever seeds other tests have set.
    noisy = keras.layers.Lambda(lambda x: x + tf.cast(tf.timestamp() % 1.0, x.dtype))(image)
    with pytest.raises(RuntimeError, match="logits of the export differ"):
        export.save(keras.Model(image, steady(noisy)), path)
    assert os.listdir(tmp_path) == ["export"]
    images, _ = batch(steady)
    np.testing.assert_array_equal(export.load(path)(images), steady(images, training=False))


def test_interrupted_replacement_restores_the_earlier_export(tmp_path, monkeypatch):
    path = tmp_path / "export"
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    export.save(network, path)
    rename = pathlib.Path.rename

    def interrupted(self, target):
        if self.name == "fresh":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export.save(network, path)
    assert os.listdir(tmp_path) == ["export"]
    assert export.load(path).num_classes == 10


def test_save_replaces_nothing_but_exports(tmp_path):
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    (tmp_path / "precious").write_text("not an export")
    for path in (tmp_path, tmp_path / "precious"):
        with pytest.raises(UserError, match="replaces an earlier export and nothing else"):
            export.save(network, path)
    assert (tmp_path / "precious").read_text() == "not an export"


def test_probabilities_are_no_logits(tmp_path):
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    softmax = keras.Model(network.input, keras.layers.Softmax()(network.output))
    with pytest.raises(UserError, match="not probabilities"):
        export.save(softmax, tmp_path / "export")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("network", [None, keras.Sequential(), keras.layers.Dense(2)])
def test_only_built_models_are_exported(network, tmp_path):
    with pytest.raises(UserError, match="Right would be: .*trainer.network"):
        export.save(network, tmp_path / "export")


def test_a_network_without_a_gradient_is_not_exported(tmp_path):
    image = keras.Input((8, 8, 1))
    coarse = keras.layers.Flatten()(keras.ops.round(image * 15.0) / 15.0)
    network = keras.Model(image, keras.layers.Dense(3)(coarse))
    with pytest.raises(UserError, match="must be differentiable"):
        export.save(network, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_training_mode_is_refused(digits):
    with pytest.raises(UserError, match="evaluation mode"):
        export.load(digits[1])(batch(digits[0])[0], training=True)


class Foreign(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 1], tf.float32, name="image")])
    def __call__(self, image):
        return {"logits": tf.reduce_sum(image, axis=[1, 2])}


@pytest.mark.parametrize(
    ("kind", "received"),
    [
        ("missing", "there is no folder"),
        ("file", "there is no folder"),
        ("empty", "without saved_model.pb"),
        ("damaged", "cannot be read"),
        ("foreign", r"the signatures serving_default\(image\) -> logits"),
        ("without signatures", "the signatures none"),
    ],
)
def test_what_is_no_export_cannot_be_loaded(kind, received, tmp_path):
    path = tmp_path / kind
    if kind == "file":
        path.write_text("")
    elif kind in ("empty", "damaged"):
        path.mkdir()
        if kind == "damaged":
            (path / "saved_model.pb").write_bytes(b"no protocol buffer")
    elif kind != "missing":
        tf.saved_model.save(Foreign() if kind == "foreign" else tf.Module(), str(path))
    with pytest.raises(UserError, match=received) as caught:
        export.load(path)
    assert str(path) in caught.value.received


class Own(keras.Model):
    """Knows no more of its images than what it was called with."""

    def __init__(self):
        super().__init__()
        self.flat, self.dense = keras.layers.Flatten(), keras.layers.Dense(3)

    def call(self, x, training=False):
        del training
        return self.dense(self.flat(x))


def test_a_class_of_ones_own_is_exported(tmp_path):
    network, image = Own(), np.random.default_rng(0).random([5, 8, 8, 1], np.float32)
    with pytest.raises(UserError, match=r"input_shape=\(height, width, channels\)"):
        export.save(network, tmp_path / "export")
    logits = network(image)
    export.save(network, tmp_path / "export")
    np.testing.assert_array_equal(export.load(tmp_path / "export")(image), logits)


def test_variables_that_keras_does_not_know_are_refused(tmp_path):
    class Scale(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.factor = tf.Variable(2.0)

        def call(self, x):
            return x * self.factor

    layers = [keras.Input((8, 8, 1)), Scale(), keras.layers.Flatten(), keras.layers.Dense(3)]
    with pytest.raises(UserError, match="must be Keras' own") as caught:
        export.save(keras.Sequential(layers), tmp_path / "export")
    assert "the tf.Variable factor of the layer scale" in caught.value.received
    assert os.listdir(tmp_path) == []


def test_a_class_that_was_never_called_is_told_its_images(tmp_path):
    network, image = Own(), np.random.default_rng(0).random([5, 8, 8, 1], np.float32)
    export.save(network, tmp_path / "export", input_shape=(8, 8, 1))
    np.testing.assert_array_equal(export.load(tmp_path / "export")(image), network(image))


def test_the_module_is_called_without_signatures_and_takes_either_width_of_labels(digits):
    network, path = digits
    image, label = batch(network)
    module = tf.saved_model.load(str(path))
    np.testing.assert_array_equal(module(image), network(image, training=False))
    gradient = module.signatures["loss_and_input_gradient"]
    expected = gradient(image=tf.constant(image), label=tf.constant(label, tf.int32))
    for dtype in (tf.int32, tf.int64):
        found = module.loss_and_input_gradient(image, tf.cast(label, dtype))
        assert found.keys() == {"loss", "gradient"}
        for name, value in found.items():
            np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize("kind", ["dict", "list", "own"])
def test_the_only_entry_of_a_dict_or_list_is_exported(kind, tmp_path):
    inner = Own()
    image = keras.Input((8, 8, 1))
    logits = inner(image)

    class Wrapping(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def call(self, x, training=False):
            return {"logits": self.inner(x)}

    networks = {
        "dict": keras.Model(image, {"logits": logits}),
        "list": keras.Model(image, [logits]),
    }
    pixels = np.random.default_rng(0).random([5, 8, 8, 1], np.float32)
    export.save(networks.get(kind) or Wrapping(), tmp_path / "export", input_shape=(8, 8, 1))
    np.testing.assert_array_equal(export.load(tmp_path / "export")(pixels), inner(pixels))


@pytest.mark.parametrize("kind", ["dict", "list"])
def test_of_several_outputs_the_way_out_is_told(kind, tmp_path):
    image = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(image)
    outputs = [keras.layers.Dense(3)(flat), keras.layers.Dense(2)(flat)]
    outputs = dict(zip(("logits", "aux"), outputs, strict=True)) if kind == "dict" else outputs
    with pytest.raises(UserError) as caught:
        export.save(keras.Model(image, outputs), tmp_path / "export")
    name = "'logits'" if kind == "dict" else "0"
    assert caught.value.right == f"keras.Model(network.inputs, network.output[{name}])"
    assert "2 outputs" in caught.value.received


def test_images_of_another_shape_are_refused_by_what_was_loaded(digits):
    loaded = export.load(digits[1])
    for image in (np.zeros([2, 4, 8, 1], "float32"), tf.zeros([8, 8, 1])):
        refused(
            lambda image=image: loaded(image),
            rule="shape that the network takes",
            right="[batch, 8, 8, 1]",
            received=str(list(image.shape)),
        )


@pytest.mark.parametrize("shape", [64, (None, 8, 8, 1), (64,)])
def test_an_input_shape_that_is_none(digits, tmp_path, shape):
    refused(
        lambda: export.save(digits[0], tmp_path / "export", input_shape=shape),
        rule="(height, width, channels)",
        right="(32, 32, 3)",
        received=f"input_shape={shape!r}",
    )


@pytest.mark.parametrize("path", [None, 5, ""])
def test_a_place_that_is_no_path(digits, path):
    for call in (lambda: export.save(digits[0], path), lambda: export.load(path)):
        refused(call, rule="path must be a path", right="path=", received=repr(path))


def test_certified_margin_of_a_fresh_process_is_that_of_bounds(tmp_path):
    network = models.get("digits_cnn", input_shape=(8, 8, 1), num_classes=10, seed=3)
    image, label = probe_images((8, 8, 1)), np.arange(len(probe_images((8, 8, 1)))) % 10
    export.save(network, tmp_path / "export")
    np.savez(tmp_path / "given.npz", image=image, label=label)
    read = """
import sys
import numpy as np, tensorflow as tf
given = np.load(sys.argv[2])
module = tf.saved_model.load(sys.argv[1])
found = module.signatures["certified_margin"](
    image=tf.constant(given["image"]), label=tf.constant(given["label"], tf.int32),
    epsilon=tf.constant(0.02))
assert "fosc_tf" not in sys.modules
np.savez(sys.argv[3], **{name: value.numpy() for name, value in found.items()})
"""
    arguments = [tmp_path / name for name in ("export", "given.npz", "found.npz")]
    subprocess.run([sys.executable, "-c", read, *arguments], check=True)
    found = np.load(tmp_path / "found.npz")
    margins = bounds.margins(network, image, label, epsilon=0.02, method="ibp")
    np.testing.assert_allclose(found["margins"], margins, atol=1e-5)
    others = np.arange(10) != label[:, None]
    expected = (np.asarray(margins - bounds.slack(margins)) > 0).all(axis=1, where=others)
    np.testing.assert_array_equal(found["certified"], expected)


def test_a_network_of_unknown_layers_goes_without_a_proof(tmp_path):
    class Own(keras.layers.Layer):
        def call(self, x):
            return 2.0 * x

    layers = [keras.Input((4, 4, 1)), Own(), keras.layers.Flatten(), keras.layers.Dense(3)]
    export.save(keras.Sequential(layers), tmp_path / "export")
    assert set(export.about(tmp_path / "export")["signatures"]) == set(export.SIGNATURES)
    assert export.load(tmp_path / "export").num_classes == 3
