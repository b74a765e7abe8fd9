"""One batch of a dataset, checked against the network that it is for.

batch = check_batch(network, (image, label))
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fosc_tf.attacks.limits import check_examples
from fosc_tf.errors import UserError
from fosc_tf.types import Batch


def check_batch(network: Any, data: Any, *, probabilities: bool = False) -> Batch:
    """Returns one batch of a dataset, images float32 and labels int32.

    Args:
        network: maps images to logits.
        data: an (image, label) pair or a dict with "image" and "label".
        probabilities: lets a network of probabilities pass.

    Raises:
        UserError: neither of these, images of another shape or out of [0, 1], labels out of range,
            probabilities instead of logits.
    """
    batch = Batch.of(data)
    received = tuple(np.shape(batch.image)[1:])
    # A subclassed network does not say which images it takes.
    expected = tuple((getattr(network, "input_shape", None) or (None, *received))[1:])
    if len(expected) != len(received) or any(
        e not in (None, r) for e, r in zip(expected, received, strict=True)
    ):
        raise UserError(
            "images must have the shape that the network takes",
            f"[batch, {', '.join(map(str, expected))}]",
            f"[batch, {', '.join(map(str, received))}]",
        )
    image, label = check_examples(network, batch.image, batch.label, probabilities=probabilities)
    return Batch(image, label, batch.context)
