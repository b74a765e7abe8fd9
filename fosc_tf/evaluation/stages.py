"""An evaluation attack as a list of stages, each tried on whoever survived those before.

stages("pgd-20x3", epsilon=0.3).attacks      # three PGD-20, told apart by their seeds
stages("squarex3", epsilon=0.3).attacks      # one Square, which restarts itself
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from fosc_tf.attacks import presets, starts
from fosc_tf.attacks.attack import Attack
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.pgd import PGD
from fosc_tf.errors import UserError, unknown_name


@dataclasses.dataclass(frozen=True)
class Stages:
    """A named attack taken apart.

    Attributes:
        name: as in tables, such as "pgd-20x3".
        attacks: by the name of the stage, in order; none for "clean".
        parameters: what a record needs to repeat it.
        examples: how many of the first examples it is tried on; None takes all.
    """

    name: str
    attacks: dict[str, Attack]
    parameters: dict[str, Any]
    examples: int | None = None

    @property
    def passes(self) -> int:
        """How many answers are averaged to judge: those of the attack, for random networks."""
        return max([1, *(getattr(attack, "passes", 1) for attack in self.attacks.values())])


def stages(
    name: str,
    *,
    epsilon: float,
    norm: str = "linf",
    step_size: float | None = None,
    stop_when_wrong: bool = False,
) -> Stages:
    """Returns the stages of the attack called `name`.

    Args:
        name: "clean", a name that `fosc_tf.attacks.get` knows, or one with "xR" behind it for R
            restarts, such as "pgd-100x5"; not for an ensemble or FGSM. "@N" at the end tries the
            first N examples only, such as "autoattack@1000".
        epsilon: radius of the ball.
        norm: "linf", "l2" or "l1".
        step_size: None takes the preset's own.
        stop_when_wrong: see `white_box`.

    Raises:
        UserError: unknown name, no restart, restarts of an ensemble, no example, a number out of
            its range.
    """
    if not isinstance(name, str):
        raise unknown_name("attack", name, ("clean", *presets.NAMES))
    whole, examples = _examples(name)
    if whole == "clean":
        return Stages(name, {}, {}, examples)
    base, restarts = _restarts(whole)
    options = {"stop_when_wrong": True} if stop_when_wrong else {}
    attack = presets.get(base, epsilon=epsilon, step_size=step_size, norm=norm, **options)
    members = getattr(attack, "members", None)
    if members is not None:
        if restarts > 1:
            raise UserError("an ensemble is one try of each member", base, name)
        return Stages(name, dict(members), attack.parameters(), examples)
    if isinstance(attack, Member):
        # Another seed would repeat FAB, whose first run draws no random numbers.
        attack.restarts = restarts
        return Stages(name, {base: attack}, attack.parameters(), examples)
    if restarts > 1 and isinstance(attack, PGD) and attack.start is starts.clean:
        raise UserError("what starts at the clean image finds the same at every try", base, name)
    tries = {
        f"{base} #{number + 1}" if restarts > 1 else base: attack for number in range(restarts)
    }
    return Stages(name, tries, attack.parameters() | {"restarts": restarts}, examples)


def _examples(name: str) -> tuple[str, int | None]:
    whole, at, count = name.partition("@")
    if not at:
        return whole, None
    if not count.isdecimal() or int(count) < 1:
        raise UserError("behind the @ goes a number of examples", f"{whole}@1000", name)
    return whole, int(count)


def _restarts(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+\D\d*|.+-\d+)x(\d+)", name)
    if match is None:
        return name, 1
    if int(match.group(2)) < 1:
        raise UserError("an attack is tried at least once", f"{match.group(1)}x5", name)
    return match.group(1), int(match.group(2))
