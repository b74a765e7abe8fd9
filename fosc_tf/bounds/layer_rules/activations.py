"""Activation functions, and the layers that are one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds import nonlinearities
from fosc_tf.bounds.layer_rules.rule import Primitive, register, unknown_form
from fosc_tf.bounds.primitives import Elementwise
from fosc_tf.errors import UserError

L = keras.layers


def of_activation(layer: Any, activation: Any) -> list[Primitive]:
    """Returns what an activation function of Keras does; a linear one is nothing."""
    activations = keras.activations
    if activation is activations.linear or activation is None:
        return []
    known = {
        activations.relu: lambda: nonlinearities.leaky_relu(0.0),
        activations.sigmoid: nonlinearities.sigmoid,
        activations.tanh: nonlinearities.tanh,
        activations.softplus: nonlinearities.softplus,
        activations.gelu: lambda: nonlinearities.gelu(False),
        activations.leaky_relu: lambda: nonlinearities.leaky_relu(0.2),
        activations.elu: lambda: Elementwise(tf.nn.elu, lipschitz=1.0),
        activations.relu6: lambda: Elementwise(tf.nn.relu6, lipschitz=1.0),
    }
    if activation in known:
        return [known[activation]()]
    name = getattr(activation, "__name__", repr(activation))
    if activation is activations.softmax:
        raise UserError(
            "bounds are those of logits, which softmax hides",
            "the same network without its softmax",
            f"activation='softmax' of {layer.name!r}",
        )
    names = ", ".join(each.__name__ for each in known)
    raise unknown_form(layer, f"activation={name}", names)


@register(L.Activation)
def activation(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns what its function does."""
    del shapes
    return of_activation(layer, layer.activation)


@register(L.Softmax)
def softmax(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Raises `UserError`: what is bounded are logits."""
    del shapes
    return of_activation(layer, keras.activations.softmax)


@register(L.ReLU)
def relu(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the ReLU, leaky or not, with a highest value or without."""
    del shapes
    slope = float(layer.negative_slope)
    if layer.threshold or not 0 <= slope <= 1:
        raise unknown_form(
            layer, f"threshold={layer.threshold}, negative_slope={slope}", "0 and 0 to 1"
        )
    if layer.max_value is None:
        return [nonlinearities.leaky_relu(slope)]
    most = float(layer.max_value)
    return [Elementwise(lambda x: tf.minimum(tf.maximum(x, slope * x), most), lipschitz=1.0)]


@register(L.LeakyReLU)
def leaky(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the leaky ReLU."""
    del shapes
    slope = float(layer.negative_slope)
    if not 0 <= slope <= 1:
        raise unknown_form(layer, f"negative_slope={slope}", "0 to 1")
    return [nonlinearities.leaky_relu(slope)]


@register(L.ELU)
def elu(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the exponential linear unit."""
    del shapes
    alpha = float(layer.alpha)
    if alpha < 0:
        raise unknown_form(layer, f"alpha={alpha}", "alpha of at least 0")

    def value(x: tf.Tensor) -> tf.Tensor:
        return tf.where(x > 0, x, alpha * tf.math.expm1(tf.minimum(x, 0.0)))

    return [Elementwise(value, lipschitz=max(alpha, 1.0))]
