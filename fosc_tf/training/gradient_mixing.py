"""How much of two gradients an update is made of, by what was known of both before.

found = weights(moments, is_strong)      # factors of the adversarial and of the certified loss
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from fosc_tf.types import Number, Schedule

PARTS = ("adversarial", "certified")
"""The objective's terms whose gradients are mixed."""


@dataclasses.dataclass(frozen=True)
class Mixing:
    """How the two gradients are mixed; what the trainer must know besides the defense's parts.

    Attributes:
        phase: see `objectives.two_losses`.
        threshold: c_t, in nats of one example.
        fosc_of: "example", or "batch" where the threshold is meant for the gradient of the batch's
            mean loss, which is smaller by the size of the batch.
        beta_1: decay of the gradients' moving averages.
        beta_2: decay of those of their norms.
        fixed: weight of the certified loss beside 1 of the adversarial one, always; None mixes.
    """

    phase: Schedule
    threshold: Number | Schedule
    fosc_of: str = "example"
    beta_1: float = 0.9
    beta_2: float = 0.99
    fixed: float | None = None


class Weights(NamedTuple):
    """Factors of the two losses and of the square of the second, scalars.

    Attributes:
        adversarial: kappa_adv.
        certified: kappa_IBP.
        square: kappa_reg.
        agree: 1 where the gradients agree, else 0.
        leads: 1 where they do not and the adversarial one is followed, else 0.
    """

    adversarial: tf.Tensor
    certified: tf.Tensor
    square: tf.Tensor
    agree: tf.Tensor
    leads: tf.Tensor


class Moments(NamedTuple):
    """What is known of the gradients before: of their means the products, of their norms the means.

    Attributes:
        first: ||m_1||^2.
        product: <m_1, m_2>.
        second: ||m_2||^2.
        norms: v_1 and v_2.
        known: whether any batch has been seen, bool.
    """

    first: tf.Tensor
    product: tf.Tensor
    second: tf.Tensor
    norms: tuple[tf.Tensor, tf.Tensor]
    known: tf.Tensor


def weights(moments: Moments, is_strong: tf.Tensor) -> Weights:
    """Returns the factors of the next update.

    Where the mean gradients agree it goes along the bisector of their directions, as far as their
    mean projects on it; else the one that leads is followed, the other one's projection on it taken
    away: the adversarial one leads where the attack was strong. Before any batch is known both
    count a half.

    Source: Fan & Li 2021, Algorithm 1.

    Args:
        moments: of the batches before.
        is_strong: whether the FOSC of this batch is at most c_t, bool scalar.
    """
    nothing, one = tf.zeros([]), tf.ones([])
    v_1, v_2 = (tf.where(moments.known, each, one) for each in moments.norms)
    v_1, v_2 = tf.maximum(v_1, 1e-12), tf.maximum(v_2, 1e-12)
    along = moments.first / v_1 + moments.product / v_2 + moments.product / v_1
    along += moments.second / v_2
    length = moments.first / v_1**2 + 2.0 * moments.product / (v_1 * v_2)
    length += moments.second / v_2**2
    gamma = 0.5 * along / tf.where(length > 0, length, one)
    agree, leads = moments.product > 0, tf.cast(is_strong, tf.float32)
    apart = Weights(
        leads - (1.0 - leads) * moments.product / v_1**2,
        1.0 - leads - leads * moments.product / v_2**2,
        0.5 * (1.0 - leads),
        nothing,
        leads,
    )
    together = Weights(gamma / v_1, gamma / v_2, nothing, one, nothing)
    unknown = Weights(0.5 * one, 0.5 * one, nothing, nothing, nothing)
    return Weights(
        *(
            tf.where(moments.known, tf.where(agree, a, b), c)
            for a, b, c in zip(together, apart, unknown, strict=True)
        )
    )
