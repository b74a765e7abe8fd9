"""What each kind of layer is to bounds: one rule a kind, and users may add their own.

@register(MyScaling)
def my_scaling(layer, shapes):
    return [Affine(lambda weigh, x: weigh(layer.factor) * x, mixes=False)]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds import nonlinearities, primitives
from fosc_tf.bounds.primitives import Affine, Elementwise, Largest, Nonlinear
from fosc_tf.errors import UserError
from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.models.binary_connect import BinaryConnectConv2D, BinaryConnectDense
from fosc_tf.models.convolution import convolved
from fosc_tf.models.masked import MaskedConv2D, MaskedDense

Primitive = Affine | Nonlinear
Rule = Callable[[Any, Sequence[Sequence[int]]], list[Primitive]]
_RULES: dict[type, Rule] = {}
_filed: list[Rule] = []
L = keras.layers


def register(*kinds: type) -> Callable[[Rule], Rule]:
    """Returns a decorator that files the rule of these classes, and of no subclass of theirs.

    A rule takes a layer and the shapes of its inputs without the batch axis, and returns what the
    layer does, one thing after the other, of which the first alone may have several inputs. It
    reads weights when a primitive is asked for something, not before.
    """

    def file(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(kinds, rule))
        _filed.append(rule)
        return rule

    return file


def version() -> int:
    """Returns a number that grows with each rule that is filed."""
    return len(_filed)


def of_layer(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns what a layer does.

    Raises:
        UserError: a layer without a rule, or in a form that its rule does not know.
    """
    if "16" in str(getattr(layer, "compute_dtype", "")):
        raise UserError(
            "bounds are those of a network that computes in float32",
            'the same weights in a network made under keras.config.set_dtype_policy("float32")',
            f"layer {layer.name!r}, which computes in {layer.compute_dtype}",
        )
    rule = _RULES.get(type(layer))
    if rule is None:
        raise UserError(
            "bounds must know what each layer does",
            "a rule: @fosc_tf.bounds.register(Class), see fosc_tf.bounds.layer_rules; or one of "
            + ", ".join(sorted(kind.__name__ for kind in _RULES)),
            f"layer {layer.name!r}, a {type(layer).__module__}.{type(layer).__name__}",
        )
    return rule(layer, shapes)


def _unknown(layer: Any, what: str, right: str) -> UserError:
    kind = type(layer).__name__
    return UserError(f"bounds must know this form of {kind}", right, f"{what} of {layer.name!r}")


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
    raise _unknown(layer, f"activation={name}", names)


@register(L.Dense, MaskedDense, BinaryConnectDense)
def dense(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a product of the last axis with the kernel."""
    del shapes

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        return tf.tensordot(x, weigh(layer.kernel), 1)

    return [
        Affine(apply, _bias(layer), largest=_largest(layer)),
        *of_activation(layer, layer.activation),
    ]


@register(L.Conv2D, MaskedConv2D, BinaryConnectConv2D)
def convolution(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a convolution of any stride, padding, dilation and number of groups."""
    del shapes
    _channels_last(layer)

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        kernel = weigh(layer.kernel)
        # Of groups TensorFlow has no gradient on a CPU.
        parts = zip(tf.split(x, layer.groups, 3), tf.split(kernel, layer.groups, 3), strict=True)
        each = [convolved(*part, layer) for part in parts]
        return each[0] if len(each) == 1 else tf.concat(each, axis=3)

    return [
        Affine(apply, _bias(layer), largest=_largest(layer)),
        *of_activation(layer, layer.activation),
    ]


@register(L.DepthwiseConv2D)
def depthwise(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a convolution of each channel by itself."""
    del shapes
    _channels_last(layer)
    strides = (1, *layer.strides, 1)

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        kernel = weigh(layer.kernel)
        return tf.nn.depthwise_conv2d(
            x, kernel, strides, layer.padding.upper(), dilations=layer.dilation_rate
        )

    return [Affine(apply, _bias(layer)), *of_activation(layer, layer.activation)]


def _bias(layer: Any) -> Callable[[], Any] | None:
    return (lambda: layer.bias) if layer.use_bias else None


def _largest(layer: Any) -> Callable[[], tf.Tensor]:
    def found() -> tf.Tensor:
        kernel = tf.abs(tf.convert_to_tensor(layer.kernel))
        return tf.reduce_max(kernel, axis=list(range(kernel.shape.rank - 1)))

    return found


def _exact(weight: Any) -> tf.Tensor:
    """Returns a weight in float64, in which few roundings do not count."""
    return primitives.as_tensor(weight, tf.float64)


def _channels_last(layer: Any) -> None:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise _unknown(layer, f"data_format={layer.data_format!r}", 'data_format="channels_last"')


def _scaled(scale: Callable[[], Any], shift: Callable[[], Any]) -> Affine:
    return Affine(lambda weigh, x: weigh(scale()) * x, shift, mixes=False)


class BatchNormalized(Affine):
    """Batch normalization: the scale and shift of evaluation mode, and of a batch where asked.

    Args:
        layer: whose statistics they are.
    """

    def __init__(self, layer: Any) -> None:
        def scale() -> tf.Tensor:
            found = tf.math.rsqrt(_exact(layer.moving_variance) + layer.epsilon)
            return found * _exact(layer.gamma) if layer.scale else found

        def shift() -> tf.Tensor:
            found = -_exact(layer.moving_mean) * scale()
            return found + _exact(layer.beta) if layer.center else found

        super().__init__(lambda weigh, x: weigh(scale()) * x, shift, mixes=False)
        self.layer = layer

    def of_batch(self, value: tf.Tensor) -> tuple[tf.Tensor, Affine]:
        """Returns the layer's output in training mode, and the scale and shift that it then has.

        Both have a gradient in the statistics. Calling it moves the layer's running ones.

        Args:
            value: [batch, ..., channels] float32.
        """
        layer = self.layer
        output = layer(value, training=True)
        if not layer.trainable:
            return output, self
        axes = list(range(value.shape.rank - 1))
        mean, variance = keras.ops.moments(value, axes, synchronized=layer.synchronized)
        scale = tf.math.rsqrt(variance + layer.epsilon)
        scale = scale * tf.convert_to_tensor(layer.gamma) if layer.scale else scale
        shift = -mean * scale
        shift = shift + tf.convert_to_tensor(layer.beta) if layer.center else shift
        return output, _scaled(lambda: scale, lambda: shift)


@register(L.BatchNormalization, FusedBatchNormalization)
def batch_normalization(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the scale and shift of evaluation mode."""
    rank = len(shapes[0]) + 1
    if layer.axis not in (-1, rank - 1):
        raise _unknown(layer, f"axis={layer.axis}", "axis=-1")
    return [BatchNormalized(layer)]


@register(L.Normalization)
def normalization(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns (x - mean) / deviation."""
    del shapes
    if layer.invert:
        raise _unknown(layer, "invert=True", "invert=False")

    def scale() -> tf.Tensor:
        return 1.0 / tf.maximum(tf.sqrt(_exact(layer.variance)), keras.config.epsilon())

    def shift() -> tf.Tensor:
        return -_exact(layer.mean) * scale()

    return [_scaled(lambda: scale()[0], lambda: shift()[0])]


@register(L.Rescaling)
def rescaling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns scale * x + offset."""
    del shapes
    return [_scaled(lambda: _exact(layer.scale), lambda: _exact(layer.offset))]


@register(L.Dropout, L.SpatialDropout2D, L.GaussianNoise, L.GaussianDropout, L.Identity)
def nothing(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns nothing: in evaluation mode these layers do nothing."""
    del layer, shapes
    return []


@register(L.Flatten)
def flatten(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns all entries in one axis."""
    _channels_last(layer)
    return [_reshaped((math.prod(shapes[0]),))]


@register(L.Reshape)
def reshape(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the entries in another shape."""
    target = layer.compute_output_shape((None, *shapes[0]))[1:]
    return [_reshaped(target)]


def _reshaped(shape: Sequence[int]) -> Affine:
    return Affine(lambda weigh, x: tf.reshape(x, [-1, *shape]), mixes=False)


@register(L.ZeroPadding2D)
def zero_padding(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the image with zeros around it."""
    del shapes
    _channels_last(layer)
    around = [(0, 0), *layer.padding, (0, 0)]
    return [Affine(lambda weigh, x: tf.pad(x, around), mixes=False)]


@register(L.Cropping2D)
def cropping(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a part of the image."""
    _channels_last(layer)
    (top, bottom), (left, right) = layer.cropping
    height, width, _ = shapes[0]

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        return x[:, top : height - bottom, left : width - right]

    return [Affine(apply, mixes=False)]


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
        raise _unknown(layer, f"inputs of shapes {list(shapes)}", "inputs of one shape")


@register(L.AveragePooling2D)
def average_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns means of windows; at a padded border of what is inside."""
    del shapes
    _channels_last(layer)
    size, strides, padding = layer.pool_size, layer.strides, layer.padding.upper()

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        # A window has as many entries as there are inside; the mean weighs each by the share.
        share = 1.0 / _inside(x, size, strides, padding)
        kernel = tf.ones([*size, x.shape[-1], 1], x.dtype)
        total = tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), padding)
        return weigh(share) * total

    return [Affine(apply)]


def _inside(x: tf.Tensor, size: Any, strides: Any, padding: str) -> tf.Tensor:
    one = tf.ones([1, *x.shape[1:3], 1], x.dtype)
    return tf.nn.conv2d(one, tf.ones([*size, 1, 1], x.dtype), strides, padding)


@register(L.GlobalAveragePooling2D)
def global_average_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the mean of each channel."""
    _channels_last(layer)
    height, width, _ = shapes[0]

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        return weigh(1.0 / (height * width)) * tf.reduce_sum(
            x, axis=(1, 2), keepdims=layer.keepdims
        )

    return [Affine(apply)]


@register(L.MaxPooling2D)
def max_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the largest entries of windows."""
    del shapes
    _channels_last(layer)

    def pool(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.max_pool2d(x, layer.pool_size, layer.strides, layer.padding.upper())

    # An entry is in several windows where they overlap.
    inside = [
        -(-size // stride) for size, stride in zip(layer.pool_size, layer.strides, strict=True)
    ]
    return [Largest(pool, lipschitz=math.sqrt(math.prod(inside)))]


@register(L.GlobalMaxPooling2D)
def global_max_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the largest entry of each channel."""
    _channels_last(layer)
    size = shapes[0][:2]
    pooled = Largest(lambda x: tf.nn.max_pool2d(x, size, 1, "VALID"), lipschitz=1.0)
    return [pooled] if layer.keepdims else [pooled, _reshaped((shapes[0][2],))]


@register(L.Softmax)
def softmax(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Raises `UserError`: what is bounded are logits."""
    del shapes
    return of_activation(layer, keras.activations.softmax)


@register(L.Activation)
def activation(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns what its function does."""
    del shapes
    return of_activation(layer, layer.activation)


@register(L.ReLU)
def relu(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the ReLU, leaky or not, with a highest value or without."""
    del shapes
    slope = float(layer.negative_slope)
    if layer.threshold or not 0 <= slope <= 1:
        raise _unknown(
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
        raise _unknown(layer, f"negative_slope={slope}", "0 to 1")
    return [nonlinearities.leaky_relu(slope)]


@register(L.ELU)
def elu(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the exponential linear unit."""
    del shapes
    alpha = float(layer.alpha)
    if alpha < 0:
        raise _unknown(layer, f"alpha={alpha}", "alpha of at least 0")

    def value(x: tf.Tensor) -> tf.Tensor:
        return tf.where(x > 0, x, alpha * tf.math.expm1(tf.minimum(x, 0.0)))

    return [Elementwise(value, lipschitz=max(alpha, 1.0))]
