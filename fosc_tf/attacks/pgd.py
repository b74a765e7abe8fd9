"""Projected gradient ascent with masking: the one compiled climb that every attack here shares.

attack = PGD(epsilon=0.3, step_size=0.075, num_steps=10, gate=fosc_above(0.2))
found = attack(network, image, label, seed=0)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks import budget as budgets
from fosc_tf.attacks import gates, losses, rules, starts, targets
from fosc_tf.attacks.attack import Attack, Traits, asked
from fosc_tf.attacks.climb import Climb, Parts, Watch
from fosc_tf.attacks.compiled import compiled
from fosc_tf.attacks.limits import check_climb, check_start, check_watch
from fosc_tf.errors import UserError
from fosc_tf.number import whole
from fosc_tf.schedules import at
from fosc_tf.types import Batch, Found, Number, PerExample, Rows, Schedule


class PGD(Attack):
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
        norm: "linf", "l2", "l1" or one registered in `ball`.
        start: "uniform", "clean", "normal" or a function (see `starts`).
        loss: "cross_entropy", "cw", "margin" or a function of logits and target to [batch].
        gate: who may go on after each step (see `gates`); None lets everyone climb all steps.
        feasible: the FOSC that gates and results use: "ball" (the paper) or "box".
        target: what the loss is told besides the logits: None for the label, "clean_probabilities"
            or a function of network and batch (see `targets`).
        rule: "steepest", "momentum" or a `rules.StepRule`.
        watch: functions of a point to [batch, ...] float32, by name: what they say at the first
            gradient of each example is in `Found.seen`, NaN where none was taken.

    `epsilon`, `step_size`, `num_steps` and the gate's threshold may be schedules of the step, and
    the first three a `PerExample`.

    Raises:
        UserError: a number out of its range, or none; an unknown name.
    """

    def __init__(
        self,
        *,
        epsilon: Number | Schedule | PerExample,
        step_size: Number | Schedule | PerExample,
        num_steps: budgets.Budget,
        norm: str = "linf",
        start: str | starts.Start = "uniform",
        loss: str | losses.Loss = "cross_entropy",
        gate: str | gates.Gate | Callable[..., tf.Tensor] | None = None,
        feasible: str = "ball",
        target: str | targets.Target | None = None,
        rule: str | rules.StepRule = "steepest",
        watch: Watch | None = None,
    ) -> None:
        climb = check_climb(epsilon, step_size, num_steps, norm, feasible)
        self.epsilon, self.step_size, self.num_steps = climb
        self.norm, self.gate = norm, gate
        self.start = starts.get(start)
        self.target = targets.get("label" if target is None else target)
        self.parts = Parts(
            ball=balls.get(norm),
            norm=norm,
            feasible=feasible,
            loss=losses.get(loss),
            rule=rules.get(rule),
            gate=gates.get(gate),
            watch=check_watch(watch or {}),
        )
        # Otherwise examples leave the batch, and the shapes inside the loop change.
        fixed = gate is None and not isinstance(self.num_steps, budgets.Mixed | PerExample)
        self.traits = Traits(
            fixed_shapes=fixed, gated=gate is not None, until_wrong=gate is gates.still_right
        )
        self._names = {"start": start, "loss": loss, "feasible": feasible}
        # Records of plain attacks stay short.
        own = {"target": target, "rule": None if rule == "steepest" else rule}
        self._names |= {name: value for name, value in own.items() if value is not None}

    def arguments(self) -> dict[str, Any]:
        """Returns what it was made with."""
        names = ("epsilon", "step_size", "num_steps", "norm", "gate")
        return {name: getattr(self, name) for name in names} | self._names

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack, for records; functions appear by their names."""
        return {
            name: value
            if isinstance(value, int | float | str | None)
            else getattr(value, "__name__", repr(value))
            for name, value in self.arguments().items()
        }

    def check(self, shape: Sequence[int], step: int = 0) -> None:
        """Raises `UserError` where the attack does not fit images of `shape` at `step`."""
        names = ("epsilon", "step_size", "num_steps")
        said = {name: asked(name, getattr(self, name), step) for name in names}
        if callable(self.epsilon) and said["epsilon"] == 0.0:
            return  # images stay clean while a schedule says so
        super().check(shape, step)
        if isinstance(said["num_steps"], float):  # a schedule's; 0 steps leave an image clean
            whole("num_steps", int(said["num_steps"]), least=0)
            said["num_steps"] = 1
        check_climb(**said, norm=self.norm, feasible=self.parts.feasible)

    def in_ball(self, epsilon: Schedule, step_size: Schedule | PerExample) -> PGD:
        """Returns the same attack in another ball, with steps of another length."""
        other = copy.copy(self)
        other.epsilon, other.step_size = epsilon, step_size
        return other

    def again(self, name: str, times: int) -> dict[str, Attack]:
        """Returns so many tries, which start elsewhere each."""
        if times > 1 and self.start is starts.clean:
            raise UserError(
                "what starts at the clean image finds the same at every try",
                name,
                f"{name}x{times}",
            )
        return super().again(name, times)

    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Climbs; see `Attack.__call__`."""
        if tf.executing_eagerly():
            given = (batch, seed, step, bool(final_fosc))
            return compiled(self, self._climb, network, *given, anew=True)
        return self._climb(network, batch, seed, step, final_fosc)

    def begin(self, network: Any, batch: Batch, seed: Any, step: Any) -> tuple[Climb, tf.Tensor]:
        """Returns the climb of a batch and where it starts, for whoever follows it by itself."""
        batch = batch._replace(label=tf.cast(batch.label, tf.int32))
        rows = Rows(
            batch.image,
            batch.label,
            self.target(network, batch),
            tf.cast(at(self.epsilon, step, batch), tf.float32),
            tf.cast(at(self.step_size, step, batch), tf.float32),
        )
        climb = Climb(self.parts, network, batch, rows, step)
        seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        start = tf.convert_to_tensor(self.start(batch, self.parts.ball, rows.epsilon, seed, step))
        check_start(start, batch.image)
        return climb, start

    def _climb(
        self, network: Any, batch: Batch, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        climb, start = self.begin(network, batch, seed, step)
        if self.traits.fixed_shapes:
            return climb.together(start, tf.cast(at(self.num_steps, step), tf.int32), final_fosc)
        budget = budgets.steps_per_example(self.num_steps, step, tf.shape(start)[0], batch)
        return climb.apart(start, budget, final_fosc)
