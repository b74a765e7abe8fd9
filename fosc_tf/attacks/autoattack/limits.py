"""What the attacks of the ensemble accept, checked before the first gradient.

check_ball(8, "linf")      # raises
"""

from __future__ import annotations

import numbers
from typing import Any

from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.errors import UserError, unknown_name

NORMS = ("linf", "l2")


def check_ball(epsilon: Any, norm: Any) -> None:
    """Raises `UserError` unless `epsilon` is a number in its range and `norm` is known here."""
    if norm not in NORMS:
        raise unknown_name("norm of AutoAttack", norm, NORMS)
    if isinstance(epsilon, bool) or not isinstance(epsilon, numbers.Real):
        raise UserError("epsilon must be a number", "epsilon=8/255", f"epsilon={epsilon!r}")
    check_epsilon(epsilon, norm)


def check_count(name: str, value: Any) -> None:
    """Raises `UserError` unless `value` is a whole number of at least 1."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < 1:
        raise UserError(f"{name} must be a whole number >= 1", f"{name}=1", f"{name}={value!r}")


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
