"""How far a schedule of the inner loop is from the best one: the criterion C of Amata.

found = criterion(network, batches, epsilon=0.3, num_steps=10, step_size=0.04, search=Grid(40))
found.value, found.best      # 0.31, Control(num_steps=4, step_size=0.15)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fosc_tf.analysis.control_search import Search
from fosc_tf.analysis.hamiltonian import Control, Hamiltonian
from fosc_tf.attacks.starts import Start
from fosc_tf.errors import UserError
from fosc_tf.number import whole
from fosc_tf.schedules import Clock, at
from fosc_tf.types import Number, Schedule


class Optimality(NamedTuple):
    """What `criterion` returns.

    Attributes:
        value: C, the value of the best setting less that of the one judged.
        best: the setting of the search with the highest value.
        own: value of the setting that is judged.
        values: value of every setting that the search tried.
    """

    value: float
    best: Control
    own: float
    values: dict[Control, float]


class Score(NamedTuple):
    """What `score` returns.

    Attributes:
        value: mean of C over the epochs.
        epoch: 0-based epochs that were judged.
        found: `Optimality` of each.
    """

    value: float
    epoch: tuple[int, ...]
    found: tuple[Optimality, ...]


def criterion(
    network: Any,
    batches: Iterable[Any],
    *,
    epsilon: float,
    num_steps: int,
    step_size: float,
    search: Search,
    gamma: float = 0.04,
    norm: str = "linf",
    start: str | Start = "clean",
    seed: int = 0,
) -> Optimality:
    """Returns C of K steps of length alpha on a network as it is.

    C = max over (alpha, K) of the value - value of (step_size, num_steps), where the value is
    ||gradient of the weights of the loss under that PGD||^2 - gamma * K, see `Hamiltonian`: squared
    norm of each batch's mean gradient, then the mean over batches. The maximum is over the settings
    of that mean, not batch by batch. C is at least 0, and 0 for the best, where the search tries
    the setting that is judged; below 0 that one is better than all that were tried.

    Source: Ye et al. 2021, equation 14; gamma of Table 1.

    Args:
        network: maps images to logits, a Keras model with trainable weights; called in evaluation
            mode, none of its variables changes.
        batches: of (image, label), or dicts with these; images float32 in [0, 1].
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1].
        num_steps: K of the setting that is judged.
        step_size: its alpha, same units as epsilon.
        search: `Grid`, `Trials` or a function of a `Hamiltonian` to the values of settings.
        gamma: price of a step in squared gradient norm.
        norm: "linf", "l2", "l1" or one registered.
        start: of the climbs: "clean" as in the paper, "uniform" or a function.
        seed: with the number of the batch it decides random starts.

    Raises:
        UserError: as `Hamiltonian`, `PGD` and the search.
    """
    kept = {"epsilon": epsilon, "gamma": gamma, "norm": norm, "start": start, "seed": seed}
    worth = Hamiltonian(network, batches, **kept)
    control = Control(num_steps, step_size)
    worth.check(control)
    return _judged(worth, control, search(worth))


def score(
    schedule: Sequence[tuple[int, float]],
    networks: Any,
    batches: Iterable[Any],
    *,
    epsilon: float,
    search: Search,
    gamma: float = 0.04,
    norm: str = "linf",
    start: str | Start = "clean",
    seed: int = 0,
) -> Score:
    """Returns C of a schedule, over the networks of its training or on one network.

    Source: Ye et al. 2021, equation 13 with the approximation of equation 14 in each epoch, as in
    Table 1. There the networks are those that the schedule itself has trained.

    Args:
        schedule: (num_steps, step_size) of each epoch, see `controls`.
        networks: one network, on which every epoch's setting is judged, searched once; or networks
            by 0-based epoch, as a dict or as pairs, which may come one by one, and may be one
            network whose weights change.
        batches: as for `criterion`; they are the same in every epoch.
        epsilon: as for `criterion`, like all that follows.
        search: asked once for each network.
        gamma: price of a step in squared gradient norm.
        norm: of the ball.
        start: of the climbs.
        seed: of random starts.

    Raises:
        UserError: an empty schedule, an epoch beyond it, no network, or as `criterion`.
    """
    kept = {"epsilon": epsilon, "gamma": gamma, "norm": norm, "start": start, "seed": seed}
    schedule = [Control(*setting) for setting in schedule]
    if not schedule:
        raise UserError("a schedule has at least one epoch", "[(10, 0.01)]", "none")
    batches, found, worth = list(batches), {}, None
    if callable(networks):
        worth = Hamiltonian(networks, batches, **kept)
        for control in schedule:
            worth.check(control)
        values = search(worth)
        judged = {control: _judged(worth, control, values) for control in set(schedule)}
        found = {epoch: judged[control] for epoch, control in enumerate(schedule)}
    else:
        for epoch, network in networks.items() if isinstance(networks, Mapping) else networks:
            if whole("epoch", epoch, least=0) >= len(schedule):
                raise UserError(
                    "the schedule must have a setting for the epoch of every network",
                    f"an epoch in 0..{len(schedule) - 1}",
                    f"epoch={epoch}",
                )
            if worth is None or worth.network is not network:
                worth = Hamiltonian(network, batches, **kept)
            worth.check(schedule[epoch])
            found[epoch] = _judged(worth, schedule[epoch], search(worth))
        if not found:
            raise UserError("a schedule is judged on a network", "[(0, network)]", "none")
    value = float(np.mean([each.value for each in found.values()]))
    return Score(value, tuple(found), tuple(found.values()))


def controls(
    num_steps: int | Schedule, step_size: Number | Schedule, *, total_epochs: int, clock: Clock
) -> list[Control]:
    """Returns the setting of each epoch, asked at its first step.

    Args:
        num_steps: a number, or a schedule such as `annealed_steps`.
        step_size: a number, or a schedule such as `path_step`.
        total_epochs: T.
        clock: that of the schedules, which knows the steps of an epoch.
    """
    first = [clock.first_step(epoch) for epoch in range(total_epochs)]
    return [Control(int(at(num_steps, step)), float(at(step_size, step))) for step in first]


def _judged(worth: Hamiltonian, control: Control, values: dict[Control, float]) -> Optimality:
    best = max(values, key=values.__getitem__)
    # Attacks compute in float32: tau / K and a length of the grid may be one number there.
    known = {(steps, np.float32(size)): value for (steps, size), value in values.items()}
    own = known.get((control.num_steps, np.float32(control.step_size)))
    own = worth(control) if own is None else own
    return Optimality(values[best] - own, best, own, values)
