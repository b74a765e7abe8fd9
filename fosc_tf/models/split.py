"""A network cut behind its first layer with weights.

first, rest, weights = split(network)
logits = rest(first(image))           # network(image, training=True)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.models.computed_kernel import ComputedKernel
from fosc_tf.models.graph import Graph, Node, walk


class Split(NamedTuple):
    """The two parts, in training mode, and the trainable variables of the first one.

    Attributes:
        first: images [batch, height, width, channels] to what the first layer returns.
        rest: from there to logits [batch, classes].
        weights: of `first`.
    """

    first: Callable[[tf.Tensor], tf.Tensor]
    rest: Callable[[tf.Tensor], tf.Tensor]
    weights: list[keras.Variable]


def split(network: Any) -> Split:
    """Returns the parts of a functional or sequential network of images.

    Whatever stands before the first layer with weights, such as a standardization, belongs to it.

    Raises:
        UserError: a network of another kind; a first layer that is a model itself, keeps
            statistics or is used again; others that read past it.
    """
    graph = walk(network)
    rule = "the network must be one that can be cut behind its first layer"
    right = "a functional or sequential Keras model that begins with a convolution of the image"
    if graph is None:
        raise UserError(rule, right, f"{type(network).__name__}, which does not say what it calls")
    place = next(
        (i for i, node in enumerate(graph.nodes) if getattr(node.layer, "trainable_weights", [])),
        None,
    )
    if place is None:
        raise UserError(rule, right, f"{network.name}, in which no layer has weights to train")
    node = graph.nodes[place]
    name = node.layer.name
    if isinstance(node.layer, keras.Model):
        raise UserError(rule, right, f"layer {name!r}, a model of its own, first")
    if node.layer.non_trainable_weights and not isinstance(node.layer, ComputedKernel):
        raise UserError(rule, right, f"first layer {name!r}, which keeps statistics of its own")
    if sum(each.layer is node.layer for each in graph.nodes) > 1:
        raise UserError(rule, right, f"first layer {name!r}, used more than once")
    before = {id(graph.image)} | {id(x) for each in graph.nodes[:place] for x in each.outputs}
    for each in graph.nodes[place + 1 :]:
        if before & {id(x) for x in each.inputs}:
            received = f"layer {each.layer.name!r}, which reads past the first layer {name!r}"
            raise UserError(rule, right, received)
    head = Graph(graph.image, graph.nodes[: place + 1], node.outputs[0])
    tail = Graph(node.outputs[0], graph.nodes[place + 1 :], graph.result)
    return Split(
        lambda image: head.run(image, _training),
        lambda value: tail.run(value, _training),
        node.layer.trainable_variables,
    )


def _training(node: Node) -> Callable[..., Any]:
    layer = node.layer
    if "training" not in inspect.signature(layer.call).parameters:
        return layer
    return lambda *inputs, **options: layer(*inputs, **options | {"training": True})
