"""MART: misclassified examples count more, and wrong classes are pushed away one by one.

defense = get("mart", epsilon=8 / 255)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.number import inside
from fosc_tf.objectives import mart as objective
from fosc_tf.types import Defense


@register("mart")
def mart(
    *,
    epsilon: float,
    step_size: float | None = None,
    num_steps: int = 10,
    beta: float = 5.0,
    deviation: float = 0.001,
    norm: str = "linf",
) -> Defense:
    """Returns misclassification aware adversarial training.

    Algorithm: every batch, K steps of PGD on the cross-entropy from the clean image and a little
    noise, with the network in evaluation mode. Then the weights descend the boosted cross-entropy
    at the images found + beta * KL(p(clean) || p(adversarial)) * (1 - p_y(clean)), in training
    mode; see `objectives.mart`.

    Source: Wang et al. 2020, Algorithm 1; start and beta of the code its authors released (their
    paper's lambda is 5 too).

    Departures: that code has steps of 0.007 at epsilon 0.031, here epsilon / 4 as elsewhere.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        step_size: length of a step; None means epsilon / 4.
        num_steps: K.
        beta: weight of the divergence, at least 0.
        deviation: of the start's Gaussian noise, per pixel.
        norm: "linf", "l2" or "l1".
    """
    attack = PGD(
        epsilon=epsilon,
        step_size=step_length(step_size, epsilon),
        num_steps=num_steps,
        norm=norm,
        start=starts.normal(deviation),
    )
    weight = inside("beta", beta, "beta=5.0")
    return Defense(attack=attack, objective=objective(weight), terms=("divergence",))
