"""Layers that compute nothing: they move entries, add zeros, leave some out, or do nothing."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value
from fosc_tf.vnnlib.onnx_rule import register

L = keras.layers


@register(L.Dropout, L.SpatialDropout2D, L.GaussianNoise, L.GaussianDropout, L.Identity)
def nothing(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns `x`: in evaluation mode these layers do nothing."""
    del graph, layer
    return x


@register(L.Flatten)
def flatten(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns all entries in one axis; the next dense layer knows in which order they stand."""
    del layer
    return x if len(x.shape) == 1 else graph.flat(x)


@register(L.Reshape)
def reshape(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the entries in another shape."""
    target = tuple(layer.compute_output_shape((None, *x.shape))[1:])
    if len(target) == 1:
        return flatten(graph, layer, x)
    name = graph.add("Reshape", graph.channels_last(x).name, np.array([-1, *target]))
    return Value(name, target)


@register(L.ZeroPadding2D)
def zero_padding(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the image with zeros around it."""
    (above, below), (left, right) = layer.padding
    x = graph.channels_first(x)
    height, width, channels = x.shape
    shape = (height + above + below, width + left + right, channels)
    return Value(x.name, shape, shape, (above, left, below, right))


@register(L.Cropping2D)
def cropping(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns a part of the image."""
    x = graph.channels_first(x)
    (top, bottom), (left, right) = layer.cropping
    height, width, channels = x.shape
    ends = np.array([height - bottom, width - right])
    name = graph.add("Slice", x.name, np.array([top, left]), ends, np.array([2, 3]))
    shape = (height - bottom - top, width - right - left, channels)
    return Value(name, shape, shape)
