"""White-box accuracy: the attacker knows the network; the table every paper starts with.

rows = white_box(network, dataset, epsilon=0.3, attacks=("clean", "fgsm", "pgd-20x5"))
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks.attack import Attack
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.errors import UserError
from fosc_tf.evaluation.journal import Journal, check_journal
from fosc_tf.evaluation.stages import of_value, stages
from fosc_tf.evaluation.survival import Survival
from fosc_tf.number import flag, number

TABLE_1 = ("clean", "fgsm", "pgd-10", "pgd-20", "cw-linf")
"""The attacks of Wang et al. 2019, Table 1."""


def white_box(
    network: Any,
    dataset: tf.data.Dataset,
    *,
    epsilon: float | Sequence[float] | np.ndarray,
    attacks: Sequence[str | Attack] | Mapping[str, Attack] = TABLE_1,
    norm: str = "linf",
    step_size: float | None = None,
    seed: int = 0,
    stop_when_wrong: bool = False,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """Returns the accuracy of `network` under each attack at each epsilon.

    An example counts as robust if it is right clean and after every stage of the attack (each
    restart of PGD, each member of an ensemble), the worst case as in Croce and Hein 2020. A broken
    example leaves the batch, so later stages cost only what survives.

    Source: Wang et al. 2019, section 5.1 and Table 1.

    Args:
        network: a Keras model or an `export.load`ed one, from images to logits.
        dataset: batches of (image, label), or dicts with these; images float32 in [0, 1]. Or a pair
            of arrays (images, labels).
        epsilon: radius of the ball over pixels in [0, 1], or several, as a sequence or array [n].
        attacks: "clean" or names that `fosc_tf.attacks.get` knows; "pgd-100x5" restarts 5 times,
            and "autoattack@1000" takes the first 1,000 examples only. Also attacks themselves, or
            functions around one, with a ball of their own; a mapping gives them names, else they
            are called by their class or function.
        norm: "linf", "l2" or "l1".
        step_size: of the iterated attacks and "fgsm-rs"; None takes each preset's own.
        seed: with the number of the batch it decides the random starts.
        stop_when_wrong: lets "pgd-K" and "cw-linf" stop an example at the first step that leaves it
            misclassified: cheaper and stricter, since any step counts and not the last alone. Other
            tools' PGD goes on to its last step.
        journal: keeps what has been found, so that a killed evaluation can go on.

    Returns:
        A dict for each attack and epsilon, in order; see `Survival.row`.

    Raises:
        UserError: no attack, an unknown one, or one that needs more classes; epsilon out of range,
            empty or endless dataset, images or labels that do not fit the network.
    """
    epsilons = [
        number("epsilon", radius, "epsilon=8/255") for radius in np.atleast_1d(epsilon).tolist()
    ]
    if not epsilons:
        raise UserError("there must be a radius", "epsilon=8/255", "no epsilon")
    for radius in epsilons:
        check_epsilon(radius, norm)
    check_journal(journal)
    options = {"norm": norm, "step_size": step_size, "stop_when_wrong": stop_when_wrong}
    named = _named(attacks)
    flag("stop_when_wrong", stop_when_wrong)
    plans = []
    for number_of, radius in enumerate(epsilons):
        for name, attack in named:
            if isinstance(attack, str):
                plan = stages(attack, epsilon=radius, **options)
                plan = dataclasses.replace(plan, name=name)
            else:
                plan = of_value(_name(name), attack)
            # Clean accuracy is the same for all radii, and a value has its own.
            if number_of == 0 or (plan.attacks and isinstance(attack, str)):
                plans.append(plan)
    survival = Survival(network, dataset, seed=seed, journal=journal)
    for plan in plans:
        survival.check(plan)
    return [survival.row(plan) for plan in plans]


def _named(attacks: Any) -> list[tuple[Any, Any]]:
    """Returns what was given as `attacks` in pairs of name and attack."""
    if isinstance(attacks, Mapping):
        named = list(attacks.items())
    elif isinstance(attacks, Iterable) and not isinstance(attacks, str):
        named = [(attack, attack) for attack in attacks]
    else:
        named = []
    if not named:
        raise UserError(
            "attacks must be a sequence of one at least",
            'attacks=("clean", "pgd-20")',
            f"attacks={attacks!r}",
        )
    return named


def _name(given: Any) -> str:
    """Returns what tables call an attack: a name as it is, else that of its function or class."""
    if isinstance(given, str):
        return given
    return getattr(given, "__name__", type(given).__name__)
