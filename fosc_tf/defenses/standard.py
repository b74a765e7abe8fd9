"""Standard: PGD adversarial training.

defense = get("standard", epsilon=8 / 255)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.objectives import adversarial
from fosc_tf.types import Defense


@register("standard")
def standard(
    *,
    epsilon: float,
    step_size: float | None = None,
    num_steps: int = 10,
    norm: str = "linf",
) -> Defense:
    """Returns PGD adversarial training.

    Algorithm: every batch, K steps of PGD from a random start with the network in evaluation
    mode, then one descent step on the mean cross-entropy at the images found, in training mode.

    Source: Madry et al. 2018; settings of Wang et al. 2019, section 5.1.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        step_size: length of a step; None means epsilon / 4.
        num_steps: K.
        norm: "linf", "l2" or "l1".
    """
    step_size = step_length(step_size, epsilon)
    attack = PGD(epsilon=epsilon, step_size=step_size, num_steps=num_steps, norm=norm)
    return Defense(attack=attack, objective=adversarial)
