"""Where an example starts that has been attacked before: at what is remembered of it.

start = Remembered(fresh="uniform", reset_epochs=10, clock=Clock(390))
memory = start.memory(60000, epsilon=8 / 255)
start.kept(batch, found, step)      # what to write into it after the attack
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from fosc_tf.attacks import starts
from fosc_tf.attacks.ball import Ball, column
from fosc_tf.data.augment import Augmentation
from fosc_tf.errors import unknown_name
from fosc_tf.memory import ANEW, Memory, Spec
from fosc_tf.number import inside, number
from fosc_tf.readable import one_line, without_defaults
from fosc_tf.replicas import rows_of_global_batch
from fosc_tf.schedules import Clock, at
from fosc_tf.types import Batch, Found, Schedule

PERTURBATION = "perturbation"
DTYPES = ("float32", "float16", "int8")


@dataclasses.dataclass(frozen=True)
class Remembered:
    """Starts at the image plus the batch's remembered `perturbation`, or anew.

    Everyone starts anew in epoch 0 and whenever an epoch is a multiple of the reset period; besides
    these a share of the examples, drawn in every epoch.

    Source: ATTA, Zheng et al. 2020, Algorithm 1; a period of resets as their code has it.

    Attributes:
        fresh: the start of whoever starts anew.
        clock: turns steps into epochs.
        reset_epochs: period of the resets, a whole number or a schedule; 0 resets never.
        refresh: share of the examples that start anew in any epoch, in [0, 1).
        deviation: of Gaussian noise on every pixel of whoever goes on.

    Raises:
        UserError: a number out of its range, an unknown start.
    """

    fresh: str | starts.Start
    clock: Clock
    reset_epochs: int | Schedule = 0
    refresh: float = 0.0
    deviation: float = 0.0

    def __post_init__(self) -> None:
        number("reset_epochs", self.reset_epochs, "reset_epochs=10", least=0, changing=True)
        number("deviation", self.deviation, "deviation=0.001")
        inside("refresh", self.refresh, "refresh=0.1", below=1)
        object.__setattr__(self, "fresh", starts.get(self.fresh))

    def __repr__(self) -> str:
        """Returns one line with what is not the default."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del said["clock"]
        return one_line("Remembered", without_defaults(Remembered, said))

    @property
    def __name__(self) -> str:
        """What records call it."""
        return f"remembered, else {self.fresh.__name__}"

    def __call__(
        self, batch: Batch, ball: Ball, epsilon: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        """Returns the starts [batch, ...], in the ball and in [0, 1]."""
        image = batch.image + batch.context[PERTURBATION]
        if self.deviation:
            noise = starts.of_global_batch(
                batch, lambda shape: tf.random.stateless_normal(shape, seed, stddev=self.deviation)
            )
            image += noise
        kept = ball.project(image, batch.image, epsilon)
        anew = self.anew(batch, step)

        def renewed() -> tf.Tensor:
            fresh = self.fresh(batch, ball, epsilon, seed, step)
            return tf.where(column(anew, kept), fresh, kept)

        return tf.cond(tf.reduce_any(anew), renewed, lambda: kept)

    def anew(self, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        """Returns who starts anew, [batch] bool; besides the examples' places the step decides.

        Args:
            batch: the examples.
            step: int64 scalar, batches trained on so far.
        """
        epoch, rows = self.clock.epoch(step), tf.shape(batch.label)[0]
        period = tf.cast(at(self.reset_epochs, step), tf.int64)
        reset = (epoch == 0) | ((period > 0) & (epoch % tf.maximum(period, 1) == 0))
        if not self.refresh:
            return tf.fill([rows], reset)
        seed = tf.stack([tf.constant(0, tf.int64), tf.cast(step, tf.int64)])
        drawn = rows_of_global_batch(
            lambda count: tf.random.stateless_uniform([count], seed, alg="philox"), rows
        )
        return reset | (drawn < self.refresh)

    def memory(
        self,
        num_examples: int | None,
        *,
        epsilon: float,
        image_shape: tuple[int, ...] | None = None,
        augment: Augmentation | None = None,
        dtype: str = "float32",
        shrink: int = 1,
        **others: Spec,
    ) -> Memory:
        """Returns the memory of the perturbations, and of what else is kept of each example.

        They are kept on the canvas that augmentation crops from, so that a pixel is found again
        whatever the crop.

        Args:
            num_examples: ids run from 0 to this number - 1.
            epsilon: radius of the ball; of no pixel is more kept.
            image_shape: (height, width, channels); None is that of the network.
            augment: how the pipeline augments, None where it does not.
            dtype: "float32", "float16" or "int8", in 127 steps of epsilon.
            shrink: side of the squares of pixels whose mean alone is kept; 1 keeps every pixel.
            **others: by name.

        Raises:
            UserError: no number of examples, another dtype.
        """
        if dtype not in DTYPES:
            raise unknown_name("dtype of a memory", dtype, DTYPES)
        span = epsilon if dtype == "int8" else None
        perturbation = Spec(image_shape, dtype, frame="canvas", span=span, shrink=shrink)
        return Memory(num_examples, {PERTURBATION: perturbation, **others}, augment=augment)

    def kept(self, batch: Batch, found: Found, step: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what is written into the memory after an attack."""
        return {PERTURBATION: found.image - batch.image, ANEW: self.anew(batch, step)}
