"""What a setting of the inner loop is worth to the weights of a network, less what it costs.

worth = Hamiltonian(network, batches, epsilon=0.3, gamma=0.04)
worth(Control(num_steps=10, step_size=0.04))
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.limits import check_climb, check_draw
from fosc_tf.attacks.starts import Start
from fosc_tf.errors import UserError
from fosc_tf.number import number, whole
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch


class Control(NamedTuple):
    """A setting of the inner loop: `num_steps` steps of length `step_size`, units of the norm."""

    num_steps: int
    step_size: float


class Hamiltonian:
    """||gradient of the weights under PGD with K steps of length alpha||^2 - gamma * K.

    The squared norm is that of the gradient of a batch's mean cross-entropy, over all trainable
    weights; then the mean over the batches is taken, each counting alike. Noise makes the norm
    larger in smaller batches, so batches should be as large as those of the training and equal. An
    L2 term of the weights is not part of the loss.

    Network and attack are called with `training=False`: batch norms use their running statistics,
    and no variable changes. In training mode every setting tried would move the statistics.

    Source: Ye et al. 2021, equation 14 and appendix F: the Hamiltonian of equation 7 with the
    co-state replaced by the gradient of the weights.

    Args:
        network: maps images to logits; has `trainable_variables`, whose values may change between
            calls.
        batches: of (image, label), or dicts with these; read once and kept.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1].
        gamma: price of a step, in the unit of the squared norm, at least 0.
        norm: "linf", "l2", "l1" or one registered.
        start: "clean", where the paper's criterion starts, "uniform" or a function.
        seed: with the number of the batch it decides random starts.

    Raises:
        UserError: no batch, images or labels that do not fit, a network without trainable weights,
            a number out of its range.
    """

    def __init__(
        self,
        network: Any,
        batches: Iterable[Any],
        *,
        epsilon: float,
        gamma: float = 0.04,
        norm: str = "linf",
        start: str | Start = "clean",
        seed: int = 0,
    ) -> None:
        self.network, self.epsilon, self.norm, self.start = network, epsilon, norm, start
        self.gamma = number("gamma", gamma, "gamma=0.04")
        if not 0 <= self.gamma < float("inf"):
            raise UserError("a step costs something, or nothing", "gamma=0.04", f"gamma={gamma:g}")
        self.check(Control(1, epsilon))
        self.seed, _ = check_draw(seed, 0)
        if not getattr(network, "trainable_variables", ()):
            raise UserError(
                "the criterion is about the gradient of the weights",
                "a Keras model with trainable weights",
                f"{type(network).__name__} without any",
            )
        self.batches = [check_batch(network, data) for data in batches]
        if not self.batches:
            raise UserError("the dataset must not be empty", "at least one batch", "no batch")
        image, label = self.batches[0][:2]
        like = [tf.TensorSpec([None, *each.shape[1:]], each.dtype) for each in (image, label)]
        # Never merged into the loop that calls it, as the gradient of `Climb`.
        self._square = tf.function(
            self._squared_norm,
            autograph=False,
            input_signature=like,
            experimental_attributes={"_noinline": True},
        ).get_concrete_function()
        like += [tf.TensorSpec([], kind) for kind in (tf.int32, tf.float32, tf.int64)]
        self._all, self._last = (
            tf.function(each, autograph=False, input_signature=like)
            for each in (self._every_step, self._last_step)
        )

    def check(self, control: Control) -> None:
        """Raises `UserError` unless `control` is a PGD within the ball."""
        whole("num_steps", control.num_steps, least=1)
        check_climb(self.epsilon, control.step_size, 1, self.norm, "ball", changing=False)

    def __call__(self, control: Control) -> float:
        """Returns the value of one setting, at K + 1 gradients an example."""
        self.check(control)
        return float(self._mean(self._last, *control)) - self.gamma * control.num_steps

    def along(self, step_size: float, num_steps: int) -> np.ndarray:
        """Returns the values [num_steps] of 1, 2, ... steps of one length, from a single climb."""
        self.check(Control(num_steps, step_size))
        squares = self._mean(self._all, num_steps, step_size)[1:]
        return squares - self.gamma * np.arange(1, num_steps + 1)

    def _mean(self, squares: Any, num_steps: int, step_size: float) -> np.ndarray:
        drawn = tf.constant(num_steps, tf.int32), tf.constant(step_size, tf.float32)
        found = [
            squares(batch.image, batch.label, *drawn, tf.constant(place, tf.int64)).numpy()
            for place, batch in enumerate(self.batches)
        ]
        return np.mean(found, axis=0, dtype=np.float64)

    def _begin(self, batch: Batch, step_size: tf.Tensor, place: tf.Tensor) -> Any:
        attack = PGD(
            epsilon=self.epsilon,
            step_size=step_size,
            num_steps=1,  # not asked: the climb is told
            norm=self.norm,
            start=self.start,
        )
        return attack.begin(self.network, batch, self.seed, place)

    def _every_step(
        self, image: tf.Tensor, label: tf.Tensor, num_steps: tf.Tensor, *drawn: tf.Tensor
    ) -> tf.Tensor:
        climb, start = self._begin(Batch(image, label, {}), *drawn)
        return climb.watched(start, num_steps, lambda point: [self._square(point.image, label)])[1][
            0
        ]

    def _last_step(
        self, image: tf.Tensor, label: tf.Tensor, num_steps: tf.Tensor, *drawn: tf.Tensor
    ) -> tf.Tensor:
        climb, start = self._begin(Batch(image, label, {}), *drawn)
        return self._square(climb.together(start, num_steps, False).image, label)

    def _squared_norm(self, image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = tf.cast(self.network(image, training=False), tf.float32)
            loss = tf.reduce_mean(cross_entropy(logits, label))
        slopes = tape.gradient(loss, list(self.network.trainable_variables))
        return tf.square(tf.linalg.global_norm(slopes))
