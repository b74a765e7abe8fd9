"""What each kind of layer is in ONNX: one rule a kind, and users may add their own.

    model = model_of(network)       # an onnx.ModelProto

    @register(MyScaling)
    def my_scaling(graph, layer, x):
        return graph.mapped("Mul", x, np.array(layer.factor))

The operators are those that verifiers read: a padded border stands in the attributes of a
convolution, a ReLU with a highest value is two ReLUs, a scale and shift of channels is a
BatchNormalization.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from fosc_tf.errors import UserError
from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.models.binary_connect import BinaryConnectConv2D, BinaryConnectDense
from fosc_tf.models.graph import walk
from fosc_tf.models.masked import MaskedConv2D, MaskedDense
from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value

Rule = Callable[..., Value]
_RULES: dict[type, Rule] = {}
L = keras.layers
_PAD_THEMSELVES = (L.Conv2D, MaskedConv2D, BinaryConnectConv2D, L.DepthwiseConv2D)


def register(*kinds: type) -> Callable[[Rule], Rule]:
    """Returns a decorator that files the rule of these classes, and of no subclass of theirs.

    A rule takes an `OnnxGraph`, a layer and a `Value` for each of its inputs, and returns the
    `Value` of what the layer does in evaluation mode.
    """

    def file(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return file


def model_of(network: Any) -> Any:
    """Returns a network in evaluation mode as an `onnx.ModelProto` for a batch of one.

    It takes `image`, float32 [1, height, width, channels] in Keras' order, and returns `logits`,
    float32 [1, classes].

    Args:
        network: a functional or sequential Keras model of images of known size to logits, all its
            layers in float32.

    Raises:
        UserError: a network that does not say what it calls, an image of unknown size, a layer
            without a rule, something else than logits at the end.
        ImportError: onnx is not installed.
    """
    shape = tuple(getattr(network, "input_shape", ()) or ())[1:]
    if len(shape) == 3 and None in shape:
        raise UserError(
            "an ONNX file must know the size of the images",
            "keras.Input((28, 28, 1))",
            f"{list(shape)}",
        )
    graph = OnnxGraph(shape)
    result = graph.channels_last(_added(graph, network, graph.image))
    if len(result.shape) != 1:
        raise UserError(
            "the network must return logits [batch, classes]",
            "a Flatten or GlobalAveragePooling2D before the last Dense",
            f"a result of shape [batch, {', '.join(map(str, result.shape))}]",
        )
    return graph.model(result)


def _added(graph: OnnxGraph, network: Any, image: Value) -> Value:
    """Adds the nodes of a network that reads `image`; returns its result."""
    walked = walk(network)
    results = keras.tree.flatten(walked.result) if walked else []
    if len(results) != 1:
        raise UserError(
            "the network must say which layers it calls, and return one thing",
            "a functional or sequential Keras model of images [height, width, channels] to logits",
            f"{type(network).__name__} {getattr(network, 'name', '')!r}",
        )
    values = {id(walked.image): image}
    for node in walked.nodes:
        inputs = [values[id(x)] for x in node.inputs]
        add = _added if isinstance(node.layer, keras.Model) else of_layer
        values[id(node.outputs[0])] = add(graph, node.layer, *inputs)
    return graph.whole(values[id(results[0])])


def of_layer(graph: OnnxGraph, layer: Any, *values: Value) -> Value:
    """Adds what a layer does with `values` and returns the value that it gives.

    Raises:
        UserError: a layer without a rule, not in float32, or in a form that its rule does not know.
    """
    rule = _RULES.get(type(layer))
    if rule is None:
        raise UserError(
            "an ONNX file must say what each layer does",
            "a rule: @fosc_tf.vnnlib.onnx_layers.register(Class), see there; or one of "
            + ", ".join(sorted(kind.__name__ for kind in _RULES)),
            f"layer {layer.name!r}, a {type(layer).__module__}.{type(layer).__name__}",
        )
    if layer.compute_dtype != "float32":
        raise _unknown(layer, f"dtype={layer.compute_dtype!r}", 'dtype="float32"')
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise _unknown(layer, f"data_format={layer.data_format!r}", 'data_format="channels_last"')
    if type(layer) not in _PAD_THEMSELVES:
        values = tuple(map(graph.whole, values))
    return rule(graph, layer, *values)


def _unknown(layer: Any, what: str, right: str) -> UserError:
    kind = type(layer).__name__
    return UserError(
        f"an ONNX file must know this form of {kind}", right, f"{what} of {layer.name!r}"
    )


def _activated(graph: OnnxGraph, layer: Any, x: Value) -> Value:
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
    raise _unknown(layer, f"activation={name}", ", ".join(each.__name__ for each in known))


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
        return _activated(graph, layer, Value(name, (units,)))
    x = graph.channels_last(x)
    name = graph.add("Add", graph.add("MatMul", x.name, kernel), bias)
    return _activated(graph, layer, Value(name, (*x.shape[:-1], units)))


@register(L.Conv2D, MaskedConv2D, BinaryConnectConv2D, BinaryConnectConv2D)
def convolution(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns a convolution of any stride, padding, dilation and number of groups."""
    # [height, width, in, out] -> [out, in, height, width]
    kernel = keras.ops.convert_to_numpy(layer.kernel).transpose(3, 2, 0, 1)
    return _convolved(graph, layer, x, kernel, layer.groups)


@register(L.DepthwiseConv2D)
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
    pads, sides = _windows(x.shape, window, layer.strides, layer.padding)
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
    return _activated(graph, layer, Value(name, shape, shape))


def _windows(
    shape: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: str
) -> tuple[list[int], list[int]]:
    """Returns TensorFlow's padding (above, left, below, right), and height and width after it."""
    before, after, sides = [], [], []
    for side, size, stride in zip(shape, window, strides, strict=False):
        missing = (math.ceil(side / stride) - 1) * stride + size - side
        pad = max(missing, 0) if padding == "same" else 0
        before.append(pad // 2)
        after.append(pad - pad // 2)
        sides.append((side + pad - size) // stride + 1)
    return before + after, sides


@register(L.BatchNormalization, FusedBatchNormalization)
def batch_normalization(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the scale and shift of evaluation mode."""
    if layer.axis not in (-1, len(x.shape)):
        raise _unknown(layer, f"axis={layer.axis}", "axis=-1")
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
        raise _unknown(layer, "invert=True", "invert=False")
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
        raise _unknown(layer, f"inputs of shapes {shapes}", "inputs of one shape")
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


@register(L.AveragePooling2D)
def average_pooling(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns means of windows; at a padded border of what is inside."""
    return _averaged(graph, x, layer.pool_size, layer.strides, layer.padding)


def _averaged(
    graph: OnnxGraph, x: Value, size: Sequence[int], strides: Sequence[int], padding: str
) -> Value:
    x = graph.channels_first(x)
    height, width, channels = x.shape
    pads, sides = _windows(x.shape, size, strides, padding)
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
    pads, sides = _windows(x.shape, size, strides, padding)
    name = graph.add("MaxPool", x.name, kernel_shape=size, strides=strides, pads=pads)
    shape = (*sides, x.shape[-1])
    return Value(name, shape, shape)


@register(L.Activation)
def activation(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns what its function does."""
    return _activated(graph, layer, x)


@register(L.ReLU)
def relu(graph: OnnxGraph, layer: Any, x: Value) -> Value:
    """Returns the ReLU, leaky or not, with a highest value or without."""
    slope = float(layer.negative_slope)
    if layer.threshold:
        raise _unknown(layer, f"threshold={layer.threshold}", "threshold=0")
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
