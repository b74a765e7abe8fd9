"""Layers within layers are found."""

import keras

from fosc_tf.models.all_layers import all_layers


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__(name="block")
        self.inner = [keras.layers.Dense(2, name="one"), keras.layers.Dense(2, name="two")]

    def call(self, x):
        return self.inner[1](self.inner[0](x))


def test_those_of_a_layer_of_ones_own_too():
    network = keras.Sequential([keras.Input((4,)), Block(), keras.layers.Dense(3, name="last")])
    assert {"block", "one", "two", "last"} <= {layer.name for layer in all_layers(network)}
