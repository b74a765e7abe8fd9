"""Layers that look at windows: their mean, their largest entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value
from fosc_tf.vnnlib.onnx_rule import register
from fosc_tf.vnnlib.onnx_windows import windows

L = keras.layers


@register(L.AveragePooling2D)
def average_pooling(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns means of windows; at a padded border of what is inside."""
    return _averaged(graph, x, layer.pool_size, layer.strides, layer.padding)


def _averaged(
    graph: OnnxGraph, x: Value, size: Sequence[int], strides: Sequence[int], padding: str
) -> Value:
    x = graph.channels_first(x)
    height, width, channels = x.shape
    pads, sides = windows(x.shape, size, strides, padding)
    shape = (*sides, channels)
    if not any(pads):
        name = graph.add("AveragePool", x.name, kernel_shape=size, strides=strides)
        return Value(name, shape, shape)
    # Some verifiers count the zeros of a border whatever the node says: sums, then their shares.
    name = graph.add(
        "Conv",
        x.name,
        np.ones([channels, 1, *size]),
        kernel_shape=size,
        strides=strides,
        pads=pads,
        group=channels,
    )
    rows, columns = (
        _inside(*each) for each in zip((height, width), size, strides, pads, sides, strict=False)
    )
    return graph.mapped("Mul", Value(name, shape, shape), 1.0 / np.outer(rows, columns))


def _inside(side: int, size: int, stride: int, pad: int, count: int) -> np.ndarray:
    """Returns how many pixels of a side each window covers."""
    start = np.arange(count) * stride - pad
    return np.minimum(start + size, side) - np.maximum(start, 0)


@register(L.GlobalAveragePooling2D)
def global_average_pooling(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the mean of each channel."""
    size = x.shape[:2]
    pooled = _averaged(graph, x, size, size, "valid")
    return pooled if layer.keepdims else graph.flat(pooled)


@register(L.MaxPooling2D)
def max_pooling(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the largest entries of windows."""
    return _largest(graph, x, layer.pool_size, layer.strides, layer.padding)


@register(L.GlobalMaxPooling2D)
def global_max_pooling(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the largest entry of each channel."""
    size = x.shape[:2]
    pooled = _largest(graph, x, size, size, "valid")
    return pooled if layer.keepdims else graph.flat(pooled)


def _largest(
    graph: OnnxGraph, x: Value, size: Sequence[int], strides: Sequence[int], padding: str
) -> Value:
    x = graph.channels_first(x)
    pads, sides = windows(x.shape, size, strides, padding)
    name = graph.add("MaxPool", x.name, kernel_shape=size, strides=strides, pads=pads)
    shape = (*sides, x.shape[-1])
    return Value(name, shape, shape)
