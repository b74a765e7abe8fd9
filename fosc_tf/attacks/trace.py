"""A whole climb instead of its end: loss and both FOSC at the start and after every step.

seen = trace(PGD(epsilon=0.3, step_size=0.075, num_steps=10), network, image, label, seed=0)
seen.fosc_box[3]      # [batch], after three steps
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from fosc_tf.attacks.fosc import fosc
from fosc_tf.attacks.limits import check_draw, check_examples
from fosc_tf.attacks.pgd import PGD
from fosc_tf.errors import UserError
from fosc_tf.terms import is_right
from fosc_tf.types import Batch, Point


class Trace(NamedTuple):
    """What a climb of K steps passed through; row k is after k steps, row 0 the start.

    Attributes:
        image: [batch, ...] float32, after the last step.
        hit: [K + 1, batch] bool, True where the network still gives the label.
        loss: [K + 1, batch] float32, the ascended loss.
        fosc_ball: [K + 1, batch] float32, FOSC over the ball, loss units.
        fosc_box: [K + 1, batch] float32, FOSC over the ball and the pixel limits, loss units.
    """

    image: tf.Tensor
    hit: tf.Tensor
    loss: tf.Tensor
    fosc_ball: tf.Tensor
    fosc_box: tf.Tensor


def trace(
    attack: PGD,
    network: Any,
    image: tf.Tensor,
    label: tf.Tensor,
    *,
    seed: int | tf.Tensor = 0,
    step: int | tf.Tensor = 0,
) -> Trace:
    """Returns the climb that `attack` makes with this seed and step, at K + 1 gradients an example.

    Source: Wang et al. 2019, Figure 1b. Row k is the result of the same attack with k steps, so
    that one trace stands for all shorter attacks of its step size: to the bit for linf, up to
    rounding for the other norms. Wrap it in a `tf.function` to use it often.

    Args:
        attack: a PGD of fixed length without a gate.
        network: maps images to logits.
        image: [batch, height, width, channels] float32 in [0, 1], clean.
        label: [batch] int in 0..num_classes-1.
        seed: as for the attack.
        step: as for the attack.

    Raises:
        UserError: the attack has a gate or a changing number of steps; outside a `tf.function` also
            what the attack itself would refuse.
    """
    if attack.gate is not None or not isinstance(attack.num_steps, int):
        raise UserError(
            "a trace follows every example for a fixed number of steps",
            "PGD(..., num_steps=10, gate=None)",
            f"num_steps={attack.num_steps!r}, gate={attack.gate!r}",
        )
    if tf.executing_eagerly():
        image, label = check_examples(network, image, label)
        seed, step = check_draw(seed, step)
        attack.check(image.shape[1:], int(step))
    batch = Batch(tf.convert_to_tensor(image, tf.float32), tf.cast(label, tf.int32), {})
    climb, start = attack.begin(network, batch, seed, step)

    def watch(point: Point) -> tuple[tf.Tensor, ...]:
        hit = is_right(point.logits, batch.label)
        ball, box = (
            fosc(
                point.image,
                batch.image,
                point.gradient,
                epsilon=climb.rows.epsilon,
                norm=attack.norm,
                feasible=feasible,
            )
            for feasible in ("ball", "box")
        )
        return hit, point.loss, ball, box

    last, seen = climb.watched(start, attack.num_steps, watch)
    return Trace(last, *seen)
