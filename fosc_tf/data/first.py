"""The first examples of a training set, for a run that needs fewer than there are.

few = first(data.load("mnist"), 1000)
few.x_train.shape[0]      # 1000; the test set is whole
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from fosc_tf.data.sources import Arrays
from fosc_tf.errors import UserError
from fosc_tf.number import whole
from fosc_tf.sections import rules


def first(arrays: Arrays, examples: int) -> Arrays:
    """Returns the data set with the first training images alone, in the order of the arrays.

    Held-out images come out of these: `split` sees what an .npz cut to as many would hold.

    Args:
        arrays: what `load` returned; its fingerprint, that of the whole set, stays.
        examples: how many, 0 for all.

    Raises:
        UserError: more than there are.
    """
    whole("data.examples", examples, least=0)
    n = len(arrays.x_train)
    if examples > n:
        raise UserError(
            "data.examples must not exceed the number of training images",
            f"data.examples of at most {n}, or 0 for all of them",
            f"data.examples={examples}",
        )
    if examples in (0, n):
        return arrays
    cut = {"x_train": arrays.x_train[:examples], "y_train": arrays.y_train[:examples]}
    return dataclasses.replace(arrays, **cut)


def _leaves_a_batch(name: str, value: Any, config: Mapping[str, Any]) -> None:
    whole(name, value, least=0)
    held_out, batch_size = (config["data"][field] for field in ("held_out", "batch_size"))
    if 0 < value < held_out + batch_size:
        raise UserError(
            "data.examples must leave a batch to train on beside the images held out of them",
            f"data.examples={held_out + batch_size} or more, or 0 for all",
            f"data.examples={value} with data.held_out={held_out}, data.batch_size={batch_size}",
        )


rules("data", examples=_leaves_a_batch)
