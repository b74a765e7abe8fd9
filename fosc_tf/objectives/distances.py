"""What PER descends: cross-entropy, and how near the polyhedral envelopes of the images are.

objective = envelope(epsilon=0.1, alpha=0.15, beta=0.1)
"""

from __future__ import annotations

import keras
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.bounds.envelope import distance
from fosc_tf.bounds.linear_bounds import at_image
from fosc_tf.bounds.primitives import root
from fosc_tf.bounds.region import Region
from fosc_tf.bounds.training_mode import answer, training_mode
from fosc_tf.errors import UserError
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.objectives.bounded import Bounded, within
from fosc_tf.replicas import num_replicas, rows_of_global_batch
from fosc_tf.schedules import at
from fosc_tf.terms import to_label
from fosc_tf.types import Batch, Found, Judged, Number, Schedule

_SEED = 31
_TINY = 1e-12


def envelope(
    *,
    epsilon: Number | Schedule,
    alpha: float,
    beta: Number | Schedule,
    closest: int = 4,
    examples: int | None = None,
    inner: str = "linear",
    norm: str = "linf",
) -> Objective:
    """Returns cross-entropy + beta * sum_j max(0, 1 - d_j / alpha), d_j signed distances.

    Without an attack the cross-entropy is that of the clean images, with one the mean of both, and
    distances are measured from the adversarial image. Envelopes are those of the clean image's
    ball, one for each wrong class, of which the `closest` count. The term "distance" is the least
    d_j, at most alpha, in units of the norm.

    Source: PER and PER+at, Liu 2022 (thesis), equation 3.16 and Algorithm 3.6.

    Args:
        epsilon: radius over pixels in [0, 1] of the ball in which the linear bounds hold.
        alpha: distance from which on an envelope costs nothing, above 0.
        beta: weight.
        closest: how many wrong classes count, C.
        examples: of the batch that are looked at, others every step; None all. The mean over them
            is what is descended.
        inner: bounds within, "linear" (L-PER) or "interval" (I-PER).
        norm: "linf" or "l2".
    """

    style = "parallel" if inner == "linear" else None

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        rows = tf.shape(batch.label)[0]
        taken = _taken(rows, examples, step)
        part = batch._replace(
            image=tf.gather(batch.image, taken), label=tf.gather(batch.label, taken), context={}
        )
        program, logits = training_mode(network, batch.image)
        seen, where = tf.cast(logits, tf.float32), part.image
        loss = to_label(seen, batch)
        if found is not None:
            seen = tf.cast(answer(program, found.image), tf.float32)
            loss = 0.5 * (loss + to_label(seen, batch))
            where = tf.gather(found.image, taken)
        region = Region.around(part.image, tf.cast(at(epsilon, step), tf.float32), norm)
        here = within(network, part, program, logits, region, style)
        away = signed_distances(here, where, norm)
        if closest > away.shape[1]:
            raise UserError(
                "there are no more wrong classes than classes but one",
                f"closest={away.shape[1]}",
                f"closest={closest} with {away.shape[1] + 1} classes",
            )
        hinge = tf.nn.relu(1.0 - tf.sort(away, axis=1)[:, :closest] / alpha)
        each = tf.cast(at(beta, step), tf.float32) * tf.reduce_sum(hinge, axis=1)
        # The mean over those taken, as a part of the mean over all.
        whole = rows * num_replicas()
        share = tf.cast(whole, tf.float32)
        share /= tf.cast(tf.minimum(examples, whole) if examples else whole, tf.float32)
        loss += share * tf.scatter_nd(taken[:, None], each, [rows])
        least = tf.minimum(tf.reduce_min(away, axis=1), alpha)
        terms = {"distance": share * tf.scatter_nd(taken[:, None], least, [rows])}
        return Judged(loss, seen, terms)

    return objective


def signed_distances(here: Bounded, image: tf.Tensor, norm: str) -> tf.Tensor:
    """Returns how far images are from where linear bounds reach 0, [batch, classes - 1].

    Below 0 where a bound is already negative: minus the distance to where it is 0, or, where no
    image within [0, 1] is, to where any point is, but no more than the farthest two images are
    apart times 1 and the bound's magnitude. Infinite where a positive bound stays so at all images.

    Source: Liu 2022 (thesis), section 3.3, which does not say what holds where no image is.

    Args:
        here: linear functions below the margins hold in its region.
        image: [batch, ...] from which distances are measured.
        norm: of distances.
    """
    slope, constant = at_image(
        here.program, here.ends, here.rows(), here.program.result, style="parallel"
    )
    shape = [tf.shape(slope)[0], slope.shape[1], -1]
    slope, pixels = tf.reshape(slope, shape), tf.reshape(image, [shape[0], 1, -1])
    value = constant + tf.reduce_sum(slope * pixels, axis=2)
    sign = tf.stop_gradient(tf.where(value < 0, -tf.ones_like(value), tf.ones_like(value)))
    away = distance(sign[..., None] * slope, sign * value, -pixels, 1.0 - pixels, norm)
    size = tf.abs(slope)
    dual = tf.reduce_sum(size, 2) if norm == "linf" else root(tf.reduce_sum(size * size, 2))
    # Where a bound has hardly any slope there is no distance, and the bound itself must rise.
    farthest = balls.get(norm).diameter(image.shape[1:]) * (1.0 + tf.abs(value))
    anywhere = tf.minimum(tf.abs(value) / tf.maximum(dual, _TINY), farthest)
    return sign * tf.where((sign < 0) & tf.math.is_inf(away), anywhere, away)


def _taken(rows: tf.Tensor, examples: int | None, step: tf.Tensor) -> tf.Tensor:
    """Returns which rows of this replica are among the `examples` drawn of the global batch."""
    if not examples:
        return tf.range(rows)

    def drawn(number: tf.Tensor) -> tf.Tensor:
        order = tf.argsort(tf.random.stateless_uniform([number], tf.stack([_SEED, step])))
        places = tf.range(number)
        return tf.scatter_nd(order[:, None], tf.cast(places < examples, tf.int32), [number])

    return tf.cast(tf.where(rows_of_global_batch(drawn, rows) > 0)[:, 0], tf.int32)
