"""SAT: TRADES whose targets follow the clean predictions, so that hard labels fade.

defense = get("sat", epsilon=8 / 255, num_examples=50000, num_classes=10)
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from fosc_tf.defenses.registry import register
from fosc_tf.defenses.trades import trades
from fosc_tf.memory import Memory
from fosc_tf.number import inside, whole
from fosc_tf.objectives import adaptive
from fosc_tf.schedules import Clock
from fosc_tf.types import Batch, Defense, Found, Judged


@register("sat")
def sat(
    *,
    epsilon: float,
    num_examples: int | None = None,
    num_classes: int = 10,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    num_steps: int = 10,
    rho: float = 0.9,
    beta: float = 6.0,
    warm_up_epochs: int = 90,
    deviation: float = 0.001,
    norm: str = "linf",
) -> Defense:
    """Returns self-adaptive training with TRADES.

    Algorithm: as TRADES, but each example has a target of its own, at first its label. From
    `warm_up_epochs` on, whenever the example is seen, its target t moves to rho * t +
    (1 - rho) * p(clean), and the weights descend w * CE(clean, t) + beta * the divergence, with w
    the largest entry of t, divided by its mean over the batch.

    Source: Huang et al. 2020; as a case study Liu 2022 (thesis), section 4.3.5, 90 epochs of 200.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        num_examples: ids of the examples run from 0 to this number - 1.
        num_classes: of the labels.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: length of a step; None means epsilon / 4.
        num_steps: K.
        rho: share of the target that stays, in [0, 1).
        beta: weight of the divergence, at least 0.
        warm_up_epochs: epochs of TRADES before targets move.
        deviation: of the start's Gaussian noise, per pixel.
        norm: "linf", "l2" or "l1".
    """
    clock = Clock(steps_per_epoch)
    plain = trades(
        epsilon=epsilon,
        step_size=step_size,
        num_steps=num_steps,
        beta=beta,
        deviation=deviation,
        norm=norm,
    )

    def remember(
        batch: Batch, found: Found, judged: Judged, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        del batch, found, step
        return adaptive.remembered(judged)

    objective = adaptive.self_adaptive(
        rho=inside("rho", rho, "rho=0.9", below=1),
        beta=beta,
        from_epoch=whole("warm_up_epochs", warm_up_epochs, least=0),
        clock=clock,
    )
    return dataclasses.replace(
        plain,
        objective=objective,
        clock=clock,
        terms=adaptive.TERMS,
        memory=Memory(num_examples, adaptive.specs(num_classes)),
        remember=remember,
    )
