"""The layers of a network in the order in which it calls them, and who reads what of whom.

graph = walk(network)                        # None where nobody can say what the network calls
[node.layer.name for node in graph.nodes]
logits = graph.run(image, lambda node: node.layer)
"""

from __future__ import annotations

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
    if type(network) is _Functional:
        ends = network.input, network.output
    elif type(network) is keras.Sequential and getattr(network, "inputs", None):
        ends = network.inputs, network.outputs
    else:
        return None
    # The same calls as a model of its own: a clone of a compiled network would be compiled too.
    plain = keras.Model(*ends, name=network.name)
    if len(plain.inputs) != 1 or len(plain.inputs[0].shape) != 4:
        return None
    nodes = []

    def visit(layer: Any, *args: Any, **kwargs: Any) -> Any:
        result = _Call(layer, f"call_{len(nodes)}")(*args, **kwargs)
        nodes.append(Node(layer, args, kwargs, _tensors((args, kwargs)), _tensors(result)))
        return result

    copy = keras.models.clone_model(plain, clone_function=lambda layer: layer, call_function=visit)
    return Graph(copy.inputs[0], nodes, copy.output)


class _Call(keras.Operation):
    """Stands for a call of `layer` in the clone, so that no layer knows of it."""

    def __init__(self, layer: Any, name: str) -> None:
        super().__init__(name=name)
        self.layer = layer

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if _kinds(self.layer.input) != _kinds((args, kwargs)):
            return self.layer.compute_output_spec(*args, **kwargs)
        # What Keras noted when the network was built, without running code of the layer again.
        return [
            keras.KerasTensor(shape, dtype, name=f"{self.name}_{number}")
            for number, (shape, dtype) in enumerate(_kinds(self.layer.output))
        ]


def _tensors(structure: Any) -> list[keras.KerasTensor]:
    return [x for x in keras.tree.flatten(structure) if isinstance(x, keras.KerasTensor)]


def _kinds(structure: Any) -> list[tuple[tuple[int | None, ...], str]]:
    return [(x.shape, x.dtype) for x in _tensors(structure)]


_image = keras.Input((1,), name="image")
# What Keras makes of a graph of layers; the class has no public name.
_Functional = type(keras.Model(_image, keras.layers.Identity(name="same")(_image), name="any"))
