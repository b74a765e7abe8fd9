"""The layers of a network in the order in which it calls them, and who reads what of whom.

graph = walk(network)                        # None where nobody can say what the network calls
[node.layer.name for node in graph.nodes]
logits = graph.run(image, lambda node: node.layer)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Node(NamedTuple):
    """One call of a layer; a layer that is called twice has two nodes.

    Attributes:
        layer: of the network itself, a nested model as one; between layers also a Keras operation,
            such as the sum that `x + y` stands for.
        args: of the call; where it takes a tensor stands a symbolic one, known by its `id`.
        kwargs: of the call, likewise.
        inputs: the symbolic tensors among the arguments, with their shapes.
        outputs: the symbolic tensors that the call returns, flat, with their shapes.
    """

    layer: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: list[keras.KerasTensor]
    outputs: list[keras.KerasTensor]


class Graph(NamedTuple):
    """All calls between a network's image and its result.

    Attributes:
        image: the symbolic tensor that the network takes.
        nodes: each after those whose outputs it reads, as the network itself would call them.
        result: what the network returns, symbolic tensors in its own structure.
    """

    image: keras.KerasTensor
    nodes: list[Node]
    result: Any

    def run(self, image: tf.Tensor, call: Callable[[Node], Callable[..., Any]]) -> Any:
        """Returns the network's result at `image`, each node computed by `call(node)`."""
        values = {id(self.image): image}

        def filled(x: Any) -> Any:
            return values[id(x)] if isinstance(x, keras.KerasTensor) else x

        for node in self.nodes:
            args, kwargs = keras.tree.map_structure(filled, (node.args, node.kwargs))
            outputs = keras.tree.flatten(call(node)(*args, **kwargs))
            values |= {id(x): y for x, y in zip(node.outputs, outputs, strict=True)}
        result = keras.tree.map_structure(filled, self.result)
        # As Keras itself does for a model whose outputs are a list of one.
        return result[0] if isinstance(result, (list, tuple)) and len(result) == 1 else result


def walk(network: Any) -> Graph | None:
    """Returns the graph of a functional or sequential model of images [batch, h, w, channels].

    None for any other network: a class of its own may do anything in its call, and Keras reshapes
    inputs of other ranks on their way. No layer is called and nothing of the network changes. Walk
    anew where layers may have come or gone: it takes milliseconds.
    """
    if type(network) not in (keras.Sequential, _functional()):
        return None
    inputs = getattr(network, "inputs", [])  # a Sequential may not have any yet
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        return None
    result = network.outputs if type(network) is keras.Sequential else network.output
    # The same calls as a model of its own: a clone of a compiled network would be compiled too.
    plain = keras.Model(inputs, result, name=network.name)
    nodes = []

    def visit(layer: Any, *args: Any, **kwargs: Any) -> Any:
        # What Keras noted when the network was built, without running code of the layer again.
        alike = _kinds(layer.input) == _kinds((args, kwargs))
        noted = layer.output if alike else layer.compute_output_spec(*args, **kwargs)
        outputs = _Call(noted, f"call_{len(nodes)}")(*args, **kwargs)
        nodes.append(Node(layer, args, kwargs, _tensors((args, kwargs)), _tensors(outputs)))
        return outputs

    copy = keras.models.clone_model(plain, clone_function=lambda layer: layer, call_function=visit)
    return Graph(copy.inputs[0], nodes, copy.output)


class _Call(keras.Operation):
    """Stands in the clone for a call that returns what is like `noted`; its layer never knows."""

    def __init__(self, noted: Any, name: str) -> None:
        super().__init__(name=name)
        self.noted = noted

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        def fresh(x: keras.KerasTensor) -> keras.KerasTensor:
            return keras.KerasTensor(x.shape, x.dtype, name=self.name)

        return keras.tree.map_structure(fresh, self.noted)


def _tensors(structure: Any) -> list[keras.KerasTensor]:
    return [x for x in keras.tree.flatten(structure) if isinstance(x, keras.KerasTensor)]


def _kinds(structure: Any) -> list[tuple[tuple[int | None, ...], str]]:
    return [(x.shape, x.dtype) for x in _tensors(structure)]


@functools.cache
def _functional() -> type:
    """Returns what Keras makes of a graph of layers; the class has no public name."""
    image = keras.Input((1,), name="image")
    return type(keras.Model(image, keras.layers.Identity(name="same")(image), name="any"))
