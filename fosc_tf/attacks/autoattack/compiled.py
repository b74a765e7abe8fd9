"""Functions of a network compiled once for all batch sizes: survivors come in any number.

compiled = Compiled()
logits = compiled(look.logits, network, image)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


class Compiled:
    """Keeps the compiled functions of one attack, each by its name."""

    def __init__(self) -> None:
        self._functions: dict[str, Any] = {}

    def __call__(self, function: Callable[..., Any], network: Any, *rows: Any) -> Any:
        """Returns `function(network, *rows)`.

        Args:
            function: from tensors to a nest of tensors; one for each name.
            network: handed on as it is; another network compiles anew.
            rows: scalars, or tensors and arrays [batch, ...]; other values and other numbers of
                rows do not compile anew.
        """
        rows = [tf.convert_to_tensor(row) for row in rows]
        name = function.__name__
        if name not in self._functions:
            self._functions[name] = tf.function(function, autograph=False)
        shapes = [[None, *row.shape[1:]] if row.shape.rank else [] for row in rows]
        any_batch = [
            tf.TensorSpec(shape, row.dtype) for shape, row in zip(shapes, rows, strict=True)
        ]
        # The concrete function is looked up by these shapes, so the batch's own cannot retrace.
        return self._functions[name].get_concrete_function(network, *any_batch)(*rows)
