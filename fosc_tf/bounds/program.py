"""A network as bounds read it: what it does to its image, one primitive after the other.

program = read(network)
[step.name for step in program.steps]
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from fosc_tf.bounds.layer_rules import Primitive, of_layer, version
from fosc_tf.bounds.primitives import Affine, Nonlinear
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.graph import walk


class Step(NamedTuple):
    """One primitive: which values it reads, and what it returns is the next value.

    Attributes:
        primitive: what is done.
        inputs: numbers of the values it reads; value 0 is the image, value n + 1 of step n.
        name: of the layer that it belongs to.
    """

    primitive: Primitive
    inputs: tuple[int, ...]
    name: str


class Program(NamedTuple):
    """All steps from the image to the logits.

    Attributes:
        steps: in an order in which they can be done.
        shapes: of all values, without the batch axis.
        result: number of the value that is the logits.
    """

    steps: list[Step]
    shapes: list[tuple[int, ...]]
    result: int


_read: weakref.WeakKeyDictionary[Any, tuple[Any, Program]] = weakref.WeakKeyDictionary()
"""What has been read of each network, behind what would change it: its layers and the rules."""


def read(network: Any) -> Program:
    """Returns what a network does in evaluation mode.

    Raises:
        UserError: a network that does not say what it calls, an image of unknown size, a layer
            without a rule, something else than logits [batch, classes] at the end.
    """
    layers = all_layers(network) if isinstance(network, keras.Model) else ()
    state = (tuple(map(id, layers)), version())
    known = _read.get(network)
    if known is None or known[0] != state:
        found: list[Program] = []
        # In one graph, which nobody runs: there shapes come without numbers.
        tf.function(
            lambda: found.append(_program(network)), autograph=False
        ).get_concrete_function()
        known = _read[network] = (state, found[0])
    return known[1]


def _program(network: Any) -> Program:
    shape = tuple(getattr(network, "input_shape", ()) or ())[1:]
    if len(shape) == 3 and None in shape:
        raise UserError(
            "bounds must know the size of the images", "keras.Input((28, 28, 1))", f"{list(shape)}"
        )
    program = Program([], [shape], 0)
    result = _added(program, network, 0)
    if len(program.shapes[result]) != 1:
        raise UserError(
            "the network must return logits [batch, classes]",
            "a Flatten or GlobalAveragePooling2D before the last Dense",
            f"a result of shape [batch, {', '.join(map(str, program.shapes[result]))}]",
        )
    return program._replace(result=result)


def _added(program: Program, network: Any, image: int) -> int:
    """Adds the steps of a network that reads value `image`; returns the number of its result."""
    graph = walk(network)
    if graph is None:
        raise UserError(
            "the network must say which layers it calls",
            "a functional or sequential Keras model of images [height, width, channels]",
            f"{type(network).__name__} {getattr(network, 'name', '')!r}",
        )
    places = {id(graph.image): image}
    for node in graph.nodes:
        inputs = tuple(places[id(x)] for x in node.inputs)
        if isinstance(node.layer, keras.Model):
            places[id(node.outputs[0])] = _added(program, node.layer, *inputs)
            continue
        shapes = [program.shapes[number] for number in inputs]
        for primitive in of_layer(node.layer, shapes):
            inputs = (_appended(program, primitive, inputs, node.layer.name),)
        if len(inputs) != 1:
            raise UserError(
                "a layer of several inputs must do something with them",
                "a rule that returns an Affine",
                f"layer {node.layer.name!r}",
            )
        places[id(node.outputs[0])] = inputs[0]
    (result,) = keras.tree.flatten(graph.result)
    return places[id(result)]


def _appended(program: Program, primitive: Primitive, inputs: Sequence[int], name: str) -> int:
    """Appends one step, its shape found by asking it; returns the number of its value."""
    like = [tf.zeros((1, *program.shapes[number])) for number in inputs]
    if isinstance(primitive, Affine):
        value = primitive.forward(*like)
    elif isinstance(primitive, Nonlinear):
        value = primitive.interval(like[0], like[0])[0]
    else:
        raise UserError(
            "a rule must return a list of Affine and Nonlinear",
            "[fosc_tf.bounds.Affine(...)]",
            f"{primitive!r} of layer {name!r}",
        )
    program.steps.append(Step(primitive, tuple(inputs), name))
    program.shapes.append(tuple(value.shape[1:]))
    return len(program.shapes) - 1
