"""Layers that scale and shift."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value
from fosc_tf.vnnlib.onnx_rule import register, unknown_form

L = keras.layers


@register(L.BatchNormalization, FusedBatchNormalization)
def batch_normalization(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the scale and shift of evaluation mode."""
    if layer.axis not in (-1, len(x.shape)):
        raise unknown_form(layer, f"axis={layer.axis}", "axis=-1")
    return _normalised(
        graph,
        x,
        mean=layer.moving_mean,
        variance=layer.moving_variance,
        scale=layer.gamma if layer.scale else 1.0,
        shift=layer.beta if layer.center else 0.0,
        epsilon=layer.epsilon,
    )


@register(L.Normalization)
def normalization(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns (x - mean) / deviation."""
    if layer.invert:
        raise unknown_form(layer, "invert=True", "invert=False")
    least = keras.config.epsilon() ** 2
    variance = np.maximum(keras.ops.convert_to_numpy(layer.variance), least)
    return _normalised(graph, x, mean=layer.mean, variance=variance)


@register(L.Rescaling)
def rescaling(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns scale * x + offset."""
    return _normalised(graph, x, scale=layer.scale, shift=layer.offset)


def _normalised(
    graph: OnnxGraph,
    x: Value,
    *,
    mean: Any = 0.0,
    variance: Any = 1.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    epsilon: float = 0.0,
) -> Value:
    """Returns scale * (x - mean) / sqrt(variance + epsilon) + shift, arrays over the last axes."""
    channels = x.shape[-1]
    found = (keras.ops.convert_to_numpy(each) for each in (scale, shift, mean, variance))
    numbers = [each.astype(np.float64) for each in found]
    of_channels = all(n.size == 1 or n.size == n.shape[-1] == channels for n in numbers)
    if of_channels and len(x.shape) in (1, 3):  # ONNX has the channels in the second axis
        x = graph.channels_first(x) if len(x.shape) == 3 else graph.channels_last(x)
        numbers = [np.broadcast_to(n.reshape(-1), [channels]) for n in numbers]
        return graph.mapped("BatchNormalization", x, *numbers, epsilon=float(epsilon))
    scale, shift, mean, variance = numbers
    scale = scale / np.sqrt(variance + epsilon)
    x = graph.mapped("Mul", graph.channels_last(x), scale)
    return graph.mapped("Add", x, shift - mean * scale)
