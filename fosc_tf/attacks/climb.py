"""The climb of one batch: the loop inside `PGD`, with and without examples that leave it.

Used through `PGD`; here is only what happens between the start and the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from fosc_tf.attacks.ball import Ball, column
from fosc_tf.attacks.fosc import fosc
from fosc_tf.attacks.gates import Gate
from fosc_tf.attacks.losses import Loss
from fosc_tf.attacks.rules import StepRule
from fosc_tf.attacks.slope import Slope, slope
from fosc_tf.models.folding import folded
from fosc_tf.types import Batch, Found, Point, Rows

Watch = dict[str, Callable[[Point], tf.Tensor]]
"""What is noted of each example at its first gradient, by name: [batch, ...] float32 of a point."""


class Parts(NamedTuple):
    """What a climb is made of."""

    ball: Ball
    norm: str
    feasible: str
    loss: Loss
    rule: StepRule
    gate: Gate | None
    watch: Watch

    def fosc(
        self, image_adv: tf.Tensor, image: tf.Tensor, gradient: tf.Tensor, epsilon: tf.Tensor
    ) -> tf.Tensor:
        """Returns the FOSC of this attack at `image_adv`, [batch], see `fosc`."""
        return fosc(
            image_adv, image, gradient, epsilon=epsilon, norm=self.norm, feasible=self.feasible
        )


class Climb:
    """The parts, the network, and what belongs to the examples.

    Args:
        parts: of the attack.
        network: maps images to logits.
        batch: clean.
        rows: what belongs to its examples at this step.
        step: int64 scalar, what gates are asked for.
    """

    def __init__(
        self, parts: Parts, network: Any, batch: Batch, rows: Rows, step: tf.Tensor
    ) -> None:
        self.parts, self.network, self.step = parts, folded(network, once=True), step
        self.batch, self.rows = batch, rows
        # One graph function, never merged into the loops that call it: there TensorFlow would
        # choose other kernels for the network, some of them much slower than outside a loop.
        self._slope = tf.function(
            self._one_gradient,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
                for tensor in (rows.image, rows.target)
            ],
            experimental_attributes={"_noinline": True},
        ).get_concrete_function()

    def together(
        self, start: tf.Tensor, num_steps: tf.Tensor, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Takes `num_steps` steps, an int32 scalar, with every example: plain PGD."""
        start = tf.where(num_steps > 0, start, self.rows.image)
        everyone = tf.range(tf.shape(start, tf.int64)[0])
        seen = self._nothing_seen(start)

        def body(done: tf.Tensor, image_adv: tf.Tensor, memory: Any, seen: Any) -> Any:
            point = self._look(image_adv, self.rows)
            seen = self._noted(seen, done, everyone, point)
            return done + 1, *self._move(point, self.rows, memory), seen

        _, image_adv, _, seen = tf.while_loop(
            lambda done, *_: done < num_steps,
            body,
            (0, start, self.parts.rule.begin(self.batch, self.rows, self.step), seen),
            parallel_iterations=1,
        )
        found = Found.at(image_adv, num_steps)._replace(seen=seen)
        return self._finish(found, found.num_gradients > 0, final_fosc)

    def watched(
        self,
        start: tf.Tensor,
        num_steps: int | tf.Tensor,
        watch: Callable[[Point], Sequence[tf.Tensor]],
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Climbs as `together` does and lets `watch` see every point.

        Returns the last images and each value of `watch(point)`, [batch, ...], stacked to
        [num_steps + 1, batch, ...]: at the start, then after each step.
        """
        memory = self.parts.rule.begin(self.batch, self.rows, self.step)
        point = self._look(start, self.rows)
        seen = [
            tf.TensorArray(value.dtype, num_steps + 1).write(0, value) for value in watch(point)
        ]

        def body(done: tf.Tensor, point: Point, memory: Any, seen: list[tf.TensorArray]) -> Any:
            image_adv, memory = self._move(point, self.rows, memory)
            point = self._look(image_adv, self.rows)
            values = zip(seen, watch(point), strict=True)
            return done + 1, point, memory, [array.write(done, value) for array, value in values]

        _, point, _, seen = tf.while_loop(
            lambda done, *_: done <= num_steps,
            body,
            (1, point, memory, seen),
            parallel_iterations=1,
        )
        return point.image, [array.stack() for array in seen]

    def apart(self, start: tf.Tensor, budget: tf.Tensor, final_fosc: bool | tf.Tensor) -> Found:
        """Lets each example climb until the gate or its `budget` [batch] int32 stops it.

        Only the rows in `active` are ever looked at: the others have left the batch, and what
        gate and step rule remember of them as well.
        """
        climbs, gate = budget > 0, self.parts.gate
        image_adv = tf.where(column(climbs, start), start, self.rows.image)
        found = Found.at(image_adv)._replace(seen=self._nothing_seen(start))
        memories = ((), self.parts.rule.begin(self.batch, self.rows, self.step))
        if gate is not None:
            memories = (gate.begin(self.batch), memories[1])

        def body(done: tf.Tensor, found: Found, active: tf.Tensor, memories: Any) -> Any:
            rows = _take(self.rows, active)
            point = self._look(tf.gather(found.image, active), rows)
            found = _recorded(found, active, point)
            found = found._replace(seen=self._noted(found.seen, done, active, point))
            if gate is not None:
                onward, remembered = gate(point, self.step, memories[0])
                onward |= done < gate.least_steps
                found = found._replace(
                    stopped=tf.tensor_scatter_nd_update(found.stopped, active[:, None], ~onward)
                )
                going = tf.where(onward)[:, 0]
                active, rows, point, memories = _take(
                    (active, rows, point, (remembered, memories[1])), going
                )
            image_adv, ruled = self._move(point, rows, memories[1])
            unknown = tf.fill([tf.size(active)], float("nan"))
            update, places = tf.tensor_scatter_nd_update, active[:, None]
            found = found._replace(
                image=update(found.image, places, image_adv),
                fosc=update(found.fosc, places, unknown),
                loss=update(found.loss, places, unknown),
            )
            remaining = tf.where(tf.gather(budget, active) > done + 1)[:, 0]
            return done + 1, found, *_take((active, (memories[0], ruled)), remaining)

        who = tf.where(climbs)[:, 0]
        loop = (0, found, who, _take(memories, who))
        of_batch = tf.nest.map_structure(lambda rows: rows.shape, found)
        of_active = tf.nest.map_structure(
            lambda rows: tf.TensorShape([None, *rows.shape[1:]]), loop[2:]
        )
        _, found, *_ = tf.while_loop(
            lambda done, found, active, memories: tf.size(active) > 0,
            body,
            loop,
            shape_invariants=(tf.TensorShape([]), of_batch, *of_active),
            parallel_iterations=1,
        )
        return self._finish(found, climbs, final_fosc)

    def _finish(self, found: Found, climbs: tf.Tensor, final_fosc: bool | tf.Tensor) -> Found:
        """Evaluates, if asked, who climbed to the end and therefore has no FOSC yet."""
        rest = tf.where(climbs & tf.math.is_nan(found.fosc))[:, 0]

        def evaluate() -> Found:
            point = self._look(tf.gather(found.image, rest), _take(self.rows, rest))
            return _recorded(found, rest, point)

        wanted = tf.convert_to_tensor(final_fosc) & (tf.size(rest) > 0)
        return tf.cond(wanted, evaluate, lambda: found)

    def _look(self, image_adv: tf.Tensor, rows: Rows) -> Point:
        """Spends one gradient on each example."""
        logits, loss, gradient = self._slope(image_adv, rows.target)
        # Outside the function the number of examples may be known.
        gradient.set_shape(image_adv.shape)
        criterion = self.parts.fosc(image_adv, rows.image, gradient, rows.epsilon)
        return Point(image_adv, rows.label, logits, loss, gradient, criterion)

    def _one_gradient(self, image_adv: tf.Tensor, target: tf.Tensor) -> Slope:
        return slope(self.network, image_adv, lambda logits: self.parts.loss(logits, target))

    def _move(self, point: Point, rows: Rows, memory: Any) -> tuple[tf.Tensor, Any]:
        ahead, memory = self.parts.rule(point, rows, memory, self.parts.ball)
        return self.parts.ball.project(ahead, rows.image, rows.epsilon), memory

    def _nothing_seen(self, start: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns NaN in the shape of what each function of `watch` will say."""
        rows = tf.shape(start)[0]
        classes = self._slope.structured_outputs.logits.shape[1:]
        nothing, none = tf.zeros([rows]), tf.zeros([rows, *classes])
        point = Point(start, self.rows.label, none, nothing, tf.zeros_like(start), nothing)
        return {
            name: tf.fill([rows, *look(point).shape[1:]], float("nan"))
            for name, look in self.parts.watch.items()
        }

    def _noted(
        self, seen: dict[str, tf.Tensor], done: tf.Tensor, active: tf.Tensor, point: Point
    ) -> dict[str, tf.Tensor]:
        """Returns `seen` with what the first gradient tells; later ones change nothing."""

        def noted() -> dict[str, tf.Tensor]:
            return {
                name: tf.tensor_scatter_nd_update(seen[name], active[:, None], look(point))
                for name, look in self.parts.watch.items()
            }

        return tf.cond(tf.equal(done, 0), noted, lambda: seen) if seen else seen


def _take(rows: Any, places: tf.Tensor) -> Any:
    """Returns these places of every tensor of a nest; scalars belong to everyone."""
    return tf.nest.map_structure(
        lambda tensor: tf.gather(tensor, places) if tensor.shape.rank else tensor, rows
    )


def _recorded(found: Found, active: tf.Tensor, point: Point) -> Found:
    """Returns `found` with what one gradient told about the rows `active`."""
    rows = active[:, None]
    return found._replace(
        fosc=tf.tensor_scatter_nd_update(found.fosc, rows, point.fosc),
        loss=tf.tensor_scatter_nd_update(found.loss, rows, point.loss),
        num_gradients=tf.tensor_scatter_nd_add(
            found.num_gradients, rows, tf.ones_like(active, tf.int32)
        ),
    )
