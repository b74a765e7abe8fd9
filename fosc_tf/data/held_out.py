"""Images held out of the training set, on which models are selected: never the test set.

    train, held_out = split(arrays, held_out=5000, seed=0)
    train_batches(train.image, train.label, ids=train.ids, batch_size=128, seed=0, augment=None)

An image keeps its id whatever the split, so that records of two runs can be compared.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fosc_tf.data.sources import Arrays
from fosc_tf.errors import UserError
from fosc_tf.number import whole


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """Some of the training images.

    Args:
        image: [n, height, width, channels], dtype of the arrays it was taken from.
        label: int32 [n].
        ids: int64 [n], ascending: each image's index in the whole training set, whatever the split.
    """

    image: np.ndarray
    label: np.ndarray
    ids: np.ndarray


def split(arrays: Arrays, held_out: int, seed: int) -> tuple[Part, Part]:
    """Splits the training set at random, without regard to the classes.

    Args:
        arrays: what `load` returned.
        held_out: how many images to hold out, 0 <= held_out < n. Those held out with a smaller
            number and the same seed are among them.
        seed: >= 0; decides alone, with n, which images they are.

    Returns:
        The training part and the part held out, which is empty when `held_out` is 0.

    Raises:
        UserError: when nothing would be left to train on.
    """
    whole("held_out", held_out, least=0)
    whole("seed", seed, least=0, below=2**63)
    n = len(arrays.x_train)
    if held_out >= n:
        raise UserError(
            "held_out must leave images to train on",
            f"held_out of at most {n - 1} for {n} training images",
            f"held_out={held_out}",
        )
    # NumPy promises the raw stream of Philox for all versions, but not `permutation`.
    order = np.argsort(np.random.Philox(key=seed).random_raw(n), kind="stable")
    kept, taken = np.sort(order[held_out:]), np.sort(order[:held_out])
    if held_out == 0:  # the arrays themselves and no copy
        return Part(arrays.x_train, arrays.y_train, kept), _part(arrays, taken)
    return _part(arrays, kept), _part(arrays, taken)


def _part(arrays: Arrays, ids: np.ndarray) -> Part:
    return Part(arrays.x_train[ids], arrays.y_train[ids], ids.astype(np.int64))
