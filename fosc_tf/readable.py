"""Values as a person reads them: one line with the arguments that matter.

one_line("PGD", {"epsilon": 0.3, "num_steps": 10})      # PGD(epsilon=0.3, num_steps=10)
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np


def one_line(name: str, arguments: Mapping[str, Any]) -> str:
    """Returns `name(argument=value, ...)`."""
    return f"{name}({', '.join(f'{each}={readable(value)}' for each, value in arguments.items())})"


def readable(value: Any) -> str:
    """Returns a value in a few words: no addresses, no digits that are rounding.

    Functions and classes appear by their names, arrays and tensors by their shapes unless they are
    one number.
    """
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {readable(each)}' for name, each in value.items())}}}"
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        inside = ", ".join(map(readable, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _array(value)
    if inspect.isroutine(value) or isinstance(value, type):
        return value.__name__
    return repr(value)


def amount(number: int, noun: str) -> str:
    """Returns how many of something: "1 epoch", "30 epochs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def without_defaults(made: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments that are not what `made`, a class or function, takes by itself."""
    taken = inspect.signature(made).parameters
    return {
        name: value
        for name, value in arguments.items()
        if name not in taken or not _same(taken[name].default, value)
    }


def extent(values: Any) -> str:
    """Returns the span of numbers, or how many are true; of a graph under way the shape."""
    try:
        values = np.asarray(values)
    except NotImplementedError:
        return str(list(values.shape))
    if values.dtype == bool:
        return f"{np.count_nonzero(values)} of {values.size}"
    known = values[~np.isnan(values)]
    if not known.size:
        return "unknown"
    low, high = readable(float(known.min())), readable(float(known.max()))
    return low if low == high else f"{low} to {high}"


def _same(default: Any, value: Any) -> bool:
    return default is value or (type(default) is type(value) and default == value)


def _array(value: Any) -> str:
    if not len(value.shape) and hasattr(value, "numpy"):
        try:
            return readable(np.asarray(value.numpy()).item())
        except NotImplementedError:  # a variable in a graph under way
            pass
    dtype = getattr(value.dtype, "name", value.dtype)
    return f"[{', '.join(map(str, value.shape))}] {dtype}"
