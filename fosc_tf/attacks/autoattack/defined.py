"""What the attacks of the ensemble accept, checked before the first gradient.

check_ball(8, "linf")      # raises
"""

from __future__ import annotations

from typing import Any

from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import number

NORMS = ("linf", "l2")


def check_ball(epsilon: Any, norm: Any) -> None:
    """Raises `UserError` unless `epsilon` is a number in its range and `norm` is known here."""
    if norm not in NORMS:
        raise unknown_name("norm of AutoAttack", norm, NORMS)
    check_epsilon(number("epsilon", epsilon, "epsilon=8/255"), norm)


def check_classes(name: str, num_classes: int | None, *, least: int) -> None:
    """Raises `UserError` when the attack called `name` is not defined for so few classes.

    None stands for a number that the network does not tell.
    """
    if num_classes is not None and num_classes < least:
        raise UserError(
            f"{name} needs at least {least} classes",
            "apgd-ce, fab-t or square, which work with 2",
            f"{num_classes} classes",
        )
