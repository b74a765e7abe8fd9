"""An evaluation attack as a list of stages, each tried on whoever survived those before.

stages("pgd-20x3", epsilon=0.3).attacks      # three PGD-20, told apart by their seeds
stages("squarex3", epsilon=0.3).attacks      # one Square, which restarts itself
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from fosc_tf.attacks import presets
from fosc_tf.attacks.attack import Attack, declared
from fosc_tf.attacks.autoattack import AutoAttack
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.readable import one_line


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

    def __repr__(self) -> str:
        """Returns one line: the name, and the attack of each stage."""
        said = {"name": self.name, "attacks": self.attacks}
        return one_line("Stages", said | ({"examples": self.examples} if self.examples else {}))

    @property
    def passes(self) -> int:
        """How many answers are averaged to judge: those of the attack, for random networks."""
        return max([1, *(attack.traits.passes for attack in self.attacks.values())])


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
        raise unknown_name("attack", name, ("clean", *presets.names()))
    whole, examples = first_examples(name)
    if whole == "clean":
        return Stages(name, {}, {}, examples)
    base, restarts = _restarts(whole)
    attack = presets.get(
        base, epsilon=epsilon, step_size=step_size, norm=norm, stop_when_wrong=stop_when_wrong
    )
    if restarts > 1 and isinstance(attack, AutoAttack):
        raise UserError("an ensemble is one try of each member", base, name)
    if isinstance(attack, AutoAttack):
        return Stages(name, dict(attack.members), attack.parameters(), examples)
    tries = attack.again(base, restarts)
    return Stages(name, tries, attack.parameters() | {"restarts": restarts}, examples)


def of_value(name: str, attack: Attack | AutoAttack | Callable[..., Any]) -> Stages:
    """Returns the stages of an attack given as a value, called `name` in tables.

    Raises:
        UserError: what is no attack, or one of which nobody knows the ball.
    """
    if isinstance(attack, AutoAttack):
        return Stages(name, dict(attack.members), attack.parameters())
    attack = declared(attack)
    if attack.norm is None:
        raise UserError(
            "an attack that is judged must tell its ball",
            "a subclass of fosc_tf.attacks.Attack, or a function around one",
            f"{name}, of which nothing is known",
        )
    # As it is: its restarts are its own.
    return Stages(name, {name: attack}, attack.parameters())


def first_examples(name: str) -> tuple[str, int | None]:
    """Returns what stands before an @ and the number behind it, None where there is none."""
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
