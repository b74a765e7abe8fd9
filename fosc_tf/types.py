"""The shapes that travel between the rooms, documented once.

found = attack(network, image, label, seed=0)
found.image, found.fosc
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import inside
from fosc_tf.readable import extent, one_line

Number = float | int | tf.Tensor
EXAMPLE = "example"
"""In a batch's context the examples' own ids, where `id` is another number."""
SMOOTHING = "label_smoothing"
"""What the share of a label that is spread over all classes is called in a batch's context."""
Schedule = Callable[[tf.Tensor], tf.Tensor]
"""A pure function of the step (int64 scalar, batches trained on so far) to a scalar."""


@dataclasses.dataclass(frozen=True)
class PerExample:
    """A number that each example has of its own, such as the step sizes of ATAS.

    Attributes:
        of: function of the step and the `Batch` to [batch] float32; it may look into the context.
    """

    of: Callable[[tf.Tensor, Batch], tf.Tensor]


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

        Labels [batch, 1], as Keras loads those of CIFAR-10, lose their second axis.

        Raises:
            UserError: neither of these, weights of the examples as a third part.
        """
        data = unpacked(data)
        if isinstance(data, dict) and {"image", "label"} <= set(data):
            context = {name: data[name] for name in data if name not in ("image", "label")}
            return cls(data["image"], flat_labels(data["label"]), context)
        if isinstance(data, tuple | list) and len(data) > 1:
            image, label, *weights = data
            if all(weight is None for weight in weights):  # Keras hands on what was not given
                return cls(image, flat_labels(label), {})
        raise _no_batch(data)

    def cast(self) -> Batch:
        """Returns the batch with the dtypes above, whichever float and integer it came in."""
        image, label = tf.cast(self.image, tf.float32), tf.cast(self.label, tf.int32)
        return self._replace(image=image, label=label)


def _no_batch(data: Any) -> UserError:
    rule = 'a batch is an (image, label) pair or a dict with "image" and "label"'
    right = "dataset.map(lambda example: (example['image'], example['label']))"
    received = f"a batch of {type(data).__name__}"
    if isinstance(data, dict):
        received = f"a dict with {', '.join(map(str, data))}"
    elif isinstance(data, tuple | list) and len(data) > 1:
        rule += ", and every example counts alike"
        right = "dataset.map(lambda image, label, *_: (image, label)), without sample_weight"
        received += f" with {len(data)} parts"
    return UserError(rule, right, received)


def unpacked(data: Any) -> Any:
    """Returns what a tuple of one holds, as Keras gives it on, anything else as it is."""
    return data[0] if isinstance(data, tuple | list) and len(data) == 1 else data


def flat_labels(label: Any) -> Any:
    """Returns labels [batch, 1] as [batch], anything else as it is."""
    shape = getattr(label, "shape", ())
    return label[:, 0] if len(shape) == 2 and shape[1] == 1 else label


class Rows(NamedTuple):
    """What belongs to each example of a climb and leaves the batch with it.

    Attributes:
        image: [batch, ...] float32, clean.
        label: [batch] int32.
        target: the second argument of the loss: the label, or [batch, classes] float32.
        epsilon: radius of the ball, float32, a scalar or [batch].
        step_size: length of a step, float32, a scalar or [batch].
    """

    image: tf.Tensor
    label: tf.Tensor
    target: tf.Tensor
    epsilon: tf.Tensor
    step_size: tf.Tensor


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
        stopped: [batch] bool, whom a gate stopped before the last step; None where nothing tells.
        seen: further facts of each example by name, [batch, ...], see `watch` of `PGD`.
    """

    image: tf.Tensor
    fosc: tf.Tensor
    loss: tf.Tensor
    num_gradients: tf.Tensor
    stopped: tf.Tensor | None = None
    seen: dict[str, tf.Tensor] = {}  # noqa: RUF012  (nobody changes it)

    def __repr__(self) -> str:
        """Returns one line: the shape of the images, and what is known of each example in a word.

        Inside a graph nothing but shapes is known.
        """
        parts = [f"image {list(self.image.shape)}"]
        parts += [
            f"{name} {extent(value)}"
            for name, value in self._asdict().items()
            if name in ("fosc", "loss", "num_gradients", "stopped") and value is not None
        ]
        return f"Found({', '.join(parts + [f'seen {name}' for name in self.seen])})"

    @classmethod
    def at(cls, image: tf.Tensor, num_gradients: tf.Tensor | int = 0) -> Found:
        """Returns what is known of images at which no gradient was taken."""
        nan = tf.fill([tf.shape(image)[0]], float("nan"))
        spent = tf.broadcast_to(tf.cast(num_gradients, tf.int32), tf.shape(nan))
        return cls(image, nan, nan, spent, tf.zeros_like(nan, tf.bool))


class Judged(NamedTuple):
    """What an objective returns.

    Attributes:
        loss: [batch] float32, to be descended.
        logits: [batch, classes] float32, at the images trained on.
        terms: further numbers of each example by name, [batch, ...]; those that the defense names
            in its `terms`, [batch], are shown as means over the epoch.
    """

    loss: tf.Tensor
    logits: tf.Tensor
    terms: dict[str, tf.Tensor] = {}  # noqa: RUF012  (nobody changes it)


@dataclasses.dataclass(frozen=True)
class Defense:
    """A defense: who attacks, what the weights descend, and in which order.

    Attributes:
        attack: from `fosc_tf.attacks`, or None to train on clean images.
        objective: `objective(network, batch, found, step) -> Judged`, called under the tape.
        trainer: the `AdversarialTrainer` class whose order of updates the defense needs.
        clock: turns steps into epochs for the schedules; `fit` tells it how long an epoch is.
        schedules: what changes with time, by name; all of it is logged, such as c_t under
            "threshold".
        terms: names of the objective's `terms` that are shown.
        memory: what is remembered of each example from epoch to epoch (`fosc_tf.memory`); what it
            holds of a batch is in the batch's context.
        remember: `remember(batch, found, judged, step) -> {name: [batch, ...]}`, what is written
            back into `memory` after the update.
        passes: over the training set, where the run's epochs count something else; None where they
            are its epochs.
        perturbation: of the weights, while the gradients are taken (`training.WeightPerturbation`).
        average: of the weights, beside them (`training.WeightAverage`).
        label_smoothing: share of each label that is spread over all classes, in [0, 1), wherever
            the objective compares with labels (`terms.to_label`); attacks do not see it.
        relief: what makes the attack stronger while training goes on (`defenses.relief`), or None.
        state: Keras variables that live across steps; the trainer tracks and checkpoints them.
        calibrate: called once before the first step as `calibrate(network, image, label)` to
            fill `state` that is still unset.
        proof: method of bounds (`bounds.METHODS`) by which what is trained can be proved; the
            share of held-out images that it proves chooses the best epoch. None where nothing is.
        mixing: of the gradients of two losses (`training.gradient_mixing.Mixing`), or None.
    """

    attack: Callable[..., Found] | None
    objective: Callable[..., Judged]
    trainer: type | None = None
    clock: Any = None
    schedules: dict[str, Schedule] = dataclasses.field(default_factory=dict)
    terms: tuple[str, ...] = ()
    memory: Any = None
    remember: Callable[..., dict[str, tf.Tensor]] | None = None
    passes: int | None = None
    perturbation: Any = None
    average: Any = None
    label_smoothing: float = 0.0
    relief: Any = None
    state: tuple[keras.Variable, ...] = ()
    calibrate: Callable[[keras.Model, tf.Tensor, tf.Tensor], None] | None = None
    proof: str | None = None
    mixing: Any = None

    def __post_init__(self) -> None:
        inside("label_smoothing", self.label_smoothing, "label_smoothing=0.1", below=1)
        if self.label_smoothing and self.proof:
            raise UserError(
                "certified training bounds the cross-entropy to the label itself",
                "label_smoothing=0.0, or a defense that attacks",
                f"label_smoothing={self.label_smoothing}",
            )

    def __repr__(self) -> str:
        """Returns one line with what is set, but for the clock and the calibration."""
        said = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("clock", "calibrate", "mixing")
        }
        said = {name: value for name, value in said.items() if value not in (None, {}, (), 0.0)}
        return one_line("Defense", said)
