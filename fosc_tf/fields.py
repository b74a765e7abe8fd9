"""The fields of a config by their names, with the section before the dot.

flat({"seed": 0, "data": {"name": "mnist"}})      # {"seed": 0, "data.name": "mnist"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLACES = frozenset({"data.npz", "data.dir"})
"""Where the data lie, which may be elsewhere on each machine and changes no number."""


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all fields but those of `PLACES`.

    Args:
        config: plain values, and sections of them.
    """
    fields = {}
    for section, value in config.items():
        for name, field in value.items() if isinstance(value, Mapping) else [("", value)]:
            fields[f"{section}.{name}".rstrip(".")] = field
    return {name: field for name, field in fields.items() if name not in PLACES}
