"""What an ensemble finds: piece by piece while it runs, and as a whole.

found = AutoAttack(epsilon=8 / 255)(network, image, label, seed=0)
found.accuracy      # {"clean": 0.91, "apgd-ce": 0.55, "apgd-t": 0.51, ...}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Piece(NamedTuple):
    """What one member found for one batch: enough to store and to go on from.

    Attributes:
        member: its name.
        of: a digest of attack, seed, images and labels, equal in all pieces that belong together.
        position: [batch] int64, the examples' places in the whole set.
        broken: [batch] bool.
        image: [broken examples, ...] float32, the adversarial images of those.
        num_gradients: [batch] int32.
    """

    member: str
    of: str
    position: np.ndarray
    broken: np.ndarray
    image: np.ndarray
    num_gradients: np.ndarray


class AutoAttackFound(NamedTuple):
    """What AutoAttack returns; n is the number of examples.

    Attributes:
        image: [n, ...] float32, in the ball and in [0, 1]: adversarial where an attack broke the
            example, else clean.
        robust: [n] bool, classified right and broken by nobody.
        broken_by: [n] strings: the member that broke it, "clean" where the clean image is
            misclassified already, "" where robust.
        accuracy: robust accuracy in 0..1 after "clean" and after each member, in their order.
        num_gradients: [n] int32, gradients spent on each example by all members together.
        notes: reasons to doubt the accuracy, see `checks`; empty when there are none.
    """

    image: tf.Tensor
    robust: tf.Tensor
    broken_by: np.ndarray
    accuracy: dict[str, float]
    num_gradients: tf.Tensor
    notes: tuple[str, ...]


class Ledger:
    """Who is still unbroken; pieces are entered as they come.

    Args:
        image: [n, ...] float32, clean.
        broken: [n] bool, misclassified when clean.
    """

    def __init__(self, image: np.ndarray, broken: np.ndarray) -> None:
        self.image = image.copy()
        self.broken_by = np.where(broken, "clean", "").astype(object)
        self.num_gradients = np.zeros(len(image), np.int32)
        self._done: dict[str, np.ndarray] = {}

    @property
    def robust(self) -> np.ndarray:
        """[n] bool, unbroken so far."""
        return self.broken_by == ""

    def waiting(self, member: str) -> np.ndarray:
        """Returns the positions of the unbroken examples that `member` has not attacked."""
        done = self._done.get(member, np.zeros(len(self.image), bool))
        return np.flatnonzero(self.robust & ~done)

    def enter(self, piece: Piece) -> None:
        """Takes in one piece."""
        done = self._done.setdefault(piece.member, np.zeros(len(self.image), bool))
        done[piece.position] = True
        broken = np.asarray(piece.position)[piece.broken]
        self.image[broken] = piece.image
        self.broken_by[broken] = piece.member
        self.num_gradients[piece.position] += piece.num_gradients

    def accuracy(self, members: Sequence[str]) -> dict[str, float]:
        """Returns robust accuracy after "clean" and after each of `members`, in their order."""
        left, found = len(self.image), {}
        for name in ("clean", *members):
            left -= int(np.sum(self.broken_by == name))
            found[name] = left / len(self.image)
        return found

    def found(self, members: Sequence[str], notes: Sequence[str]) -> AutoAttackFound:
        """Returns everything entered; `members` are those that ran, in their order."""
        return AutoAttackFound(
            image=tf.constant(self.image),
            robust=tf.constant(self.robust),
            broken_by=self.broken_by.astype(str),
            accuracy=self.accuracy(members),
            num_gradients=tf.constant(self.num_gradients),
            notes=tuple(notes),
        )
