"""Layers that multiply by a kernel."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fosc_tf.models.binary_connect import BinaryConnectConv2D, BinaryConnectDense
from fosc_tf.models.masked import MaskedConv2D, MaskedDense
from fosc_tf.vnnlib.onnx_activations import activated
from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value
from fosc_tf.vnnlib.onnx_rule import register
from fosc_tf.vnnlib.onnx_windows import windows

L = keras.layers


@register(L.Dense, MaskedDense, BinaryConnectDense)
def dense(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns a product of the last axis with the kernel."""
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    units = kernel.shape[1]
    bias = keras.ops.convert_to_numpy(layer.bias) if layer.use_bias else np.zeros(units)
    if len(x.shape) == 1:
        if x.image:  # channels [height * width] first, as the entries of x stand
            kernel = kernel.reshape(-1, x.image[-1], units).swapaxes(0, 1).reshape(-1, units)
        name = graph.add("Gemm", x.name, kernel.T, bias, transB=1)
        return activated(graph, layer, Value(name, (units,)))
    x = graph.channels_last(x)
    name = graph.add("Add", graph.add("MatMul", x.name, kernel), bias)
    return activated(graph, layer, Value(name, (*x.shape[:-1], units)))


@register(L.Conv2D, MaskedConv2D, BinaryConnectConv2D, takes_zeros=True)
def convolution(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns a convolution of any stride, padding, dilation and number of groups."""
    # [height, width, in, out] -> [out, in, height, width]
    kernel = keras.ops.convert_to_numpy(layer.kernel).transpose(3, 2, 0, 1)
    return _convolved(graph, layer, x, kernel, layer.groups)


@register(L.DepthwiseConv2D, takes_zeros=True)
def depthwise(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns a convolution of each channel by itself."""
    # [height, width, channels, multiplier] -> [channels * multiplier, 1, height, width]
    kernel = keras.ops.convert_to_numpy(layer.kernel).transpose(2, 3, 0, 1)
    kernel = kernel.reshape(-1, 1, *layer.kernel_size)
    return _convolved(graph, layer, x, kernel, x.shape[-1])


def _convolved(graph: OnnxGraph, layer: Any, x: Value, kernel: np.ndarray, groups: int) -> Value:
    x = graph.channels_first(x)
    bias = [keras.ops.convert_to_numpy(layer.bias)] if layer.use_bias else []
    window = [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    pads, sides = windows(x.shape, window, layer.strides, layer.padding)
    name = graph.add(
        "Conv",
        x.name,
        kernel,
        *bias,
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        dilations=layer.dilation_rate,
        pads=[own + before for own, before in zip(pads, x.zeros, strict=True)],
        group=groups,
    )
    shape = (*sides, len(kernel))
    return activated(graph, layer, Value(name, shape, shape))
