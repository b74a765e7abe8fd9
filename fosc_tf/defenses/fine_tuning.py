"""Adversarial fine-tuning of a robust network, mostly with more data than it was trained on.

defense = get("fine_tuning", epsilon=8 / 255)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.number import flag, inside
from fosc_tf.objectives import adaptive
from fosc_tf.types import Defense


@register("fine_tuning")
def fine_tuning(
    *,
    epsilon: float,
    step_size: float | None = None,
    num_steps: int = 10,
    reweight: bool = True,
    beta: float = 6.0,
    norm: str = "linf",
) -> Defense:
    """Returns adversarial fine-tuning with weights (RW) and a divergence (KL).

    Algorithm: begin with a network that adversarial training has made. Every batch, K steps of PGD
    from a random start with the network in evaluation mode; the weights descend
    sum_i w_i (CE(f(x_i'), y_i) + beta KL(p(x_i) || p(x_i'))) / sum_i w_i, where w_i, a constant, is
    the probability of the label at the adversarial image. Half of each batch are extra images: see
    `data.train_batches`, and `data.extra` of a config.

    Source: Liu 2022 (thesis), section 4.3.5; one epoch or five at a rate of 0.001.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        step_size: length of a step; None means epsilon / 4.
        num_steps: K.
        reweight: False has all weights 1.
        beta: lambda, weight of the divergence; 0 leaves it out.
        norm: "linf", "l2" or "l1".
    """
    attack = PGD(
        epsilon=epsilon,
        step_size=step_length(step_size, epsilon),
        num_steps=num_steps,
        norm=norm,
    )
    objective = adaptive.fine_tuning(
        reweight=flag("reweight", reweight), beta=inside("beta", beta, "beta=6.0")
    )
    return Defense(attack=attack, objective=objective)
