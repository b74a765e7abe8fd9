"""Layers of several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value
from fosc_tf.vnnlib.onnx_rule import register, unknown_form

L = keras.layers


@register(L.Add)
def add(graph: OnnxGraph, layer: Any, *values: Value) -> Value:
    """Returns the sum of all inputs."""
    return _chained(graph, layer, "Add", values)


@register(L.Average)
def average(graph: OnnxGraph, layer: Any, *values: Value) -> Value:
    """Returns the mean of all inputs."""
    total = _chained(graph, layer, "Add", values)
    return graph.mapped("Mul", total, np.array([1.0 / len(values)]))


@register(L.Subtract)
def subtract(graph: OnnxGraph, layer: Any, *values: Value) -> Value:
    """Returns the first input less the second."""
    return _chained(graph, layer, "Sub", values)


def _chained(graph: OnnxGraph, layer: Any, kind: str, values: Sequence[Value]) -> Value:
    shapes = [value.shape for value in values]
    if len(set(shapes)) > 1:
        raise unknown_form(layer, f"inputs of shapes {shapes}", "inputs of one shape")
    found, *others = _in_one_order(graph, values)
    for other in others:
        found = graph.mapped(kind, found, other.name)
    return found


@register(L.Concatenate)
def concatenate(graph: OnnxGraph, layer: Any, *values: Value) -> Value:
    """Returns the inputs behind each other along an axis."""
    first, rank = values[0].shape, len(values[0].shape)
    axis = layer.axis if layer.axis >= 0 else layer.axis + rank + 1
    length = sum(value.shape[axis - 1] for value in values)
    shape = (*first[: axis - 1], length, *first[axis:])
    if rank != 3:
        names = [graph.channels_last(value).name for value in values]
        return Value(graph.add("Concat", *names, axis=axis), shape)
    names = [graph.channels_first(value).name for value in values]
    # [batch, height, width, channels] -> [batch, channels, height, width]
    return Value(graph.add("Concat", *names, axis=(0, 2, 3, 1)[axis]), shape, shape)


def _in_one_order(graph: OnnxGraph, values: Sequence[Value]) -> list[Value]:
    if len({value.image for value in values}) == 1:
        return list(values)
    turn = graph.channels_first if len(values[0].shape) == 3 else graph.channels_last
    return [turn(value) for value in values]
