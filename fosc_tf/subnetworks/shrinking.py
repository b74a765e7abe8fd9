"""A network without the channels that nothing is written to or read from: smaller, and the same.

smaller = without_empty_channels(subnetwork)
smaller.count_params()
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from fosc_tf.errors import UserError
from fosc_tf.models.graph import Graph, Node, walk
from fosc_tf.subnetworks.plain import is_computed, plain

_POOLS = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
)
_MOVED = (keras.layers.Rescaling, keras.layers.Normalization)
"""What an image passes before its first weights; it moves 0."""
_SAME = (*_POOLS, *_MOVED, keras.layers.Dropout, keras.layers.ZeroPadding2D)
_CURVED = (keras.layers.ReLU, keras.layers.Activation, keras.layers.LeakyReLU)
_WEIGHTED = (keras.layers.Conv2D, keras.layers.Dense)


@dataclasses.dataclass
class _Channels:
    """The channels that tensors share: of a sum all have the same.

    Attributes:
        kept: [channels] bool.
        fixed: no channel may go: those of the image and of the logits.
    """

    kept: np.ndarray
    fixed: bool = False


def without_empty_channels(network: keras.Model) -> keras.Model:
    """Returns the network without the channels that it never writes, or never reads.

    A channel goes where it is 0 whatever the image, or where all weights that read it are 0, in all
    tensors that are added to each other; what that leaves empty goes too. The logits stay the same,
    up to the order in which sums are rounded. A network of masked or binary layers comes back
    with Keras' own.

    Source: Liu 2022 (thesis), section 5.1, which finds whole channels empty; that the rest is an
    exact, smaller network is our use of it.

    Args:
        network: functional or sequential, of Dense, Conv2D without groups, BatchNormalization,
            activations, pooling, Flatten and sums.

    Raises:
        UserError: a network or layer of another kind, named; a layer that is used twice.
    """
    if is_computed(network):
        network = plain(network)
    graph = walk(network)
    if graph is None:
        raise _other(f"{type(network).__name__}, which does not say what it calls")
    return _Shrinking(graph, network.name).smaller()


class _Shrinking:
    """One graph, the channels of each tensor, and who of them is 0 or read."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name
        self.of: dict[int, _Channels] = {id(graph.image): _Channels(_all(graph.image), True)}
        self.flat: dict[int, int] = {}  # places of a channel in a flattened tensor
        used = [id(node.layer) for node in graph.nodes]
        for node in graph.nodes:
            if used.count(id(node.layer)) > 1:
                raise _other(f"layer {node.layer.name!r}, which is used more than once")
            self._share(node)
        self._channels(graph.result).fixed = True

    def smaller(self) -> keras.Model:
        """Takes channels away until none is empty, and builds what is left."""
        while True:
            before = sum(int(each.kept.sum()) for each in self._spaces())
            zero, read = self._zero(), self._read()
            live = {id(space): np.zeros_like(space.kept) for space in self._spaces()}
            for tensor, space in self.of.items():
                if tensor not in self.flat:
                    live[id(space)] |= ~zero[tensor] & read[tensor]
            for space in self._spaces():
                if not space.fixed:
                    kept = space.kept & live[id(space)]
                    kept[0] |= not kept.any()  # Keras knows no tensor without channels
                    space.kept = kept
            if sum(int(each.kept.sum()) for each in self._spaces()) == before:
                return self._built()

    def _spaces(self) -> list[_Channels]:
        return list({id(space): space for space in self.of.values()}.values())

    def _channels(self, tensor: Any) -> _Channels:
        return self.of[id(keras.tree.flatten(tensor)[0])]

    def _share(self, node: Node) -> None:
        """Says which channels the outputs of a node have."""
        (output,), layer = node.outputs, node.layer
        (first, *rest) = node.inputs
        if isinstance(layer, _WEIGHTED):
            if getattr(layer, "groups", 1) != 1:
                raise _other(f"layer {layer.name!r}, a convolution in groups")
            self.of[id(output)] = _Channels(_all(output))
            return
        if isinstance(layer, keras.layers.Flatten):
            self.flat[id(output)] = int(np.prod(first.shape[1:-1], dtype=int))
        elif type(layer).__name__ == "Add":
            for other in rest:
                self._merge(self.of[id(first)], self.of[id(other)])
        elif not isinstance(layer, (*_SAME, *_CURVED, keras.layers.BatchNormalization)):
            raise _other(f"layer {layer.name!r}, a {type(layer).__name__}")
        self.of[id(output)] = self.of[id(first)]
        if id(first) in self.flat:
            self.flat[id(output)] = self.flat[id(first)]

    def _merge(self, one: _Channels, other: _Channels) -> None:
        one.fixed |= other.fixed
        self.of = {tensor: one if each is other else each for tensor, each in self.of.items()}

    def _wide(self, tensor: int) -> np.ndarray:
        """Returns who is kept, by the last axis of the tensor."""
        return np.tile(self.of[tensor].kept, self.flat.get(tensor, 1))

    def _zero(self) -> dict[int, np.ndarray]:
        """Returns, by tensor, which channels are 0 whatever the image, [last axis] bool."""
        zero = {id(self.graph.image): np.zeros(self.graph.image.shape[-1], bool)}
        for node in self.graph.nodes:
            (output,), layer = node.outputs, node.layer
            given = [zero[id(each)] for each in node.inputs]
            if isinstance(layer, _WEIGHTED):
                found = ~_connected(layer)[~given[0]].any(axis=0)
                if layer.use_bias:
                    found &= np.asarray(layer.bias) == 0
                found &= float(layer.activation(keras.ops.zeros([1, 1]))[0, 0]) == 0
            elif type(layer).__name__ == "Add":
                found = np.logical_and.reduce(given)
            elif isinstance(layer, keras.layers.Flatten):
                found = np.tile(given[0], self.flat[id(output)])
            elif isinstance(layer, (*_CURVED, keras.layers.BatchNormalization)):
                found = given[0] & (_at_zero(layer, len(given[0])) == 0)
            else:
                found = given[0] & (not isinstance(layer, _MOVED))
            zero[id(output)] = found
        return zero

    def _read(self) -> dict[int, np.ndarray]:
        """Returns, by tensor, which channels the logits read by weights that are not 0."""
        read = {tensor: np.zeros(len(self._wide(tensor)), bool) for tensor in self.of}
        read[id(keras.tree.flatten(self.graph.result)[0])][:] = True
        for node in reversed(self.graph.nodes):
            (output,), layer = node.outputs, node.layer
            wanted = read[id(output)]
            if isinstance(layer, _WEIGHTED):
                wanted = _connected(layer)[:, wanted].any(axis=1)
            elif isinstance(layer, keras.layers.Flatten):
                wanted = wanted.reshape(self.flat[id(output)], -1).any(axis=0)
            for each in node.inputs:
                read[id(each)] |= wanted
        return read

    def _built(self) -> keras.Model:
        image, made = keras.Input(self.graph.image.shape[1:], name="image"), []

        def call(node: Node) -> Callable[..., Any]:
            layer = node.layer
            if not isinstance(layer, keras.layers.Layer):
                return layer
            kept_in, kept = (self._wide(id(each[0])) for each in (node.inputs, node.outputs))
            config = layer.get_config()
            if isinstance(layer, _WEIGHTED):
                config["units" if isinstance(layer, keras.layers.Dense) else "filters"] = int(
                    kept.sum()
                )
            copy = type(layer).from_config(config)
            if layer.weights:
                made.append((layer, copy, kept_in, kept))
            return copy

        smaller = keras.Model(image, self.graph.run(image, call), name=self.name)
        for layer, copy, kept_in, kept in made:
            copy.set_weights([_cut(np.asarray(each), kept_in, kept) for each in layer.weights])
        return smaller


def _cut(values: np.ndarray, kept_in: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Returns what is left of a kernel [..., inputs, outputs], or of a vector of channels."""
    return values[kept] if values.ndim == 1 else values[..., kept_in, :][..., kept]


def _connected(layer: Any) -> np.ndarray:
    """Returns which inputs an output reads, [inputs, outputs] bool."""
    kernel = np.asarray(layer.kernel) != 0
    return kernel.reshape(-1, *kernel.shape[-2:]).any(axis=0)


def _at_zero(layer: Any, channels: int) -> np.ndarray:
    """Returns what the layer makes of 0 in evaluation mode, [channels]."""
    rank = len(layer.input.shape)
    zeros = np.zeros([1] * (rank - 1) + [channels], np.float32)
    return np.asarray(layer(zeros, training=False) if _trains(layer) else layer(zeros)).ravel()


def _trains(layer: Any) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _all(tensor: Any) -> np.ndarray:
    return np.ones(tensor.shape[-1], bool)


def _other(received: str) -> UserError:
    return UserError(
        "empty channels are taken out of networks whose layers say which channels they read",
        "a functional or sequential model of Dense, Conv2D, BatchNormalization, activations, "
        "pooling, Flatten and sums",
        received,
    )
