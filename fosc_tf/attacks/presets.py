"""The attacks of the papers by the names that tables use.

attack = get("pgd-20", epsilon=8 / 255)      # also "fgsm", "fgsm-rs", "cw-linf", "autoattack"

An attack of one's own is filed by a factory that takes what it wants of epsilon, norm, step_size,
num_steps and stop_when_wrong; with num_steps it is called NAME-K.

    @register("mine")
    def mine(*, epsilon, num_steps, norm="linf"): ...
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from fosc_tf.attacks.attack import Attack
from fosc_tf.attacks.autoattack import APGD, FAB, AutoAttack, Square, TargetedAPGD
from fosc_tf.attacks.gates import still_right
from fosc_tf.attacks.independent import TOOLS, Independent
from fosc_tf.attacks.limits import step_length
from fosc_tf.attacks.pgd import PGD
from fosc_tf.errors import unknown_name
from fosc_tf.number import flag
from fosc_tf.registry import Registry

ATTACKS = Registry("attack")
register = ATTACKS.register


@register("fgsm")
def fgsm(*, epsilon: float, norm: str = "linf") -> PGD:
    """One step of length epsilon from the clean image (Goodfellow et al. 2015)."""
    return PGD(epsilon=epsilon, step_size=epsilon, num_steps=1, norm=norm, start="clean")


@register("fgsm-rs")
def fgsm_random_start(*, epsilon: float, step_size: float | None = None, norm: str = "linf") -> PGD:
    """One step of 1.25 * epsilon from a uniform start (Wong et al. 2020)."""
    step_size = step_length(step_size, epsilon, share=1.25)
    return PGD(epsilon=epsilon, step_size=step_size, num_steps=1, norm=norm)


@register("pgd")
def pgd(
    *,
    epsilon: float,
    num_steps: int,
    step_size: float | None = None,
    stop_when_wrong: bool = False,
    **options: Any,
) -> PGD:
    """K steps of epsilon / 4 from a uniform start (Madry et al. 2018; Wang et al. 2019)."""
    gate = still_right if flag("stop_when_wrong", stop_when_wrong) else None
    step_size = step_length(step_size, epsilon)
    return PGD(epsilon=epsilon, step_size=step_size, num_steps=num_steps, gate=gate, **options)


@register("cw-linf")
def cw_linf(*, epsilon: float, **options: Any) -> PGD:
    """PGD-30 on the margin loss with kappa = 50 (Wang et al. 2019, section 5.1)."""
    return pgd(**({"epsilon": epsilon, "num_steps": 30, "loss": "cw"} | options))


def _of_ensemble(kind: Any, **fixed: Any) -> Any:
    def make(*, epsilon: float, norm: str = "linf") -> Attack | AutoAttack:
        return kind(epsilon=epsilon, norm=norm, **fixed)

    own = "".join(f"{name}={value}: " for name, value in fixed.items())
    make.__doc__ = own + inspect.getdoc(kind)
    return make


def _of_tool(tool: str) -> Any:
    def make(
        *, epsilon: float, num_steps: int, step_size: float | None = None, norm: str = "linf"
    ) -> Independent:
        step_size = step_length(step_size, epsilon)
        numbers = {"epsilon": epsilon, "step_size": step_size, "norm": norm}
        return Independent(tool, num_steps=num_steps, **numbers)

    make.__doc__ = f"PGD of {TOOLS[tool][0]}, an extra of the installation, on the same network."
    return make


register("autoattack")(_of_ensemble(AutoAttack))
register("autoattack-plus")(_of_ensemble(AutoAttack, version="plus"))
register("autoattack-rand")(_of_ensemble(AutoAttack, version="rand"))
register("apgd-ce")(_of_ensemble(APGD))
register("apgd-dlr")(_of_ensemble(APGD, loss="dlr"))
register("apgd-t")(_of_ensemble(TargetedAPGD))
register("fab-t")(_of_ensemble(FAB))
register("square")(_of_ensemble(Square))
for _tool in TOOLS:
    register(f"{_tool}:pgd")(_of_tool(_tool))


def names() -> list[str]:
    """Returns all names; one with "-K" stands for any number of steps."""
    return [shown(name) for name in ATTACKS.names()]


def shown(name: str) -> str:
    """Returns what `names` calls the attack that is filed as `name`."""
    return f"{name}-K" if _needs_steps(name) else name


def get(
    name: str, *, epsilon: float, num_steps: int | None = None, **options: Any
) -> Attack | AutoAttack:
    """Returns the attack of that name.

    Args:
        name: one of `names()`, with a number for its K: "pgd-20", "art:pgd-20".
        epsilon: radius of the ball.
        num_steps: of an attack that is called with none in its name.
        **options: step_size (None takes the attack's own; FGSM's is epsilon in any case), norm
            ("linf", "l2" or "l1"; AutoAttack knows no l1, and "cw-linf" is the margin loss under
            PGD in any of them), stop_when_wrong (stops an example of "pgd-K" and "cw-linf" at the
            first step that leaves it misclassified). An attack gets those that it takes.

    Raises:
        UserError: unknown name, or a number out of its range.
    """
    steps = re.fullmatch(r"(.+)-(\d+)", name) if isinstance(name, str) else None
    known = ATTACKS.names()
    if steps and steps[1] in known and _needs_steps(steps[1]):
        name, num_steps = steps[1], int(steps[2])
    elif name not in known or (_needs_steps(name) and num_steps is None):
        raise unknown_name("attack", name, names())
    given = {"epsilon": epsilon, "num_steps": num_steps} | options
    taken = inspect.signature(ATTACKS.factory(name)).parameters
    open_ended = any(each.kind is each.VAR_KEYWORD for each in taken.values())
    wanted = {
        option: value
        for option, value in given.items()
        if (option in taken or open_ended) and not (option == "num_steps" and value is None)
    }
    return ATTACKS.get(name, **wanted)


def _needs_steps(name: str) -> bool:
    needed = inspect.signature(ATTACKS.factory(name)).parameters.get("num_steps")
    return needed is not None and needed.default is needed.empty
