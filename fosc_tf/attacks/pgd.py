"""Projected gradient ascent with masking: the one compiled climb that every attack here shares.

attack = PGD(epsilon=0.3, step_size=0.075, num_steps=10, gate=fosc_above(0.2))
found = attack(network, image, label, seed=0)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks import budget as budgets
from fosc_tf.attacks import gates, losses, starts
from fosc_tf.attacks.climb import Climber
from fosc_tf.attacks.limits import check_climb, check_draw, check_epsilon, check_examples
from fosc_tf.types import Found, Number, Schedule


class PGD:
    """Masked projected gradient ascent on the loss, one gradient a step.

    Source: Madry et al. 2018 and, with a gate, the inner maximisation of Wang et al. 2019,
    Algorithm 1, with FOSC measured from the clean image. The gradient at a new point serves both
    the gate and the next step. Whoever the gate stops leaves the batch and never moves again, so a
    batch costs only the gradients that its examples need. Without a gate, or with one that stops
    nobody, this is plain PGD bit for bit.

    The network is always called with `training=False`: an attack changes no variable.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        step_size: length of a step in the same units, at most 2 * epsilon.
        num_steps: K >= 1, or a schedule, or `Mixed` for another number on each example; examples
            with 0 steps stay clean.
        norm: "linf", "l2" or "l1".
        start: "uniform", "clean" or a function (see `starts`).
        loss: "cross_entropy", "cw", "margin" or a function of logits and labels to [batch].
        gate: who may go on after each step (see `gates`); None lets everyone climb all steps.
        feasible: the FOSC that gates and results use: "ball" (the paper) or "box".

    `epsilon`, `step_size`, `num_steps` and the gate's threshold may be schedules of the step.

    Raises:
        UserError: a number out of its range, or none; an unknown name.
    """

    def __init__(
        self,
        *,
        epsilon: Number | Schedule,
        step_size: Number | Schedule,
        num_steps: budgets.Budget,
        norm: str = "linf",
        start: str | starts.Start = "uniform",
        loss: str | losses.Loss = "cross_entropy",
        gate: gates.Gate | None = None,
        feasible: str = "ball",
    ) -> None:
        climb = check_climb(epsilon, step_size, num_steps, norm, feasible)
        self.epsilon, self.step_size, self.num_steps = climb
        self.norm, self.feasible, self.gate = norm, feasible, gates.get(gate)
        self.ball = balls.get(norm)
        self.start = starts.get(start)
        self.loss = losses.get(loss)
        # Otherwise examples leave the batch, and the shapes inside the loop change.
        self.keeps_shapes = gate is None and isinstance(self.num_steps, int)
        self._names = {"start": start, "loss": loss}
        self._compiled = tf.function(self.climb, autograph=False, reduce_retracing=True)

    def __call__(
        self,
        network: Any,
        image: tf.Tensor,
        label: tf.Tensor,
        *,
        seed: int | tf.Tensor = 0,
        step: int | tf.Tensor = 0,
        final_fosc: bool | tf.Tensor = False,
    ) -> Found:
        """Attacks `image`.

        Args:
            network: a Keras model, or anything called like one, from images to logits.
            image: [batch, height, width, channels] float32 in [0, 1], clean.
            label: [batch] int in 0..num_classes-1.
            seed: with `step` it decides all random numbers.
            step: what schedules are asked for.
            final_fosc: True spends one more gradient on examples that climbed to the end, so that
                their FOSC and loss are known; otherwise these are NaN.

        Returns:
            `Found`, each field [batch] but the image.

        Raises:
            UserError: images or labels out of range, probabilities instead of logits, a radius
                beyond the diameter of the images, a seed or step that is no whole number from 0
                on (when called outside a `tf.function`).
        """
        if not tf.executing_eagerly():
            return self.climb(network, image, label, seed, step, final_fosc)
        image, label = check_examples(network, image, label)
        check_epsilon(self.epsilon, self.norm, image.shape[1:])
        draw = (tf.constant(value) for value in check_draw(seed, step))
        return self._compiled(network, image, label, *draw, tf.constant(bool(final_fosc)))

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack, for records; functions appear by their names."""
        values = {
            name: getattr(self, name)
            for name in ("epsilon", "step_size", "num_steps", "norm", "gate", "feasible")
        } | self._names
        return {
            name: value
            if isinstance(value, int | float | str | None)
            else getattr(value, "__name__", repr(value))
            for name, value in values.items()
        }

    def climb(
        self,
        network: Any,
        image: tf.Tensor,
        label: tf.Tensor,
        seed: tf.Tensor,
        step: tf.Tensor,
        final_fosc: bool | tf.Tensor,
    ) -> Found:
        """The graph of `__call__`, to be used inside a `tf.function`."""
        climber = Climber(self, network, image, tf.cast(label, tf.int32), step)
        seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        start = self.start(image, self.ball, climber.epsilon, seed, step)
        if self.keeps_shapes:
            return climber.climb_together(start, self.num_steps, final_fosc)
        budget = budgets.steps_per_example(self.num_steps, step, tf.shape(image)[0])
        return climber.climb_apart(start, budget, final_fosc)
