"""The climb of one batch: the loop inside `PGD`, with and without examples that leave it.

Used through `PGD`; here is only what happens between the start and the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from fosc_tf.attacks.ball import column
from fosc_tf.attacks.folding import folded
from fosc_tf.attacks.fosc import fosc
from fosc_tf.attacks.slope import Slope, slope
from fosc_tf.schedules import at
from fosc_tf.types import Found, Point

if TYPE_CHECKING:
    from fosc_tf.attacks.pgd import PGD


class Climber:
    """The attack's numbers at this step, the network and the clean batch."""

    def __init__(
        self, attack: PGD, network: Any, image: tf.Tensor, label: tf.Tensor, step: tf.Tensor
    ) -> None:
        self.attack, self.network, self.step = attack, folded(network), step
        self.image, self.label = image, label
        self.epsilon = tf.cast(at(attack.epsilon, step), tf.float32)
        self.step_size = tf.cast(at(attack.step_size, step), tf.float32)
        # One graph function, never merged into the loops that call it: there TensorFlow would
        # choose other kernels for the network, some of them much slower than outside a loop.
        self._slope = tf.function(
            self._one_gradient,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, *image.shape[1:]], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ],
            experimental_attributes={"_noinline": True},
        )

    def climb_together(
        self, start: tf.Tensor, num_steps: int, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Takes `num_steps` steps with every example: plain PGD."""

        def body(done: tf.Tensor, image_adv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            gradient = self._look(image_adv, self.image, self.label).gradient
            return done + 1, self._move(image_adv, self.image, gradient)

        _, image_adv = tf.while_loop(
            lambda done, _: done < num_steps, body, (0, start), parallel_iterations=1
        )
        found = self._unknown(image_adv, tf.fill([tf.shape(start)[0]], num_steps))
        return self._finish(found, tf.ones_like(found.num_gradients, tf.bool), final_fosc)

    def climb_watched(
        self,
        start: tf.Tensor,
        num_steps: int,
        watch: Callable[[Point], Sequence[tf.Tensor]],
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Climbs as `climb_together` does and lets `watch` see every point.

        Returns the last images and each value of `watch(point)`, [batch, ...], stacked to
        [num_steps + 1, batch, ...]: at the start, then after each step.
        """
        point = self._look(start, self.image, self.label)
        seen = [
            tf.TensorArray(value.dtype, num_steps + 1).write(0, value) for value in watch(point)
        ]

        def body(
            done: tf.Tensor, image_adv: tf.Tensor, gradient: tf.Tensor, seen: list[tf.TensorArray]
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, list[tf.TensorArray]]:
            image_adv = self._move(image_adv, self.image, gradient)
            point = self._look(image_adv, self.image, self.label)
            values = zip(seen, watch(point), strict=True)
            return done + 1, image_adv, point.gradient, [a.write(done, v) for a, v in values]

        _, image_adv, _, seen = tf.while_loop(
            lambda done, *_: done <= num_steps,
            body,
            (1, start, point.gradient, seen),
            parallel_iterations=1,
        )
        return image_adv, [array.stack() for array in seen]

    def climb_apart(
        self, start: tf.Tensor, budget: tf.Tensor, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Lets each example climb until the gate or its `budget` [batch] int32 stops it.

        Only the rows in `active` are ever looked at: the others have left the batch.
        """
        climbs = budget > 0
        image_adv = tf.where(column(climbs, start), start, self.image)
        found = self._unknown(image_adv, tf.zeros_like(budget))
        gate = self.attack.gate

        def unfinished(done: tf.Tensor, found: Found, active: tf.Tensor) -> tf.Tensor:
            del done, found
            return tf.size(active) > 0

        def body(
            done: tf.Tensor, found: Found, active: tf.Tensor
        ) -> tuple[tf.Tensor, Found, tf.Tensor]:
            image, label, image_adv = (
                tf.gather(rows, active) for rows in (self.image, self.label, found.image)
            )
            point = self._look(image_adv, image, label)
            found = _record(found, active, point)
            gradient = point.gradient
            if gate is not None:
                # The first step is everyone's: the gate asks only who has moved.
                onward = (done == 0) | gate(point, self.step)
                going = tf.where(onward)[:, 0]
                active, image_adv, image, gradient = (
                    tf.gather(rows, going) for rows in (active, image_adv, image, gradient)
                )
            rows = active[:, None]
            unknown = tf.fill([tf.size(active)], float("nan"))
            found = found._replace(
                image=tf.tensor_scatter_nd_update(
                    found.image, rows, self._move(image_adv, image, gradient)
                ),
                fosc=tf.tensor_scatter_nd_update(found.fosc, rows, unknown),
                loss=tf.tensor_scatter_nd_update(found.loss, rows, unknown),
            )
            remaining = tf.gather(budget, active) > done + 1
            return done + 1, found, tf.boolean_mask(active, remaining)

        active = tf.where(climbs)[:, 0]
        scalar, vector = tf.TensorShape([]), tf.TensorShape([None])
        shapes = (scalar, Found(*(tensor.shape for tensor in found)), vector)
        _, found, _ = tf.while_loop(
            unfinished, body, (0, found, active), shape_invariants=shapes, parallel_iterations=1
        )
        return self._finish(found, climbs, final_fosc)

    def _finish(self, found: Found, climbs: tf.Tensor, final_fosc: bool | tf.Tensor) -> Found:
        """Evaluates, if asked, who climbed to the end and therefore has no FOSC yet."""
        rest = tf.where(climbs & tf.math.is_nan(found.fosc))[:, 0]

        def evaluate() -> Found:
            image, label, image_adv = (
                tf.gather(rows, rest) for rows in (self.image, self.label, found.image)
            )
            return _record(found, rest, self._look(image_adv, image, label))

        wanted = tf.convert_to_tensor(final_fosc) & (tf.size(rest) > 0)
        return tf.cond(wanted, evaluate, lambda: found)

    def _look(self, image_adv: tf.Tensor, image: tf.Tensor, label: tf.Tensor) -> Point:
        """Spends one gradient on each example."""
        logits, loss, gradient = self._slope(image_adv, label)
        # Outside the function the number of examples may be known.
        gradient.set_shape(image_adv.shape)
        criterion = fosc(
            image_adv,
            image,
            gradient,
            epsilon=self.epsilon,
            norm=self.attack.norm,
            feasible=self.attack.feasible,
        )
        return Point(image_adv, label, logits, loss, gradient, criterion)

    def _one_gradient(self, image_adv: tf.Tensor, label: tf.Tensor) -> Slope:
        return slope(self.network, image_adv, lambda logits: self.attack.loss(logits, label))

    def _move(self, image_adv: tf.Tensor, image: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
        ball = self.attack.ball
        ahead = image_adv + self.step_size * ball.steepest(gradient, image_adv)
        return ball.project(ahead, image, self.epsilon)

    def _unknown(self, image_adv: tf.Tensor, num_gradients: tf.Tensor) -> Found:
        nan = tf.fill([tf.shape(image_adv)[0]], float("nan"))
        return Found(image_adv, nan, nan, num_gradients)


def _record(found: Found, active: tf.Tensor, point: Point) -> Found:
    """Returns `found` with what one gradient told about the rows `active`."""
    rows = active[:, None]
    return found._replace(
        fosc=tf.tensor_scatter_nd_update(found.fosc, rows, point.fosc),
        loss=tf.tensor_scatter_nd_update(found.loss, rows, point.loss),
        num_gradients=tf.tensor_scatter_nd_add(
            found.num_gradients, rows, tf.ones_like(active, tf.int32)
        ),
    )
