"""A network in ONNX.

model_of(network)       # an onnx.ModelProto
"""

from __future__ import annotations

from typing import Any

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.graph import walk
from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value
from fosc_tf.vnnlib.onnx_rule import of_layer


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
