"""Layers of several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds.layer_rules.rule import Primitive, register, unknown_form
from fosc_tf.bounds.primitives import Affine

L = keras.layers


@register(L.Add)
def add(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the sum of all inputs."""
    _alike(layer, shapes)
    return [Affine(lambda weigh, *xs: tf.add_n(list(xs)))]


@register(L.Average)
def average(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the mean of all inputs."""
    _alike(layer, shapes)
    return [Affine(lambda weigh, *xs: weigh(1.0 / len(shapes)) * tf.add_n(list(xs)))]


@register(L.Subtract)
def subtract(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the first input less the second."""
    _alike(layer, shapes)
    return [Affine(lambda weigh, a, b: a + weigh(-1.0) * b)]


@register(L.Concatenate)
def concatenate(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the inputs behind each other along an axis."""
    axis = layer.axis if layer.axis >= 0 else layer.axis + len(shapes[0]) + 1
    return [Affine(lambda weigh, *xs: tf.concat(list(xs), axis=axis))]


def _alike(layer: Any, shapes: Sequence[Sequence[int]]) -> None:
    if len({tuple(shape) for shape in shapes}) > 1:
        raise unknown_form(layer, f"inputs of shapes {list(shapes)}", "inputs of one shape")
