"""What a factory takes of the facts of a run, by their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def taken(factory: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those of the arguments offered that `factory` takes."""
    taken = inspect.signature(factory).parameters
    return {name: value for name, value in offered.items() if name in taken}
