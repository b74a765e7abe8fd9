"""What a verifier reads is the network and the ball: run and parsed by other people's code."""

import importlib.util
import sys

import keras
import numpy as np
import pytest

from fosc_tf import models, vnnlib
from fosc_tf.bounds.region import Region
from fosc_tf.vnnlib import onnx_rule, properties
from fosc_tf.vnnlib.onnx_graph import OnnxGraph
from tests.bounds.networks import NETWORKS, SHAPE, made
from tests.data.three_parts import refused
from tests.subnetworks.networks import small

L = keras.layers
needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnx") is None, reason="the extra vnnlib is not installed"
)
ZOO = {
    "mnist_cnn": lambda: models.get("mnist_cnn", input_shape=(12, 12, 1), num_classes=10),
    "digits_cnn": lambda: models.get("digits_cnn", input_shape=(8, 8, 1), num_classes=10),
    "masked": lambda: small(rate=0.8),
    "preact_resnet18": lambda: models.get(
        "preact_resnet18",
        input_shape=(8, 8, 3),
        num_classes=5,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.3, 0.4),
    ),
}
# What the networks above leave out: each is put between an image [7, 6, 2] and the logits.
FORMS = {
    "same max pool": [L.MaxPooling2D(3, strides=2, padding="same"), L.Flatten()],
    "same average pool": [L.AveragePooling2D((3, 2), strides=2, padding="same"), L.Flatten()],
    "strided same": [L.Conv2D(3, (4, 3), strides=(3, 2), padding="same"), L.Flatten()],
    "dilated depthwise": [L.DepthwiseConv2D(2, dilation_rate=2, padding="same"), L.Flatten()],
    "zeros before a convolution": [
        L.ZeroPadding2D(((1, 0), (2, 3))),
        L.Conv2D(3, 4, strides=2, padding="same", use_bias=False),
        L.Flatten(),
    ],
    "zeros before a pool": [L.ZeroPadding2D(1), L.MaxPooling2D(2), L.Flatten()],
    "batch norm after flatten": [L.Conv2D(3, 3), L.Flatten(), L.BatchNormalization()],
    "batch norm alone": [L.BatchNormalization(scale=False, center=False), L.Flatten()],
    "dense on an image": [L.Conv2D(3, 3), L.Dense(4, activation="elu"), L.Flatten()],
    "rows": [L.Reshape((7, 12)), L.BatchNormalization(), L.Dense(3), L.Reshape((21,))],
    "another image": [L.Conv2D(3, 2), L.Reshape((3, 5, 6)), L.Conv2D(2, 2), L.Flatten()],
    "normalized pixels": [
        L.Normalization(
            axis=(1, 2, 3),
            mean=np.random.default_rng(1).normal(size=(7, 6, 2)),
            variance=np.random.default_rng(2).random((7, 6, 2)),
        ),
        L.Flatten(),
    ],
    "rescaled channels": [L.Rescaling([2.0, 3.0], [0.5, -1.0]), L.Flatten()],
    "capped leaky": [L.Conv2D(3, 3), L.ReLU(max_value=0.2, negative_slope=0.1), L.Flatten()],
    "activations": [
        *(L.Activation(name) for name in ("leaky_relu", "gelu", "elu", "softplus", "sigmoid")),
        L.ELU(alpha=0.5),
        L.GaussianNoise(0.1),
        L.Flatten(),
    ],
    "kept global pools": [
        L.GlobalMaxPooling2D(keepdims=True),
        L.GlobalAveragePooling2D(keepdims=True),
        L.Flatten(),
        L.Flatten(),
    ],
}


def _form(name):
    keras.utils.set_random_seed(2)
    # A fresh copy of each layer: a layer has one place in one network.
    layers = [type(layer).from_config(layer.get_config()) for layer in FORMS[name]]
    network = keras.Sequential([keras.Input((7, 6, 2)), *layers, L.Dense(3)])
    random = np.random.default_rng(0)
    for weight in network.weights:
        if "seed" not in weight.path:
            weight.assign(weight + 0.5 * random.random(size=weight.shape))
    return network


def _branches():
    image = keras.Input(SHAPE)
    x = L.Conv2D(2, 3, padding="same")(image)
    beside = [L.Concatenate(axis=axis)([image, x]) for axis in (1, 2, 3)]
    flat = [L.Dense(5)(L.Flatten()(each)) for each in beside]
    mixed = L.Subtract()([L.Flatten()(image), L.Flatten()(x)])
    mean = L.Average()([*flat, L.Dense(5)(mixed)])
    return keras.Model(image, L.Concatenate()([L.Dense(2)(mean), L.Dense(1)(mixed)]))


def _same_logits(network):
    """Asserts what the ONNX file gives, to 1e-5 of the largest logit; returns the model."""
    from onnx.reference import ReferenceEvaluator

    model = vnnlib.model_of(network)
    image = np.random.default_rng(0).random((2, *network.input_shape[1:]), np.float32)
    expected = network(image, training=False).numpy()
    run = ReferenceEvaluator(model).run
    received = np.concatenate([run(None, {"image": each[None]})[0] for each in image])
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    if importlib.util.find_spec("onnxruntime"):
        import onnxruntime

        session = onnxruntime.InferenceSession(model.SerializeToString())
        received = np.concatenate([session.run(None, {"image": each[None]})[0] for each in image])
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    return model


def _operators(model):
    return [node.op_type for node in model.graph.node]


@needs_onnx
@pytest.mark.parametrize("name", NETWORKS)
def test_the_onnx_file_is_the_network(name):
    _same_logits(made(name))


@needs_onnx
@pytest.mark.parametrize("name", ZOO)
def test_the_onnx_file_is_a_network_of_the_zoo(name):
    _same_logits(ZOO[name]())


@needs_onnx
@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_layer(name):
    _same_logits(_form(name))


@needs_onnx
def test_branches_meet_in_any_order_of_their_entries():
    _same_logits(_branches())


@needs_onnx
def test_a_grey_network_has_the_operators_of_vnn_comp_alone():
    """Nothing is transposed, and zeros stand in the convolution that reads them."""
    layers = [L.ZeroPadding2D(1), L.Conv2D(3, 4, strides=2, activation="relu"), L.Flatten()]
    network = keras.Sequential([keras.Input((6, 6, 1)), *layers, L.Dense(2)])
    model = _same_logits(network)
    assert _operators(model) == ["Reshape", "Conv", "Relu", "Flatten", "Gemm"]
    (pads,) = (each.ints for each in model.graph.node[1].attribute if each.name == "pads")
    assert list(pads) == [1, 1, 1, 1]


@needs_onnx
def test_a_layer_of_ones_own():
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return 2.0 * x

    network = keras.Sequential([keras.Input(SHAPE), Doubled(), L.Flatten(), L.Dense(2)])
    refused(
        lambda: vnnlib.model_of(network),
        rule="must know what each layer does",
        right="register(Class)",
        received="Doubled",
    )

    @vnnlib.register(Doubled)
    def doubled(graph, layer, x):
        return graph.mapped("Mul", x, np.array([2.0]))

    _same_logits(network)


@pytest.fixture
def batch():
    image = np.random.default_rng(0).random((2, *SHAPE), np.float32)
    image[0, 0, 0] = [0.0, 1.0]  # the ball leaves [0, 1] here
    return image, np.array([3, 1])


@needs_onnx
def test_a_folder_as_vnn_comp_has_it(batch, tmp_path):
    import onnx
    from onnx.reference import ReferenceEvaluator

    network, (image, label) = made("convolutions"), batch
    path = tmp_path / "deep" / "properties"
    written = vnnlib.save(network, image, label, epsilon=0.05, path=path, timeout=60)
    names = ["network.onnx", "property_0000.vnnlib", "property_0001.vnnlib", "instances.csv"]
    assert written == [path / name for name in names]
    assert sorted(path.iterdir()) == sorted(written)
    assert list(path.parent.iterdir()) == [path]
    assert (path / "instances.csv").read_text() == (
        "network.onnx,property_0000.vnnlib,60\nnetwork.onnx,property_0001.vnnlib,60\n"
    )
    logits = ReferenceEvaluator(onnx.load(path / "network.onnx")).run(None, {"image": image[:1]})[0]
    np.testing.assert_allclose(logits, network(image[:1], training=False), rtol=1e-5)
    vnnlib.save(network, image[:1], label[:1], epsilon=0.1, path=path)
    assert not (path / "property_0001.vnnlib").exists()


@needs_onnx
@pytest.mark.skipif(
    importlib.util.find_spec("vnnlib") is None, reason="the extra vnnlib is not installed"
)
def test_a_property_is_read_back_as_the_ball_of_the_bounds(batch, tmp_path):
    from vnnlib.compat import read_vnnlib_simple

    image, label = batch
    written = vnnlib.save(made("dense"), image, label, epsilon=8 / 255, path=tmp_path / "out")
    region = Region.around(image, 8 / 255)
    for index, own in enumerate(label):
        ((box, mistakes),) = read_vnnlib_simple(written[1 + index], image[0].size, 4)
        box = np.array(box)
        for end, expected in zip(box.T, (region.lower, region.upper), strict=True):
            assert np.array_equal(end, expected[index].numpy().ravel())  # in float64
        assert box.min() >= 0
        assert box.max() <= 1
        found = []
        for matrix, right in mistakes:  # matrix @ logits <= right
            assert not right.any()
            assert matrix[0, own] == 1
            found.append(int(np.argmin(matrix[0])))
            assert matrix[0, found[-1]] == -1
            assert np.abs(matrix).sum() == 2
        assert sorted(found) == [other for other in range(4) if other != own]


def test_the_text_of_a_small_property():
    """Two pixels and three classes, to be read on paper."""
    ends = np.array([[[0.0, 0.25]]]), np.array([[[0.5, 1.0]]])
    assert properties._property(*ends, 1, classes=3).splitlines()[2:] == [
        "(declare-const X_0 Real)",
        "(declare-const X_1 Real)",
        "(declare-const Y_0 Real)",
        "(declare-const Y_1 Real)",
        "(declare-const Y_2 Real)",
        "",
        "; pixels of the image [1, 1, 2], row by row, channels last",
        "(assert (<= X_0 0.5))",
        "(assert (>= X_0 0.0))",
        "(assert (<= X_1 1.0))",
        "(assert (>= X_1 0.25))",
        "",
        "; logits",
        "(assert (or",
        "    (and (>= Y_0 Y_1))",
        "    (and (>= Y_2 Y_1))",
        "))",
    ]


@pytest.mark.parametrize("value", [1e-8, 0.1, 1 / 3, 0.99999994])
def test_numbers_are_read_back_without_an_exponent(value):
    end = np.full((1, 1, 1), value, np.float32)
    line = next(
        x
        for x in properties._property(end, end, 0, classes=2).splitlines()
        if x.startswith("(assert")
    )
    text = line.split()[-1].rstrip(")")
    assert "e" not in text
    assert np.float32(text) == float(text) == end.item()


@needs_onnx
@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"norm": "l2"}, ("only a linf ball", 'norm="linf"', "norm='l2'")),
        ({"epsilon": 8}, ("(0, 1]", "8/255", "epsilon=8")),
        ({"epsilon": "8/255"}, ("must be a number", "8/255", "'8/255'")),
        ({"timeout": 0}, ("whole number >= 1", "timeout=300", "timeout=0")),
        ({"label": np.array([3, 4])}, ("in its range", "from 0 to 3", "3 to 4")),
        ({"label": np.array([3])}, ("needs one label", "2 labels", "1 label")),
        ({"image": np.full((2, *SHAPE), 1.5, np.float32)}, ("lie in [0, 1]", "float32", "1.5")),
        ({"image": np.zeros((2, 5, 5, 2), np.float32)}, ("the shape", "6, 6, 2", "5, 5, 2")),
        ({"path": "s3://bucket/x"}, ("path of this machine", "path=", "s3://bucket/x")),
    ],
)
def test_a_mistake_writes_nothing(change, parts, batch, tmp_path):
    image, label = batch
    given = {"image": image, "label": label, "epsilon": 0.1, "path": tmp_path / "out"} | change
    rule, right, received = parts
    refused(lambda: vnnlib.save(made("dense"), **given), rule=rule, right=right, received=received)
    assert list(tmp_path.iterdir()) == []


@needs_onnx
def test_a_layer_without_a_rule_writes_nothing(batch, tmp_path):
    network = keras.Sequential([keras.Input(SHAPE), L.UpSampling2D(2), L.Flatten(), L.Dense(4)])
    refused(
        lambda: vnnlib.save(network, *batch, epsilon=0.1, path=tmp_path / "out"),
        rule="what each layer does",
        right="Conv2D",
        received="UpSampling2D",
    )
    assert list(tmp_path.iterdir()) == []


@needs_onnx
@pytest.mark.parametrize(
    ("layer", "received"),
    [
        (L.Conv2D(2, 3, activation="silu"), "activation=silu"),
        (L.ReLU(threshold=0.5), "threshold=0.5"),
        (L.Normalization(mean=0.5, variance=1.0, invert=True), "invert=True"),
        (L.BatchNormalization(axis=1), "axis=1"),
        (L.Conv2D(2, 3, dtype="mixed_float16"), "dtype='float16'"),
    ],
)
def test_an_unknown_form_of_a_layer(layer, received):
    network = keras.Sequential([keras.Input(SHAPE), layer, L.Flatten(), L.Dense(2)])
    rule = f"know this form of {type(layer).__name__}"
    refused(lambda: vnnlib.model_of(network), rule=rule, right="", received=received)


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        (
            lambda: keras.Sequential([keras.Input((None, None, 1)), L.GlobalMaxPooling2D()]),
            ("size of the images", "28, 28, 1", "None, None, 1"),
        ),
        (
            lambda: keras.Sequential([keras.Input(SHAPE), L.Dense(3)]),
            ("return logits", "Flatten", "6, 6, 3"),
        ),
        (lambda: keras.Sequential([keras.Input((5,)), L.Dense(3)]), ("say which", "", "Sequent")),
    ],
)
def test_a_network_that_onnx_cannot_hold(network, parts):
    rule, right, received = parts
    network = network()
    refused(lambda: vnnlib.model_of(network), rule=rule, right=right, received=received)


@needs_onnx
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_save_has_not_written_stays(kind, batch, tmp_path):
    path = tmp_path / "out"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "network.onnx.bak").write_text("mine")
    refused(
        lambda: vnnlib.save(made("dense"), *batch, epsilon=0.1, path=path),
        rule="nothing else",
        right="nothing yet",
        received="out",
    )
    mine = path if kind == "file" else path / "network.onnx.bak"
    assert mine.read_text() == "mine"


@needs_onnx
def test_another_function_is_not_saved(batch, tmp_path, monkeypatch):
    monkeypatch.setitem(
        onnx_rule._RULES.by_class, L.Dropout, lambda graph, layer, x: graph.mapped("Neg", x)
    )
    with pytest.raises(RuntimeError, match="nothing was saved"):
        vnnlib.save(made("dense"), *batch, epsilon=0.1, path=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@needs_onnx
def test_a_disk_that_fails_leaves_the_earlier_folder(batch, tmp_path, monkeypatch):
    path = tmp_path / "out"
    written = vnnlib.save(made("dense"), *batch, epsilon=0.1, path=path)
    before = [each.read_bytes() for each in written]

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        vnnlib.save(made("dense"), *batch, epsilon=0.2, path=path)
    assert [each.read_bytes() for each in written] == before
    assert list(tmp_path.iterdir()) == [path]


def test_without_onnx_the_error_names_the_extra(batch, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused(
        lambda: vnnlib.save(made("dense"), *batch, epsilon=0.1, path=tmp_path / "out"),
        rule="an extra",
        right="fosc-tf[vnnlib]",
        received="onnx",
    )
    assert list(tmp_path.iterdir()) == []


def test_an_order_that_moves_nothing_is_no_transposition():
    graph = OnnxGraph((4, 3, 1))
    first = graph.channels_first(graph.image)
    assert first.name == "Reshape_0"
    assert graph.channels_first(graph.image) is first
    assert graph.flat(first).image is None
