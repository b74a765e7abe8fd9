"""A graph of ONNX operations that grows node by node and becomes a model of one image.

    graph = OnnxGraph((28, 28, 1))
    x = graph.flat(graph.channels_first(graph.image))
    model = graph.model(graph.mapped("Relu", x))      # an onnx.ModelProto

Keras' images are [height, width, channels], ONNX convolves [channels, height, width]. Each value
says in which order its entries stand; who needs the other one asks for it, and where no entry would
move the graph reshapes instead of transposing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

OPSET, IR = 15, 8
"""Versions of ONNX' operators and files (2021), which every reader since then knows."""


class Value(NamedTuple):
    """What a node returns, for a batch of one.

    Attributes:
        name: in the graph.
        shape: as Keras has it, without the batch axis.
        image: the [height, width, channels] of which the channels come first, of a whole image or
            of one laid flat; None for Keras' own order.
        zeros: rows and columns of zeros above, left, below and right of an image, which belong to
            `shape` and are not there yet: a convolution can pad by itself.
    """

    name: str
    shape: tuple[int, ...]
    image: tuple[int, ...] | None = None
    zeros: tuple[int, ...] = (0, 0, 0, 0)


class OnnxGraph:
    """Collects nodes and constants; nothing of it needs onnx before `model`.

    Args:
        shape: (height, width, channels) of the image.

    Attributes:
        image: the value that the network takes, in Keras' order.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.image = Value("image", tuple(shape))
        self._nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []
        self._constants: dict[str, np.ndarray] = {}
        self._turned: dict[str, Value] = {}

    def add(self, kind: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """Appends a node and returns its name.

        Args:
            kind: of ONNX operator.
            *inputs: names, and arrays that become constants: int64 those of integers, float32 all
                others.
            **attributes: of the operator.
        """
        names = [x if isinstance(x, str) else self._constant(x) for x in inputs]
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append((kind, names, name, attributes))
        return name

    def mapped(self, kind: str, value: Value, *more: str | np.ndarray, **attributes: Any) -> Value:
        """Returns what a node that keeps shape and order makes of a value."""
        return value._replace(name=self.add(kind, value.name, *more, **attributes))

    def channels_first(self, value: Value) -> Value:
        """Returns an image, its channels first."""
        if value.image is not None:
            return value
        height, width, channels = value.shape
        there = (channels, height, width)
        return self._turn(value, (height * width, channels), there, value.shape)

    def channels_last(self, value: Value) -> Value:
        """Returns a value in Keras' order."""
        if value.image is None:
            return value
        height, width, channels = value.image
        return self._turn(value, (channels, height * width), value.shape, None)

    def flat(self, value: Value) -> Value:
        """Returns all entries in one axis, in the order in which they stand."""
        image = value.image
        if image and (image[2] == 1 or image[:2] == (1, 1)):  # one order as good as the other
            image = None
        name = self.add("Flatten", value.name, axis=1)
        return Value(name, (math.prod(value.shape),), image)

    def whole(self, value: Value) -> Value:
        """Returns a value with its zeros in place."""
        if not any(value.zeros):
            return value
        above, left, below, right = value.zeros
        around = np.array([0, 0, above, left, 0, 0, below, right])
        return self.mapped("Pad", value, around)._replace(zeros=(0, 0, 0, 0))

    def model(self, result: Value) -> Any:
        """Returns an `onnx.ModelProto` from `image` [1, height, width, channels] to `logits`.

        Args:
            result: of shape [classes], in Keras' order.

        Raises:
            ImportError: onnx is not installed.
        """
        import onnx
        from onnx import helper, numpy_helper

        def called(name: str) -> str:
            return "logits" if name == result.name else name

        nodes = [
            helper.make_node(kind, list(map(called, inputs)), [called(name)], name, **attributes)
            for kind, inputs, name, attributes in self._nodes
        ]
        ends = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, *value.shape])
            for name, value in (("image", self.image), ("logits", result))
        ]
        constants = [numpy_helper.from_array(array, key) for key, array in self._constants.items()]
        graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
        version = [helper.make_opsetid("", OPSET)]
        made = helper.make_model(
            graph, opset_imports=version, ir_version=IR, producer_name="fosc_tf"
        )
        onnx.checker.check_model(made, full_check=True)
        return made

    def _constant(self, array: np.ndarray) -> str:
        whole = np.issubdtype(np.asarray(array).dtype, np.integer)
        name = f"constant_{len(self._constants)}"
        self._constants[name] = np.ascontiguousarray(array, np.int64 if whole else np.float32)
        return name

    def _turn(
        self,
        value: Value,
        matrix: tuple[int, int],
        there: tuple[int, ...],
        image: tuple[int, ...] | None,
    ) -> Value:
        """Returns a value as a matrix, transposed, in the shape `there`.

        Of a matrix, for a permutation of all axes is read the wrong way round by Marabou 2.0.0.
        """
        if value.name not in self._turned:
            name = value.name
            if min(matrix) > 1:
                name = self.add("Reshape", name, np.array([-1, *matrix]))
                name = self.add("Transpose", name, perm=(0, 2, 1))
            name = self.add("Reshape", name, np.array([-1, *there]))
            self._turned[value.name] = Value(name, value.shape, image)
        return self._turned[value.name]
