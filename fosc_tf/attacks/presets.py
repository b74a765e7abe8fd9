"""The attacks of the papers by the names that tables use.

attack = get("pgd-20", epsilon=8 / 255)      # also "fgsm", "fgsm-rs", "cw-linf"
"""

from __future__ import annotations

import re

from fosc_tf.attacks.pgd import PGD
from fosc_tf.errors import unknown_name


def fgsm(*, epsilon: float, norm: str = "linf") -> PGD:
    """One step of length epsilon from the clean image (Goodfellow et al. 2015)."""
    return PGD(epsilon=epsilon, step_size=epsilon, num_steps=1, norm=norm, start="clean")


def fgsm_random_start(*, epsilon: float, step_size: float | None = None, norm: str = "linf") -> PGD:
    """One step of 1.25 * epsilon from a uniform start (Wong et al. 2020)."""
    step_size = 1.25 * epsilon if step_size is None else step_size
    return PGD(epsilon=epsilon, step_size=step_size, num_steps=1, norm=norm)


def pgd(
    *, epsilon: float, num_steps: int, step_size: float | None = None, norm: str = "linf"
) -> PGD:
    """K steps of epsilon / 4 from a uniform start (Madry et al. 2018; Wang et al. 2019)."""
    step_size = epsilon / 4 if step_size is None else step_size
    return PGD(epsilon=epsilon, step_size=step_size, num_steps=num_steps, norm=norm)


def cw_linf(
    *, epsilon: float, num_steps: int = 30, step_size: float | None = None, norm: str = "linf"
) -> PGD:
    """PGD-30 on the margin loss with kappa = 50 (Wang et al. 2019, section 5.1)."""
    return PGD(
        epsilon=epsilon,
        step_size=epsilon / 4 if step_size is None else step_size,
        num_steps=num_steps,
        norm=norm,
        loss="cw",
    )


NAMES = ("fgsm", "fgsm-rs", "pgd-K", "cw-linf")


def get(name: str, *, epsilon: float, step_size: float | None = None, norm: str = "linf") -> PGD:
    """Returns the attack of that name.

    Args:
        name: "fgsm", "fgsm-rs", "cw-linf", or "pgd-K" with any K >= 1, such as "pgd-20".
        epsilon: radius of the ball.
        step_size: length of a step; None takes the preset's own.
        norm: "linf", "l2" or "l1".

    Raises:
        UserError: unknown name, or a number out of its range.
    """
    steps = re.fullmatch(r"pgd-(\d+)", name)
    if steps:
        num_steps = int(steps.group(1))
        return pgd(epsilon=epsilon, num_steps=num_steps, step_size=step_size, norm=norm)
    if name == "fgsm":
        return fgsm(epsilon=epsilon, norm=norm)
    if name == "fgsm-rs":
        return fgsm_random_start(epsilon=epsilon, step_size=step_size, norm=norm)
    if name == "cw-linf":
        return cw_linf(epsilon=epsilon, step_size=step_size, norm=norm)
    raise unknown_name("attack", name, NAMES)
