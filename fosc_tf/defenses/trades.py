"""TRADES: the clean image keeps its label, and no image of the ball another prediction.

defense = get("trades", epsilon=8 / 255)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.number import inside
from fosc_tf.objectives import trades as objective
from fosc_tf.types import Defense


@register("trades")
def trades(
    *,
    epsilon: float,
    step_size: float | None = None,
    num_steps: int = 10,
    beta: float = 6.0,
    deviation: float = 0.001,
    norm: str = "linf",
) -> Defense:
    """Returns TRADES.

    Algorithm: every batch, K steps of PGD from the clean image and a little noise, which ascend the
    divergence KL(p(clean) || p(adversarial)) with the network in evaluation mode. Then the weights
    descend the mean of cross-entropy at the clean image + beta * the same divergence, in training
    mode, with the gradient of both predictions. FOSC and `loss` of the attack are those of the
    divergence.

    Source: Zhang et al. 2019, Algorithm 1 and equation 5, start and beta of the code its authors
    released.

    Batch norm sees the clean and the adversarial images as two batches, as in that code. Where
    epsilon is large their statistics tell them apart: see MNIST in results/README.md.

    Departures: that code has steps of 0.007 at epsilon 0.031, here epsilon / 4 as elsewhere, and
    answers at the clean images twice for each update.

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
        loss="kl_divergence",
        target="clean_probabilities",
    )
    weight = inside("beta", beta, "beta=6.0")
    return Defense(attack=attack, objective=objective(weight), terms=("divergence",))
