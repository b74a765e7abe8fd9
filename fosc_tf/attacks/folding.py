"""A network as an attack may compute it: the same function in evaluation mode, for less time.

logits = folded(network)(image, training=False)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks.grey_convolution import grey_convolution
from fosc_tf.models.batch_norm import FusedBatchNormalization

Function = Callable[[tf.Tensor], tf.Tensor]

# In evaluation mode the second is the first.
_BATCH_NORMS = (keras.layers.BatchNormalization, FusedBatchNormalization)


def folded(network: Any) -> Callable[..., tf.Tensor]:
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
    """
    graph = _graph(network)
    if graph is None:
        return network
    replaced = _replacements(graph)

    def step(layer: Any) -> Callable[..., Any]:
        own = replaced.get(layer)
        # Keras hands over what it noted when the layer was called, such as mask=None.
        return _evaluated(layer) if own is None else lambda x, **_: own(x)

    def function(image: tf.Tensor, training: bool = False) -> Any:
        logits = graph._run_through_graph(image, operation_fn=step)
        # As Keras itself does for a model whose outputs are a list of one.
        return logits[0] if isinstance(logits, (list, tuple)) and len(logits) == 1 else logits

    return function


def _graph(network: Any) -> Any:
    """Returns the graph of layers that calling `network` runs through; None where none is known."""
    graph = network
    if type(network) is keras.Sequential and network.built:
        graph = network._functional
    # A class of its own may do anything in its call.
    known = type(graph).__name__ == "Functional" and type(graph).__module__.startswith("keras.")
    whole = all(hasattr(graph, name) for name in ("_run_through_graph", "_nodes_by_depth"))
    # Images of four axes: Keras would reshape others on their way in.
    single = known and whole and len(graph.inputs) == 1 and len(graph.inputs[0].shape) == 4
    return graph if single else None


def _replacements(graph: Any) -> dict[Any, Function]:
    found: dict[Any, Function] = {}
    for layer, following in _only_followers(graph):
        if _is_affine(layer) and _is_batch_norm(following):
            found[layer] = _with_batch_norm(layer, following)
            found[following] = tf.identity
        elif _is_relu(layer) and type(following) is keras.layers.MaxPooling2D:
            found[layer] = tf.identity
            found[following] = _with_relu(following)
    return found


def _only_followers(graph: Any) -> Iterator[tuple[Any, Any]]:
    """Yields pairs of layers, each used once, of which the first feeds the second and no other."""
    nodes = [node for level in graph._nodes_by_depth.values() for node in level]
    uses: dict[Any, int] = {}
    readers: dict[int, list[Any]] = {}
    for node in nodes:
        uses[node.operation] = uses.get(node.operation, 0) + 1
        for tensor in node.input_tensors:
            readers.setdefault(id(tensor), []).append(node.operation)
    results = {id(tensor) for tensor in graph.outputs}
    for node in nodes:
        (output, *others) = node.outputs
        following = readers.get(id(output), [])
        if others or id(output) in results or len(following) != 1:
            continue
        if uses[node.operation] == uses[following[0]] == 1:
            yield node.operation, following[0]


def _evaluated(layer: Any) -> Callable[..., Any]:
    if "training" not in inspect.signature(layer.call).parameters:
        return layer
    return lambda *inputs, **options: layer(*inputs, **options | {"training": False})


def _is_affine(layer: Any) -> bool:
    if type(layer) is keras.layers.Conv2D:
        fits = layer.data_format == "channels_last" and layer.padding in ("same", "valid")
    else:
        plain = getattr(layer, "quantization_mode", None) is None
        fits = type(layer) is keras.layers.Dense and plain
    return fits and layer.activation is keras.activations.linear and _is_single(layer)


def _is_batch_norm(layer: Any) -> bool:
    fits = type(layer) in _BATCH_NORMS and _is_single(layer)
    return fits and layer.axis in (-1, len(layer.input.shape) - 1)


def _is_relu(layer: Any) -> bool:
    if type(layer) is keras.layers.Activation:
        return layer.activation is keras.activations.relu
    plain = type(layer) is keras.layers.ReLU
    return plain and (layer.max_value, layer.negative_slope, layer.threshold) == (None, 0.0, 0.0)


def _is_single(layer: Any) -> bool:
    return layer.compute_dtype == layer.variable_dtype == "float32"


def _with_batch_norm(layer: Any, norm: Any) -> Function:
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
        kernel = tf.convert_to_tensor(layer.kernel) * scale
        if type(layer) is keras.layers.Dense:
            return tf.tensordot(x, kernel, 1) + shift
        return tf.nn.bias_add(convolution(x, kernel), shift)

    return function


def _convolution(layer: Any) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    if _is_grey(layer) and not tf.config.list_logical_devices("GPU"):
        return grey_convolution
    return lambda x, kernel: tf.nn.convolution(
        x, kernel, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate
    )


def _is_grey(layer: Any) -> bool:
    fits = type(layer) is keras.layers.Conv2D and layer.input.shape[-1] == 1
    plain = fits and layer.strides == layer.dilation_rate == (1, 1) and layer.padding == "same"
    return plain and all(side % 2 for side in layer.kernel_size)


def _with_relu(pooling: Any) -> Function:
    return lambda x: tf.nn.relu(pooling(x))
