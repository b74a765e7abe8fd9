"""Which attacks make up each version of AutoAttack, with what numbers, in what order.

members = members_of("standard", epsilon=8 / 255, norm="linf")
"""

from __future__ import annotations

from fosc_tf.attacks.autoattack.apgd import APGD, TargetedAPGD
from fosc_tf.attacks.autoattack.fab import FAB
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.autoattack.square import Square
from fosc_tf.attacks.autoattack.untargeted_fab import UntargetedFAB
from fosc_tf.errors import unknown_name

TRANSFORMATIONS = 20


def standard(epsilon: float, norm: str) -> list[Member]:
    """Returns apgd-ce, apgd-t, fab-t, square (Croce and Hein 2020, section 5).

    Square's schedule is that of 10,000 queries cut off at 5000, as in the authors' release.
    """
    ball = {"epsilon": epsilon, "norm": norm}
    return [APGD(**ball), TargetedAPGD(**ball), FAB(**ball), Square(**ball)]


def plus(epsilon: float, norm: str) -> list[Member]:
    """Returns untargeted attacks with 5 restarts, square, then the targeted ones."""
    ball = {"epsilon": epsilon, "norm": norm}
    return [
        APGD(**ball, restarts=5),
        APGD(**ball, loss="dlr", restarts=5),
        UntargetedFAB(**ball, restarts=5),
        Square(**ball),
        TargetedAPGD(**ball),
        FAB(**ball),
    ]


def rand(epsilon: float, norm: str) -> list[Member]:
    """Returns apgd-ce and apgd-dlr with 20 passes, for networks whose answers are random."""
    ball = {"epsilon": epsilon, "norm": norm}
    return [
        APGD(**ball, passes=TRANSFORMATIONS),
        APGD(**ball, loss="dlr", passes=TRANSFORMATIONS),
    ]


VERSIONS = {"standard": standard, "plus": plus, "rand": rand}


def members_of(version: str, *, epsilon: float, norm: str) -> list[Member]:
    """Returns the attacks of "standard", "plus" or "rand", in the order they run.

    Raises:
        UserError: unknown version or norm, epsilon out of its range.
    """
    if version not in VERSIONS:
        raise unknown_name("version of AutoAttack", version, VERSIONS)
    return VERSIONS[version](epsilon, norm)
