"""More training images, such as unlabelled ones with pseudo-labels: a part of every batch.

extra = load_extra("cifar10", "ti_500k.npz", first_id=50000)
train_batches(..., batch_size=128, extra=extra, extra_share=0.5)      # 64 and 64
"""

from __future__ import annotations

import os

import numpy as np

from fosc_tf.data.held_out import Part
from fosc_tf.data.sources import read_training
from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole
from fosc_tf.sections import between, path, rules


def load_extra(name: str, npz: str | os.PathLike, *, first_id: int) -> Part:
    """Returns further images of the classes of a data set.

    Args:
        name: of the data set.
        npz: a file with x_train and y_train, as `load` takes them.
        first_id: of the extra images, the number of those that there are already.

    Raises:
        UserError: no such file, images of another shape, labels of other classes.
    """
    image, label = read_training(name, npz, field="data.extra")
    whole("first_id", first_id, least=0)
    return Part(image, label, first_id + np.arange(len(image), dtype=np.int64))


def rows_of_extra(batch_size: int, share: float) -> int:
    """Returns how many of a batch are extra images: the share, rounded.

    Raises:
        UserError: a share that leaves a batch without images of one of both kinds.
    """
    inside("extra_share", share, "extra_share=0.5", below=1, ends="()")
    rows = round(batch_size * share)
    if not 0 < rows < batch_size:
        raise UserError(
            "a batch holds images of both kinds",
            f"extra_share of {1 / batch_size:.3g} to {1 - 1 / batch_size:.3g} with batches of "
            f"{batch_size}",
            f"extra_share={share}",
        )
    return rows


def spread(batch_size: int, extra: int) -> np.ndarray:
    """Returns where the rows of a batch come from, int64 [batch]: the extra ones follow the others.

    They are spread evenly, so that replicas which cut the batch see as many each.
    """
    counts = np.arange(batch_size + 1) * extra // batch_size
    is_extra = np.diff(counts) > 0
    places = np.empty(batch_size, np.int64)
    places[~is_extra] = np.arange(batch_size - extra)
    places[is_extra] = np.arange(batch_size - extra, batch_size)
    return places


rules("data", extra=path, extra_share=between(0, 1, "0.5", above=True))
