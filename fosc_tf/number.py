"""What counts as a number: one place that says so, for every argument that must be one.

steps = number("num_steps", np.int64(10), "10", least=1)      # 10
number("epsilon", "8/255", "epsilon=8/255")                   # raises
whole("batch_size", 0, least=1)                               # raises
inside("decay", 1.0, "decay=0.999", below=1)                  # raises
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.errors import UserError

COUNT = 2**31
"""What is counted stays below: TensorFlow counts in 32 bits, and goes on below 0."""


def number(
    name: str, value: Any, right: str, *, least: int | None = None, changing: bool = False
) -> Any:
    """Returns `value`, a NumPy scalar as Python's own number.

    Args:
        name: what the message calls it.
        value: an int or float, neither bool nor NaN, of Python or NumPy.
        right: what the message calls right.
        least: if given, only whole numbers from here on and below `COUNT` are right.
        changing: scalar tensors and functions of the step are right too; they pass unseen.

    Raises:
        UserError: anything else.
    """
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, int | float):
        fits = not isinstance(value, bool) and value == value
        fits = fits and (least is None or (isinstance(value, int) and least <= value < COUNT))
    else:
        fits = changing and (callable(value) or _is_scalar_tensor(value))
    if not fits:
        kind = "a number" if least is None else f"a whole number >= {least}"
        if isinstance(value, int) and least is not None and value >= COUNT:
            kind += " and below 2**31"
        raise UserError(f"{name} must be {kind}", right, f"{name}={value!r}")
    return value


def inside(
    name: str,
    value: Any,
    right: str,
    *,
    least: float = 0.0,
    below: float = math.inf,
    ends: str = "[)",
) -> float:
    """Returns `value`, a number from `least` to `below`.

    Args:
        name: what the message calls it.
        value: to be looked at.
        right: what the message calls right.
        least: the lower end.
        below: the upper end.
        ends: which of them are right themselves, as intervals are written: "[)", "()", "[]", "(]".

    Raises:
        UserError: anything else.
    """
    value = number(name, value, right)
    lower = value >= least if ends[0] == "[" else value > least
    upper = value <= below if ends[1] == "]" else value < below
    if not (lower and upper):
        bounds = f"{ends[0]}{least:g}, {below:g}{ends[1]}"
        raise UserError(f"{name} must lie in its range {bounds}", right, f"{name}={value}")
    return value


def whole(name: str, value: Any, *, least: int, below: int = COUNT) -> int:
    """Returns `value` as Python's own whole number in [least, below); `below` is a power of two.

    Raises:
        UserError: anything else.
    """
    right = f"{name}={max(least, 0)}"
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        rule = f"{name} must be a whole number >= {least}"
        raise UserError(rule, right, f"{name}={value!r}")
    if value >= below:
        rule = f"{name} must be below 2**{below.bit_length() - 1}"
        raise UserError(rule, right, f"{name}={value}")
    return value


def flag(name: str, value: Any) -> bool:
    """Returns `value`, True or False, as Python's own.

    Raises:
        UserError: anything else, as "no" would count for True.
    """
    if not isinstance(value, bool | np.bool_):
        raise UserError(f"{name} must be True or False", f"{name}=True", f"{name}={value!r}")
    return bool(value)


def _is_scalar_tensor(value: Any) -> bool:
    if not (tf.is_tensor(value) or isinstance(value, keras.Variable)):
        return False
    dtype = tf.as_dtype(value.dtype)
    scalar = tf.TensorShape(value.shape).is_compatible_with([])
    return scalar and (dtype.is_floating or dtype.is_integer)
