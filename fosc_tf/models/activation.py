"""The activations that a network may be asked for, as layers of their own.

x = activation_layer("tanh", index=1)(x)      # a layer called tanh1
"""

from __future__ import annotations

import keras

from fosc_tf.errors import unknown_name

ACTIVATIONS = ("relu", "sigmoid", "tanh")


def activation_layer(kind: str, *, index: int) -> keras.layers.Layer:
    """Returns the layer of that kind, called by kind and index.

    Args:
        kind: one of `ACTIVATIONS`.
        index: its place among the activations of the network, from 1.

    Raises:
        UserError: an unknown kind.
    """
    if kind not in ACTIVATIONS:
        raise unknown_name("activation", kind, ACTIVATIONS)
    name = f"{kind}{index}"
    if kind == "relu":
        return keras.layers.ReLU(name=name)
    return keras.layers.Activation(kind, name=name)
