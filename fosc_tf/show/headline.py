"""What a report says first: clean accuracy, the worst attack, and on what this rests.

headline(rows, {"epsilon": 0.2, "norm": "linf"})      # Headline(network="last", clean=0.95, ...)
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fosc_tf.show import columns
from fosc_tf.show.columns import Rows, percent


class Worst(NamedTuple):
    """The attack that leaves least on some images.

    Attributes:
        attack: its name.
        accuracy: under it, in 0..1.
        n: images, the first ones.
        of: how many attacks were tried on so many images.
        clean: accuracy on these images without attack, None where nothing tells.
    """

    attack: str
    accuracy: float
    n: int
    of: int
    clean: float | None


class Headline(NamedTuple):
    """The numbers of one network at the radius of the evaluation.

    Attributes:
        network: "last", or the first there is.
        clean: accuracy without attack, in 0..1; None where not measured.
        n: images it was measured on; without it those of the first attack.
        worst: AutoAttack, or what is worse on the same images, and without AutoAttack the worst on
            the most images; after it, where AutoAttack saw fewer images, the worst on the most.
        epsilon: radius of the ball over pixels in [0, 1].
        norm: of the ball.
    """

    network: str
    clean: float | None
    n: int
    worst: tuple[Worst, ...]
    epsilon: float
    norm: str

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Each number with what it is."""
        found = []
        if self.clean is not None:
            found.append((f"{percent(self.clean)} %", "right without attack"))
        found += [(f"{percent(each.accuracy)} %", self._of(each)) for each in self.worst]
        found.append((f"ε = {self.epsilon:.4g}", f"radius of the ball, {self.norm}"))
        found.append((f"n = {self.n:,}", "test images"))
        return found

    @property
    def sentence(self) -> str:
        """The same in one line."""
        told = ", ".join(f"{number} {what}" for number, what in self.facts)
        return f"{self.network} network: {told}"

    def _of(self, worst: Worst) -> str:
        text, several = f"right under {worst.attack}", f", the worst of {worst.of}"
        if worst.n == self.n:
            known = several if worst.of > 1 else ", the only attack"
            return f"{text}{known}" + (f" on all {worst.n:,}" if len(self.worst) > 1 else "")
        before = worst.clean
        there = "" if before is None else f", where {percent(before)} % are right without attack"
        return f"{text}{several if worst.of > 1 else ''} on the first {worst.n:,}{there}"


def headline(rows: Rows, evaluation: Mapping[str, Any]) -> Headline | None:
    """Returns the numbers of the last network; None where no network was measured.

    Only attacks on the same images are compared: the first ones may be easier than the rest.

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
    sizes = [
        max(some, default=0) for some in (_sizes(filter(_is_strong, attacked)), _sizes(attacked))
    ]
    worst = tuple(_worst(attacked, n) for n in dict.fromkeys(sizes) if n)
    return Headline(
        network=network,
        clean=clean.get("accuracy"),
        n=clean["n"] if clean else worst[0].n,
        worst=worst,
        epsilon=evaluation["epsilon"],
        norm=evaluation["norm"],
    )


def strongest_first(rows: Rows) -> list[dict[str, Any]]:
    """Returns the rows so that a table of them begins with clean, then AutoAttack, then the others,
    what leaves less first.

    Further radii follow after all attacks at the first one, in their order.

    Args:
        rows: of `results.json`.
    """
    found = columns.labelled(rows)
    accuracies = defaultdict(list)
    for row in found:
        accuracies[row["column"]].append(row["accuracy"])

    def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
        further = row["column"] != row["attack"]
        radius = columns.epsilon(row) if further else 0.0
        mean = statistics.fmean(accuracies[row["column"]])
        return not _is_clean(row), further, radius, not _is_strong(row), mean

    return sorted(found, key=place)


def _is_clean(row: Mapping[str, Any]) -> bool:
    return row["attack"].partition("@")[0] == "clean"


def _is_strong(row: Mapping[str, Any]) -> bool:
    return row["attack"].startswith("autoattack")


def _sizes(rows: Iterable[Mapping[str, Any]]) -> list[int]:
    return [row["n"] for row in rows]


def _worst(rows: Rows, n: int) -> Worst:
    some = [row for row in rows if row["n"] == n]
    found = min(some, key=lambda row: (row["accuracy"], not _is_strong(row)))
    before = (found.get("after") or {}).get("clean")
    return Worst(found["attack"], found["accuracy"], n, len(some), before)
