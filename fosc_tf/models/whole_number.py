"""Whole numbers that a user gives: sizes, counts and seeds.

depth = whole_number("depth", depth, least=10, right="depth=34")
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

from fosc_tf.errors import UserError


def whole_number(name: str, value: Any, *, least: int, right: str) -> int:
    """Returns `value` as a plain int.

    Args:
        name: what the number is called in the message.
        value: what the user gave; NumPy integers pass, booleans and floats do not.
        least: the smallest number allowed.
        right: an example that would be accepted, for the message.

    Raises:
        UserError: `value` is not a whole number or is below `least`.
    """
    # True is an Integral too, and num_classes=True is always a slip.
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise UserError(f"{name} must be a whole number >= {least}", right, f"{name}={value!r}")
    return int(value)
