"""Activation functions, and the layers that are one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value
from fosc_tf.vnnlib.onnx_rule import register, unknown_form

L = keras.layers


def activated(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns what the activation function of a layer makes of `x`; a linear one is nothing."""
    activations = keras.activations
    if layer.activation is activations.linear or layer.activation is None:
        return x
    known: dict[Any, Callable[[], Value]] = {
        activations.relu: lambda: graph.mapped("Relu", x),
        activations.relu6: lambda: _capped(graph, graph.mapped("Relu", x), 6.0),
        activations.leaky_relu: lambda: graph.mapped("LeakyRelu", x, alpha=0.2),
        activations.elu: lambda: graph.mapped("Elu", x, alpha=1.0),
        activations.sigmoid: lambda: graph.mapped("Sigmoid", x),
        activations.tanh: lambda: graph.mapped("Tanh", x),
        activations.softplus: lambda: graph.mapped("Softplus", x),
        activations.gelu: lambda: _gelu(graph, x),
    }
    if layer.activation in known:
        return known[layer.activation]()
    name = getattr(layer.activation, "__name__", repr(layer.activation))
    raise unknown_form(layer, f"activation={name}", ", ".join(each.__name__ for each in known))


def _capped(graph: OnnxGraph, x: Value, most: float) -> Value:
    """Returns min(x, most) by a ReLU, which every verifier knows: most - max(most - x, 0)."""
    for kind in ("Sub", "Relu", "Sub"):
        inputs = [np.array([most]), x.name] if kind == "Sub" else [x.name]
        x = x._replace(name=graph.add(kind, *inputs))
    return x


def _gelu(graph: OnnxGraph, x: Value) -> Value:
    """Returns x * (1 + erf(x / sqrt(2))) / 2; of Gelu itself ONNX knows only since 2023."""
    share = graph.mapped("Mul", x, np.array([math.sqrt(0.5)]))
    share = graph.mapped("Add", graph.mapped("Erf", share), np.array([1.0]))
    return graph.mapped("Mul", graph.mapped("Mul", x, np.array([0.5])), share.name)


@register(L.Activation)
def activation(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns what its function does."""
    return activated(graph, layer, x)


@register(L.ReLU)
def relu(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the ReLU, leaky or not, with a highest value or without."""
    slope = float(layer.negative_slope)
    if layer.threshold:
        raise unknown_form(layer, f"threshold={layer.threshold}", "threshold=0")
    x = graph.mapped("LeakyRelu", x, alpha=slope) if slope else graph.mapped("Relu", x)
    return x if layer.max_value is None else _capped(graph, x, float(layer.max_value))


@register(L.LeakyReLU)
def leaky_relu(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the leaky ReLU."""
    return graph.mapped("LeakyRelu", x, alpha=float(layer.negative_slope))


@register(L.ELU)
def elu(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the exponential linear unit."""
    return graph.mapped("Elu", x, alpha=float(layer.alpha))
