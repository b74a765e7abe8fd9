"""What a network makes of fixed images under one attack, at whatever weights it has.

exposure = Exposure(network, image, label, attack, seed=0)
seen = exposure.attacked()                 # again after the weights have moved
seen.image, seen.loss, seen.right
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.analysis.weight_loss import BATCH_SIZE
from fosc_tf.attacks.attack import declared
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.compiled import compiled
from fosc_tf.attacks.limits import check_draw
from fosc_tf.number import whole
from fosc_tf.terms import cross_entropy, is_right


class Seen(NamedTuple):
    """What was seen.

    Attributes:
        image: [n, height, width, channels] float32, the images themselves.
        loss: [n] float64, cross-entropy in nats.
        right: [n] bool.
    """

    image: np.ndarray
    loss: np.ndarray
    right: np.ndarray

    @property
    def error(self) -> float:
        """The share of images that the network errs on, in [0, 1]."""
        return float(np.mean(~self.right))


class Exposure:
    """The same images, attacked with the same random numbers each time, in evaluation mode.

    Args:
        network: maps images to logits.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        attack: of `fosc_tf.attacks`, or a function around one; None leaves the images clean.
        seed: with the number of the batch it decides the attack's random numbers.
        batch_size: images that are attacked together.

    Raises:
        UserError: images or labels that do not fit, an attack that is none or does not fit them, a
            number out of its range.
    """

    def __init__(
        self,
        network: Any,
        image: np.ndarray,
        label: np.ndarray,
        attack: Any,
        *,
        seed: int = 0,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.network, self.attack = network, None if attack is None else declared(attack)
        self.seed, _ = check_draw(seed, 0)
        self.batch_size = whole("batch_size", batch_size, least=1)
        self.image, self.label, _ = check_batch(network, (image, label))
        if self.attack is not None:
            self.attack.check(self.image.shape[1:])

    def clean(self) -> Seen:
        """Returns what the network makes of the clean images."""
        return self._seen(self.image[rows] for rows in self._batches())

    def attacked(self) -> Seen:
        """Returns what it makes of those that the attack finds at the present weights."""
        return self._seen(self._found())

    def _found(self) -> Iterator[tf.Tensor]:
        if self.attack is None:
            yield from (self.image[rows] for rows in self._batches())
            return
        keyed = self.attack.traits.by_example
        for number, rows in enumerate(self._batches()):
            image, label = self.image[rows], self.label[rows]
            context = {"position": np.arange(rows.start, rows.start + len(image))}
            step = 0 if keyed else number
            yield self.attack(
                self.network, image, label, context=context, seed=self.seed, step=step
            ).image

    def _seen(self, images: Iterator[tf.Tensor]) -> Seen:
        found = []
        for image, rows in zip(images, self._batches(), strict=True):
            judge = _Judge()
            judged = compiled(judge, judge.judged, self.network, image, self.label[rows])
            found.append((image.numpy(), *(each.numpy() for each in judged)))
        return Seen(*map(np.concatenate, zip(*found, strict=True)))

    def _batches(self) -> list[slice]:
        firsts = range(0, len(self.image), self.batch_size)
        return [slice(first, first + self.batch_size) for first in firsts]


@dataclasses.dataclass(frozen=True)
class _Judge:
    """What is compiled."""

    def judged(
        self, network: Any, image: tf.Tensor, label: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        logits = network(image, training=False)
        if logits.dtype.size < tf.float32.size:
            logits = tf.cast(logits, tf.float32)
        return tf.cast(cross_entropy(logits, label), tf.float64), is_right(logits, label)
