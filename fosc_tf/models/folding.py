"""A network as an attack may compute it: the same function in evaluation mode, for less time.

logits = folded(network)(image, training=False)
"""

from __future__ import annotations

import collections
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.models.binary_connect import BinaryConnectConv2D, BinaryConnectDense
from fosc_tf.models.computed_kernel import ComputedKernel
from fosc_tf.models.convolution import convolved
from fosc_tf.models.graph import Graph, Node, walk
from fosc_tf.models.grey_convolution import grey_convolution
from fosc_tf.models.masked import MaskedConv2D, MaskedDense

# In evaluation mode the second is the first.
_BATCH_NORMS = (keras.layers.BatchNormalization, FusedBatchNormalization)
_DENSE = (keras.layers.Dense, MaskedDense, BinaryConnectDense)
_CONVOLUTIONS = (keras.layers.Conv2D, MaskedConv2D, BinaryConnectConv2D)


def folded(network: Any, *, once: bool = False) -> Callable[..., tf.Tensor]:
    """Returns what maps images to the logits of `network(image, training=False)`, for less time.

    In evaluation mode a batch norm is a fixed scale and shift of each channel. Where one follows a
    convolution or a dense layer and nothing else does, it is multiplied into that layer's weights,
    which are hundreds of times fewer than the values it would pass over, forwards and backwards.
    A ReLU before max pooling comes after it, on fewer values: both keep the larger ones, so values
    and gradients are the same to the bit. Without a GPU a folded convolution over one channel has
    the gradient of `grey_convolution`. Folding changes logits and gradients by rounding only.

    Done for functional and sequential Keras models with one input, layer by layer where the layer
    is exactly Keras' own (or the batch norm of `fosc_tf.models`) in float32; everything else is
    called as it is, as is every other network. Weights are read when the function is called, so it
    may be kept while the network learns.

    Args:
        network: maps images [batch, ...] to logits [batch, classes].
        once: whether layers that compute their kernel, such as masked ones, do so now, for good,
            and not at every call: for a climb of many steps, in which the network stays as it is.
    """
    graph = walk(network)
    if graph is None:
        return network
    layers = {node.layer for node in graph.nodes if isinstance(node.layer, ComputedKernel)}
    kernels = {layer: layer.kernel for layer in layers} if once else {}
    replaced = {layer: _with_kernel(layer, kernel) for layer, kernel in kernels.items()}
    replaced |= _replacements(graph, kernels)

    def step(node: Node) -> Callable[..., Any]:
        own = replaced.get(node.layer)
        # Keras hands over what it noted when the layer was called, such as mask=None.
        return _evaluated(node.layer) if own is None else lambda x, **_: own(x)

    return lambda image, training=False: graph.run(image, step)


def _replacements(
    graph: Graph, kernels: dict[Any, tf.Tensor] | None = None
) -> dict[Any, Callable[[tf.Tensor], tf.Tensor]]:
    found = {}
    for node, following in _only_followers(graph):
        layer, after = node.layer, following.layer
        if _is_affine(layer) and _is_batch_norm(following):
            found[layer] = _with_batch_norm(layer, after, kernels or {})
            found[after] = tf.identity
        elif _is_relu(layer) and type(after) is keras.layers.MaxPooling2D:
            found[layer] = tf.identity
            found[after] = lambda x, pool=after: tf.nn.relu(pool(x))
    return found


def _only_followers(graph: Graph) -> Iterator[tuple[Node, Node]]:
    """Yields pairs of nodes, their layers used once, of which the first feeds the second alone."""
    uses = collections.Counter(node.layer for node in graph.nodes)
    reads = collections.Counter(id(x) for node in graph.nodes for x in node.inputs)
    reads.update(id(x) for x in keras.tree.flatten(graph.result))
    sources = {id(node.outputs[0]): node for node in graph.nodes if len(node.outputs) == 1}
    for node in graph.nodes:
        read = id(node.inputs[0])
        before = sources.get(read)
        if before and reads[read] == uses[before.layer] == uses[node.layer] == 1:
            yield before, node


def _evaluated(layer: Any) -> Callable[..., Any]:
    if "training" not in inspect.signature(layer.call).parameters:
        return layer
    return lambda *inputs, **options: layer(*inputs, **options | {"training": False})


def _is_affine(layer: Any) -> bool:
    if type(layer) not in (*_DENSE, *_CONVOLUTIONS) or not _is_single(layer):
        return False
    plain = layer.activation is keras.activations.linear
    plain = plain and getattr(layer, "quantization_mode", None) is None
    return plain and getattr(layer, "data_format", "channels_last") == "channels_last"


def _is_batch_norm(node: Node) -> bool:
    fits = type(node.layer) in _BATCH_NORMS and _is_single(node.layer)
    return fits and node.layer.axis in (-1, len(node.inputs[0].shape) - 1)


def _is_relu(layer: Any) -> bool:
    if type(layer) is keras.layers.Activation:
        return layer.activation is keras.activations.relu
    plain = type(layer) is keras.layers.ReLU
    return plain and (layer.max_value, layer.negative_slope, layer.threshold) == (None, 0.0, 0.0)


def _is_single(layer: Any) -> bool:
    return layer.compute_dtype == layer.variable_dtype == "float32"


def _with_kernel(layer: ComputedKernel, kernel: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda x: layer.with_kernel(x, kernel)


def _with_batch_norm(
    layer: Any, norm: Any, kernels: dict[Any, tf.Tensor]
) -> Callable[[tf.Tensor], tf.Tensor]:
    convolution = _convolution(layer)

    def function(x: tf.Tensor) -> tf.Tensor:
        scale = tf.math.rsqrt(tf.convert_to_tensor(norm.moving_variance) + norm.epsilon)
        if norm.scale:
            scale *= tf.convert_to_tensor(norm.gamma)
        shift = -tf.convert_to_tensor(norm.moving_mean)
        if layer.use_bias:
            shift += tf.convert_to_tensor(layer.bias)
        shift *= scale
        if norm.center:
            shift += tf.convert_to_tensor(norm.beta)
        kernel = kernels[layer] if layer in kernels else tf.convert_to_tensor(layer.kernel)
        kernel *= scale
        if type(layer) in _DENSE:
            return tf.tensordot(x, kernel, 1) + shift
        return tf.nn.bias_add(convolution(x, kernel), shift)

    return function


def _convolution(layer: Any) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    if _is_grey(layer) and not tf.config.list_logical_devices("GPU"):
        return grey_convolution
    return lambda x, kernel: convolved(x, kernel, layer)


def _is_grey(layer: Any) -> bool:
    if type(layer) not in _CONVOLUTIONS:
        return False
    weights = layer.values if isinstance(layer, ComputedKernel) else layer.kernel
    fits = layer.groups == weights.shape[2] == 1
    plain = fits and layer.strides == layer.dilation_rate == (1, 1) and layer.padding == "same"
    return plain and all(side % 2 for side in layer.kernel_size)
