"""The shapes that travel between the rooms, documented once.

found = attack(network, image, label, seed=0)
found.image, found.fosc
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import keras
import tensorflow as tf

from fosc_tf.errors import UserError

Number = float | int | tf.Tensor
Schedule = Callable[[tf.Tensor], tf.Tensor]
"""A pure function of the step (int64 scalar, weight updates done so far) to a scalar."""


class Batch(NamedTuple):
    """One batch of training or test examples.

    Attributes:
        image: [batch, height, width, channels] float32 in [0, 1].
        label: [batch] int32 in 0..num_classes-1.
        context: what else the pipeline knows by name: `id` [batch] int64, and when it augments
            `crop` [batch, 2] int32 and `flip` [batch] bool.
    """

    image: tf.Tensor
    label: tf.Tensor
    context: dict[str, tf.Tensor]

    @classmethod
    def of(cls, data: Any) -> Batch:
        """Returns the batch in a dict with `image` and `label`, or in an (image, label) pair.

        Raises:
            UserError: weights of the examples as a third part.
        """
        if isinstance(data, dict):
            context = {name: data[name] for name in data if name not in ("image", "label")}
            return cls(data["image"], data["label"], context)
        image, label, *weights = data
        if any(weight is not None for weight in weights):
            raise UserError(
                "every example counts alike",
                "batches of (image, label), without sample_weight",
                f"{len(data)} parts",
            )
        return cls(image, label, {})

    def cast(self) -> Batch:
        """Returns the batch with the dtypes above, whichever float and integer it came in."""
        image, label = tf.cast(self.image, tf.float32), tf.cast(self.label, tf.int32)
        return self._replace(image=image, label=label)


class Point(NamedTuple):
    """What one gradient evaluation at `image` tells about each example; the gates see this.

    Attributes:
        image: [batch, ...] float32, where the gradient was taken.
        label: [batch] int32.
        logits: [batch, num_classes] float32.
        loss: [batch] float32, the ascended loss, in nats for cross-entropy.
        gradient: [batch, ...] float32, of each example's own loss.
        fosc: [batch] float32, loss units.
    """

    image: tf.Tensor
    label: tf.Tensor
    logits: tf.Tensor
    loss: tf.Tensor
    gradient: tf.Tensor
    fosc: tf.Tensor


class Found(NamedTuple):
    """What an attack returns.

    Attributes:
        image: [batch, ...] float32, adversarial images in the ball and in [0, 1].
        fosc: [batch] float32 at `image`, in loss units; NaN where no gradient was taken there.
        loss: [batch] float32 at `image`, the ascended loss; NaN where no gradient was taken there.
        num_gradients: [batch] int32, gradient evaluations spent on each example.
    """

    image: tf.Tensor
    fosc: tf.Tensor
    loss: tf.Tensor
    num_gradients: tf.Tensor


class Attack(Protocol):
    """Anything that finds adversarial images, such as `PGD`."""

    def __call__(self, network: Any, image: tf.Tensor, label: tf.Tensor, **options: Any) -> Found:
        """Returns what it found; options are `seed`, `step` and `final_fosc`."""

    def parameters(self) -> dict[str, Any]:
        """Returns the numbers and names that make this attack, for records."""


class Judged(NamedTuple):
    """What an objective returns: `loss` [batch] float32 to descend, `logits` [batch, classes]."""

    loss: tf.Tensor
    logits: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Defense:
    """A defense: who attacks, what the weights descend, and in which order.

    Attributes:
        attack: `attack(network, image, label, seed=, step=, final_fosc=) -> Found`, or None to
            train on clean images.
        objective: `objective(network, batch, found, step) -> Judged`, called under the tape.
        trainer: the `AdversarialTrainer` class whose order of updates the defense needs.
        threshold: c_t as a function of the step where the defense has one; it is logged.
        state: Keras variables that live across steps; the trainer tracks and checkpoints them.
        calibrate: called once before the first step as `calibrate(network, image, label)` to
            fill `state` that is still unset.
    """

    attack: Callable[..., Found] | None
    objective: Callable[..., Judged]
    trainer: type | None = None
    threshold: Schedule | None = None
    state: tuple[keras.Variable, ...] = ()
    calibrate: Callable[[keras.Model, tf.Tensor, tf.Tensor], None] | None = None
