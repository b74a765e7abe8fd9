"""The walk sees every call in order, computes what the network computes and leaves no trace."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fosc_tf.models.graph import walk
from tests.models.small_networks import SMALL, images_for, small

SHAPE = (6, 6, 2)


def own(node):
    return node.layer


def named(network):
    return [node.layer.name for node in walk(network).nodes]


def same(network):
    """The walk computes the network's own result to the bit, eagerly and in a graph."""
    graph = walk(network)
    image = images_for(network)
    expected = network(image)
    np.testing.assert_array_equal(graph.run(tf.constant(image), own), expected)
    compiled = tf.function(lambda x: walk(network).run(x, own))
    np.testing.assert_array_equal(compiled(image), tf.function(network)(image))


def branched():
    """a -> b -> sum -> c, and a -> sum."""
    image = keras.Input(SHAPE, name="image")
    a = layers.Conv2D(3, 3, padding="same", name="a")(image)
    b = layers.Conv2D(3, 3, padding="same", name="b")(a)
    x = layers.Add(name="sum")([a, b])
    return keras.Model(image, layers.Dense(4, name="c")(layers.Flatten(name="flat")(x)))


def test_who_reads_what_of_whom():
    network = branched()
    graph = walk(network)
    a, b, total, flat, c = graph.nodes
    assert [node.layer for node in graph.nodes] == network.layers[1:]
    assert [node.layer.name for node in graph.nodes] == ["a", "b", "sum", "flat", "c"]
    assert a.inputs[0] is a.args[0] is graph.image
    assert b.inputs[0] is a.outputs[0]
    assert [id(x) for x in total.inputs] == [id(a.outputs[0]), id(b.outputs[0])]
    assert total.args[0] == total.inputs
    assert c.outputs[0] is graph.result
    assert graph.image.shape == (None, 6, 6, 2)
    assert [node.outputs[0].shape for node in (total, flat, c)] == [
        (None, 6, 6, 3),
        (None, 108),
        (None, 4),
    ]
    same(network)


def called_twice():
    """A layer with two calls, the second on a smaller image, and another with two alike."""
    image = keras.Input(SHAPE)
    shrink, keep = layers.Conv2D(2, 3, name="shrink"), layers.Dense(2, name="keep")
    return keras.Model(image, layers.Flatten(name="flat")(keep(shrink(keep(shrink(image))))))


def nested():
    inner = keras.Sequential([layers.Conv2D(2, 3), layers.ReLU()], name="inner")
    image = keras.Input(SHAPE)
    return keras.Model(image, layers.Flatten(name="flat")(inner(image)))


def with_operations():
    image = keras.Input(SHAPE)
    x = keras.ops.relu(1.0 - 2.0 * image)
    parts = keras.ops.split(x, 2, axis=-1)
    x = layers.Concatenate(name="both")([*parts, image])
    return keras.Model(image, layers.GlobalAveragePooling2D(keepdims=False)(x[:, 1:]))


class Scaled(layers.Layer):
    """Reads a second tensor and a number by keyword."""

    def call(self, x, by=None, times=1.0):
        return x * by * times


def with_keywords():
    image = keras.Input(SHAPE)
    x = layers.ReLU(name="relu")(image)
    return keras.Model(image, layers.Flatten()(Scaled(name="scaled")(x, by=image, times=3.0)))


def listed():
    plain = branched()
    return keras.Model(plain.inputs, plain.outputs)


def sequential():
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(3, 3, name="conv"), layers.Flatten(name="flat")]
    )


@pytest.mark.parametrize(
    "make", [called_twice, nested, with_operations, with_keywords, listed, sequential]
)
def test_computes_what_the_network_computes(make):
    same(make())


@pytest.mark.parametrize("name", sorted(SMALL))
def test_computes_what_the_project_s_networks_compute(name):
    same(small(name))


def test_a_layer_that_is_called_twice_has_two_nodes_and_a_nested_model_one():
    network = called_twice()
    assert named(network) == ["shrink", "keep", "shrink", "keep", "flat"]
    sides = [node.outputs[0].shape[1] for node in walk(network).nodes]
    assert sides == [4, 4, 2, 2, 8]
    assert named(nested()) == ["inner", "flat"]


def test_keywords_are_kept_with_their_tensors():
    graph = walk(with_keywords())
    scaled = graph.nodes[1]
    assert scaled.kwargs["times"] == 3.0
    assert scaled.kwargs["by"] is graph.image
    assert scaled.inputs == [scaled.args[0], graph.image]


def test_shapes_are_those_of_this_network_though_a_layer_serves_another():
    convolution = layers.Conv2D(2, 3)
    for side in (6, 9):
        image = keras.Input((side, side, 1))
        graph = walk(keras.Model(image, layers.Flatten()(convolution(image))))
        assert graph.nodes[0].outputs[0].shape == (None, side - 2, side - 2, 2)


def test_calls_can_be_replaced_by_others():
    # Without its ReLU, 2 * relu(-3) is 2 * -3.
    image = keras.Input((1, 1, 1))
    last = layers.Dense(1, kernel_initializer=keras.initializers.Constant(2.0))
    network = keras.Model(image, last(layers.ReLU(name="relu")(image)))
    given = tf.fill([1, 1, 1, 1], -3.0)

    def call(node):
        return tf.identity if node.layer.name == "relu" else node.layer

    assert network(given).numpy().item() == 0.0
    assert walk(network).run(given, call).numpy().item() == -6.0


def test_nothing_of_the_network_or_of_keras_changes(monkeypatch):
    network = branched()
    network.compile(optimizer="adam", loss="mse")
    inner = nested()
    config, outputs = network.get_config(), [layer.output for layer in network.layers]
    for layer in (*network.layers, *inner.layers):
        monkeypatch.setattr(layer, "call", lambda *_: pytest.fail("a layer is called"))

    def refused(next_creator, **arguments):
        pytest.fail("a variable is made")

    before = int(layers.ReLU().name.rpartition("_")[2])
    keras.utils.set_random_seed(3)
    expected = np.array(keras.random.normal((4,)))
    keras.utils.set_random_seed(3)
    with tf.variable_creator_scope(refused):
        walk(network)
        walk(inner)
    np.testing.assert_array_equal(keras.random.normal((4,)), expected)
    assert layers.ReLU().name == f"re_lu_{before + 1}"
    assert network.get_config() == config
    assert all(layer.output is x for layer, x in zip(network.layers, outputs, strict=True))


def test_layers_that_come_later_are_seen():
    network = sequential()
    assert named(network) == ["conv", "flat"]
    network.add(layers.Dense(2, name="last"))
    assert named(network) == ["conv", "flat", "last"]
    same(network)


class Subclassed(keras.Model):
    """Says nothing of what it calls."""

    def call(self, image):
        return image


class OwnCall(keras.Model):
    """Has a graph and then does something else."""

    def call(self, inputs):
        return -super().call(inputs)


def with_a_call_of_its_own():
    plain = branched()
    return OwnCall(plain.inputs, plain.outputs)


def of_two_inputs():
    one, two = keras.Input(SHAPE), keras.Input(SHAPE)
    return keras.Model([one, two], layers.Add()([one, two]))


def of_three_axes():
    image = keras.Input((8, 8))
    return keras.Model(image, layers.Flatten()(image))


@pytest.mark.parametrize(
    "make",
    [
        Subclassed,
        with_a_call_of_its_own,
        of_two_inputs,
        of_three_axes,
        lambda: keras.Sequential([layers.Flatten()]),
        lambda: tf.function(lambda image: image).get_concrete_function(tf.TensorSpec([1])),
        lambda: None,
    ],
)
def test_networks_that_do_not_say_what_they_call_have_no_graph(make):
    assert walk(make()) is None
