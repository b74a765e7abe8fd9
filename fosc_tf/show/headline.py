"""What a report says first: clean accuracy, the worst attack, and on what this rests.

headline(rows, {"epsilon": 0.2, "norm": "linf"})      # Headline(network="last", clean=0.95, ...)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from fosc_tf.show import columns
from fosc_tf.show.columns import Rows, percent


class Headline(NamedTuple):
    """The numbers of one network at the radius of the evaluation; None where not measured.

    Attributes:
        network: "last", or the first there is.
        clean: accuracy without attack, in 0..1.
        clean_n: images it was measured on.
        worst: name of the attack that leaves least, "" without one.
        robust: accuracy under it, in 0..1.
        robust_n: images it was measured on.
        attacks: how many attacks were tried.
        epsilon: radius of the ball over pixels in [0, 1].
        norm: of the ball.
    """

    network: str
    clean: float | None
    clean_n: int | None
    worst: str
    robust: float | None
    robust_n: int | None
    attacks: int
    epsilon: float
    norm: str

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Each number with what it is."""
        found = []
        if self.clean is not None:
            found.append((f"{percent(self.clean)} %", "right without attack"))
        if self.robust is not None:
            known = "the only attack" if self.attacks == 1 else f"the worst of {self.attacks}"
            found.append((f"{percent(self.robust)} %", f"right under {self.worst}, {known}"))
        found.append((f"ε = {self.epsilon:.4g}", f"radius of the ball, {self.norm}"))
        images = self.robust_n if self.clean_n is None else self.clean_n
        fewer = self.robust_n not in (None, images)
        few = f", {self.robust_n:,} under {self.worst}" if fewer else ""
        found.append((f"n = {images:,}", f"test images{few}"))
        return found

    @property
    def sentence(self) -> str:
        """The same in one line."""
        told = ", ".join(f"{number} {what}" for number, what in self.facts)
        return f"{self.network} network: {told}"


def headline(rows: Rows, evaluation: Mapping[str, Any]) -> Headline | None:
    """Returns the numbers of the last network; None where no network was measured.

    Args:
        rows: of `results.json`.
        evaluation: `epsilon` and `norm` of the config.
    """
    own = [
        row
        for row in columns.labelled(rows)
        if "surrogate" not in row and row["column"] == row["attack"]
    ]
    if not own:
        return None
    names = [row["checkpoint"] for row in own]
    network = "last" if "last" in names else names[0]
    mine = [row for row in own if row["checkpoint"] == network]
    clean = max((row for row in mine if _is_clean(row)), key=lambda row: row["n"], default={})
    attacked = [row for row in mine if not _is_clean(row)]
    worst = min(attacked, key=_strength, default={})
    return Headline(
        network=network,
        clean=clean.get("accuracy"),
        clean_n=clean.get("n"),
        worst=worst.get("attack", ""),
        robust=worst.get("accuracy"),
        robust_n=worst.get("n"),
        attacks=len(attacked),
        epsilon=evaluation["epsilon"],
        norm=evaluation["norm"],
    )


def strongest_first(rows: Rows) -> list[dict[str, Any]]:
    """Returns the rows so that a table of them begins with clean, then the strongest attack.

    Further radii follow after all attacks at the first one, in their order.

    Args:
        rows: of `results.json`.
    """
    found = columns.labelled(rows)
    accuracies = defaultdict(list)
    for row in found:
        accuracies[row["column"]].append(_strength(row))
    mean = {
        name: tuple(sum(part) / len(part) for part in zip(*each, strict=True))
        for name, each in accuracies.items()
    }

    def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
        further = row["column"] != row["attack"]
        radius = columns.epsilon(row) if further else 0.0
        return not _is_clean(row), further, radius, mean[row["column"]]

    return sorted(found, key=place)


def _is_clean(row: Mapping[str, Any]) -> bool:
    return row["attack"].partition("@")[0] == "clean"


def _strength(row: Mapping[str, Any]) -> tuple[float, bool]:
    """Lower is stronger; of equals AutoAttack is named."""
    return row["accuracy"], not row["attack"].startswith("autoattack")
