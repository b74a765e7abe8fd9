"""A masked network: which weights count, whom the gradient reaches, what becomes of the rest."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf import models
from fosc_tf.bounds import interval
from fosc_tf.errors import UserError
from fosc_tf.models.folding import folded
from fosc_tf.models.masked import MaskedConv2D, MaskedDense, chosen
from fosc_tf.subnetworks import allocation, masked
from fosc_tf.subnetworks.masking import masked_layers
from tests.subnetworks.networks import digits, images, residual, sequential, small

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("rank", ["score", "magnitude"])
@pytest.mark.parametrize("kept", [0, 1, 3, 5, 6, 11, 12])
def test_exactly_the_best_count_and_of_equals_the_first(kept, rank):
    for scores in (RANDOM.normal(size=12), RANDOM.integers(-2, 3, 12), np.zeros(12)):
        keys = np.abs(scores) if rank == "magnitude" else scores
        expected = np.zeros(12)
        expected[np.lexsort((np.arange(12), -keys))[:kept]] = 1
        found = chosen(tf.constant(scores.reshape(3, 4), tf.float32), kept, rank)
        np.testing.assert_array_equal(found, expected.reshape(3, 4))


@pytest.mark.parametrize("rank", ["score", "magnitude"])
def test_the_gradient_is_straight_through_to_pruned_scores_too(rank):
    layer = MaskedDense(2, kept=3, rank=rank)
    x = tf.constant(RANDOM.normal(size=(5, 4)), tf.float32)
    upstream = RANDOM.normal(size=(5, 2)).astype(np.float32)
    layer(x)
    with tf.GradientTape() as tape:
        height = tf.reduce_sum(layer(x) * upstream)
    found = tape.gradient(height, layer.scores)
    expected = (x.numpy().T @ upstream) * layer.values.numpy()
    if rank == "magnitude":
        expected *= np.sign(layer.scores.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.all(found.numpy()[layer.mask.numpy() == 0] != 0)


@pytest.mark.parametrize("make", [residual, sequential, digits, lambda: digits("digits_cnn")])
def test_a_masked_network_is_the_network_of_the_weights_that_count(make):
    """Each masked layer computes what Keras' layer computes with the kernel cut by hand."""
    network = make()
    subnetwork = masked(network, rate=0.7, weights="own", last_batch_norm=False)
    old = {layer.name: layer for layer in fosc_tf.models.all_layers.all_layers(network)}
    layers = masked_layers(subnetwork)
    sizes = [old[layer.name].kernel.numpy().size for layer in layers]
    assert [layer.kept for layer in layers] == list(allocation(sizes, 0.7, 0.1))
    for layer in layers:
        kernel = old[layer.name].kernel.numpy()
        np.testing.assert_array_equal(layer.values, kernel)
        # One-shot pruning by magnitude is where scores of own weights begin.
        least = np.sort(np.abs(kernel), axis=None)[-layer.kept]
        cut = np.where(np.abs(kernel) >= least, kernel, 0)
        np.testing.assert_array_equal(layer.kernel, cut)
        old[layer.name].kernel.assign(cut)
        if old[layer.name].use_bias:
            assert not old[layer.name].bias.numpy().any()
    image = images()
    received = subnetwork(image, training=False)
    np.testing.assert_allclose(received, network(image, training=False), rtol=1e-4, atol=1e-5)


def test_binary_and_kaiming_weights_and_their_scores():
    for kind, value, most in (("binary", 1.0, 0.01), ("signed_kaiming", None, None)):
        for layer in masked_layers(masked(digits(), rate=0.9, weights=kind)):
            fan_in = layer.values.shape[0]
            size = value or np.sqrt(2 / (fan_in * 0.1))
            np.testing.assert_allclose(np.abs(layer.values), size, rtol=1e-6)
            assert abs(np.mean(layer.values)) < 0.2 * size
            bound = most or np.sqrt(1 / fan_in)
            scores = np.abs(layer.scores)
            assert 0.95 * bound < scores.max() <= bound * (1 + 1e-6)
    (layer, *_) = masked_layers(masked(digits(), scores_scale=0.5))
    assert 0.49 < np.abs(layer.scores).max() <= 0.5


def test_a_seed_decides_all_draws():
    one, same, other = (
        masked(digits(seed=number), seed=seed) for number, seed in ((0, 3), (1, 3), (0, 4))
    )
    for a, b, c in zip(
        *(network.trainable_variables for network in (one, same, other)), strict=True
    ):
        np.testing.assert_array_equal(a, b)
        assert np.any(a.numpy() != c.numpy())


def test_batch_norms_and_biases():
    subnetwork = small()
    assert [v.name for v in subnetwork.trainable_variables] == ["scores"] * 3
    norms = [
        layer
        for layer in models.all_layers.all_layers(subnetwork)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert [(norm.scale, norm.center, norm.momentum) for norm in norms] == [(False, False, 0.8)] * 2
    assert norms[-1].name == subnetwork.layers[-1].name == "last_batch_norm"


def test_logits_grow_with_the_weights_but_for_the_last_batch_norm():
    image = images(64)
    for last in (False, True):
        subnetwork = masked(digits(), rate=0.5, last_batch_norm=last)
        before = subnetwork(image, training=True).numpy()
        for layer in masked_layers(subnetwork):
            layer.values.assign(layer.values * 2.0)
        after = subnetwork(image, training=True).numpy()
        np.testing.assert_allclose(after, before * (1 if last else 8), rtol=1e-3, atol=1e-3)


def test_folding_and_held_masks_change_rounding_only():
    subnetwork, image = small(), images()
    expected = subnetwork(image, training=False)
    for once in (False, True):
        function = tf.function(lambda x, once=once: folded(subnetwork, once=once)(x))
        np.testing.assert_allclose(function(image), expected, rtol=1e-4, atol=1e-4)


def test_a_climb_chooses_weights_once():
    """And the masks it sees are those of this moment."""
    subnetwork = masked(digits(), rate=0.5, weights="own")
    image, label = images(), np.arange(6)
    attack = fosc_tf.attacks.PGD(epsilon=0.1, step_size=0.05, num_steps=3, start="clean")
    function = tf.function(lambda x, y: attack(subnetwork, x, y, seed=0).image)
    graph = function.get_concrete_function(tf.constant(image), tf.constant(label)).graph
    definition = graph.as_graph_def()
    inner = [node.op for part in definition.library.function for node in part.node_def]
    # Of two layers, as that of the logits keeps all: outside the loop and what it calls.
    assert [node.op for node in definition.node].count("TopKV2") == 2
    assert "While" in str(definition)
    assert "TopKV2" not in inner

    def loop():
        x = image
        for _ in range(3):
            with tf.GradientTape() as tape:
                x = tf.convert_to_tensor(x)
                tape.watch(x)
                loss = keras.losses.sparse_categorical_crossentropy(
                    label, subnetwork(x, training=False), from_logits=True
                )
            x = x + 0.05 * tf.sign(tape.gradient(loss, x))
            x = tf.clip_by_value(tf.clip_by_value(x, image - 0.1, image + 0.1), 0, 1)
        return x

    for _ in range(2):
        np.testing.assert_allclose(function(image, label), loop(), atol=1e-6)
        for layer in masked_layers(subnetwork):
            layer.scores.assign(-layer.scores)


def test_saved_by_keras_and_exported(tmp_path):
    subnetwork, image = small(rank="magnitude"), images()
    expected = subnetwork(image, training=False).numpy()
    subnetwork.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(image, training=False), expected)
    assert [layer.rank for layer in masked_layers(loaded)] == ["magnitude"] * 3
    fosc_tf.export.save(subnetwork, tmp_path / "export")
    module = tf.saved_model.load(tmp_path / "export")
    received = module.signatures["serving_default"](image=tf.constant(image))["logits"]
    np.testing.assert_allclose(received, expected, atol=1e-5)
    assert "certified_margin" in module.signatures


def test_bounds_know_masked_layers():
    subnetwork, image = masked(digits(), rate=0.5, weights="own"), images()
    lower, upper = interval(subnetwork, image, epsilon=0.01)
    logits = subnetwork(np.clip(image + 0.01, 0, 1), training=False)
    assert np.all(lower <= logits)
    assert np.all(logits <= upper)


def test_a_layer_that_was_moved_to_a_masked_one_keeps_its_form():
    subnetwork = masked(sequential(), rate=0.5)
    conv = subnetwork.get_layer("conv")
    assert isinstance(conv, MaskedConv2D)
    assert (conv.kernel_size, conv.dilation_rate, conv.padding) == ((3, 3), (2, 2), "valid")
    assert subnetwork.output_shape == (None, 10)


def test_the_resnet_of_the_thesis():
    network = models.get("resnet34", input_shape=(32, 32, 3), num_classes=10)
    kernels = [v for v in network.trainable_variables if len(v.shape) > 1]
    assert len(kernels) == 37
    assert sum(int(np.prod(v.shape)) for v in kernels) == 21_265_088


def depthwise():
    x = image = keras.Input((8, 8, 1))
    x = keras.layers.DepthwiseConv2D(3, name="deep")(x)
    return keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(x)))


@pytest.mark.parametrize(
    ("network", "wrong", "words"),
    [
        (digits, {"rate": 1.0}, "rate=1.0"),
        (digits, {"gamma": -0.5}, "gamma=-0.5"),
        (digits, {"weights": "ternary"}, "weights='ternary'"),
        (digits, {"rank": "best"}, "rank='best'"),
        (digits, {"scores_scale": 0.0}, "scores_scale=0.0"),
        (digits, {"rate": 0.9999, "gamma": 1.0}, "layer 'dense1'"),
        (depthwise, {}, "'deep', a DepthwiseConv2D"),
        (lambda: keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]), {}, "neither"),
    ],
)
def test_what_cannot_be_masked(network, wrong, words):
    with pytest.raises(UserError) as error:
        masked(network(), **wrong)
    assert words in error.value.received


def test_scores_of_a_network_that_is_not_masked():
    with pytest.raises(UserError, match="fosc_tf.subnetworks.masked"):
        masked_layers(digits())
