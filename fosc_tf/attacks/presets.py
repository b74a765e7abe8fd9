"""The attacks of the papers by the names that tables use.

attack = get("pgd-20", epsilon=8 / 255)      # also "fgsm", "fgsm-rs", "cw-linf"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from fosc_tf.attacks.autoattack import APGD, FAB, AutoAttack, Square, TargetedAPGD
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.gates import still_right
from fosc_tf.attacks.independent import TOOLS, Independent
from fosc_tf.attacks.limits import step_length
from fosc_tf.attacks.pgd import PGD
from fosc_tf.errors import unknown_name


def fgsm(*, epsilon: float, norm: str = "linf") -> PGD:
    """One step of length epsilon from the clean image (Goodfellow et al. 2015)."""
    return PGD(epsilon=epsilon, step_size=epsilon, num_steps=1, norm=norm, start="clean")


def fgsm_random_start(*, epsilon: float, step_size: float | None = None, norm: str = "linf") -> PGD:
    """One step of 1.25 * epsilon from a uniform start (Wong et al. 2020)."""
    step_size = step_length(step_size, epsilon, share=1.25)
    return PGD(epsilon=epsilon, step_size=step_size, num_steps=1, norm=norm)


def pgd(*, epsilon: float, num_steps: int, step_size: float | None = None, **options: Any) -> PGD:
    """K steps of epsilon / 4 from a uniform start (Madry et al. 2018; Wang et al. 2019)."""
    step_size = step_length(step_size, epsilon)
    return PGD(epsilon=epsilon, step_size=step_size, num_steps=num_steps, **options)


def cw_linf(*, epsilon: float, num_steps: int = 30, **options: Any) -> PGD:
    """PGD-30 on the margin loss with kappa = 50 (Wang et al. 2019, section 5.1)."""
    return pgd(epsilon=epsilon, num_steps=num_steps, loss="cw", **options)


_ENSEMBLE: dict[str, Callable[..., Member | AutoAttack]] = {
    "autoattack": AutoAttack,
    "autoattack-plus": partial(AutoAttack, version="plus"),
    "autoattack-rand": partial(AutoAttack, version="rand"),
    "apgd-ce": APGD,
    "apgd-dlr": partial(APGD, loss="dlr"),
    "apgd-t": TargetedAPGD,
    "fab-t": FAB,
    "square": Square,
}
NAMES = ("fgsm", "fgsm-rs", "pgd-K", "cw-linf", *_ENSEMBLE, *(f"{tool}:pgd-K" for tool in TOOLS))


def get(
    name: str,
    *,
    epsilon: float,
    step_size: float | None = None,
    norm: str = "linf",
    stop_when_wrong: bool = False,
) -> PGD | Member | AutoAttack | Independent:
    """Returns the attack of that name.

    Args:
        name: "fgsm", "fgsm-rs", "cw-linf", "pgd-K" with any K >= 1, such as "pgd-20", "autoattack"
            (also -plus, -rand) or one of its members, "apgd-ce", "apgd-dlr", "apgd-t", "fab-t",
            "square", or PGD-K of another tool, such as "art:pgd-20", "foolbox:pgd-20" and
            "cleverhans:pgd-20".
        epsilon: radius of the ball.
        step_size: length of a step; None takes the preset's own. FGSM's is epsilon in any case,
            and AutoAttack needs none.
        norm: "linf", "l2" or "l1"; AutoAttack knows no l1. "cw-linf" is the margin loss under PGD
            in any of them.
        stop_when_wrong: stops an example of "pgd-K" and "cw-linf" at the first step that leaves it
            misclassified; for the others it means nothing.

    Raises:
        UserError: unknown name, or a number out of its range.
    """
    if not isinstance(name, str):
        raise unknown_name("attack", name, NAMES)
    steps = re.fullmatch(r"pgd-(\d+)", name)
    gate = still_right if stop_when_wrong else None
    iterated = {"epsilon": epsilon, "step_size": step_size, "norm": norm, "gate": gate}
    if steps:
        return pgd(num_steps=int(steps.group(1)), **iterated)
    if name == "cw-linf":
        return cw_linf(**iterated)
    if name == "fgsm":
        return fgsm(epsilon=epsilon, norm=norm)
    if name == "fgsm-rs":
        return fgsm_random_start(epsilon=epsilon, step_size=step_size, norm=norm)
    tool, _, base = name.partition(":")
    steps = re.fullmatch(r"pgd-(\d+)", base)
    if tool in TOOLS and steps:
        step_size = step_length(step_size, epsilon)
        numbers = {"epsilon": epsilon, "step_size": step_size, "norm": norm}
        return Independent(tool, num_steps=int(steps.group(1)), **numbers)
    if name in _ENSEMBLE:
        return _ENSEMBLE[name](epsilon=epsilon, norm=norm)
    raise unknown_name("attack", name, NAMES)
