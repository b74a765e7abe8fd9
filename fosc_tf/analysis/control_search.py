"""Which settings of the inner loop are tried: all of a grid, or those that TPE asks for.

values = Grid(most_steps=40)(worth)      # worth: a Hamiltonian
best = max(values, key=values.get)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from fosc_tf.analysis.hamiltonian import Control, Hamiltonian
from fosc_tf.errors import UserError
from fosc_tf.number import number, whole

LEVELS = 8


class Search(Protocol):
    """What finds the best setting."""

    def __call__(self, worth: Hamiltonian) -> dict[Control, float]:
        """Returns the value of every setting that it has tried, at least one."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """Tries every setting: 1 to `most_steps` steps of each length.

    Settings of one length share a climb: K steps begin with K - 1 of them.

    Attributes:
        most_steps: the most steps, at least 1.
        step_sizes: the lengths; None for epsilon / 8, 2 epsilon / 8, ..., epsilon.
        path_length: tau: K steps have the one length tau / K, as Amata has them, instead of
            `step_sizes`. Steps longer than 2 * epsilon are left out.

    Raises:
        UserError: when called, a number out of its range, both ways to say the lengths.
    """

    most_steps: int
    step_sizes: Sequence[float] | None = None
    path_length: float | None = None

    def __call__(self, worth: Hamiltonian) -> dict[Control, float]:
        """Returns the value of every setting."""
        if self.path_length is not None:
            _one_way(self.path_length, self.step_sizes)
            fewest, most = _path(self.path_length, self.most_steps, worth.epsilon)
            path = (Control(k, self.path_length / k) for k in range(fewest, most + 1))
            return {control: worth(control) for control in path}
        whole("most_steps", self.most_steps, least=1)
        sizes = self.step_sizes
        sizes = worth.epsilon * np.arange(1, LEVELS + 1) / LEVELS if sizes is None else sizes
        found = {}
        for size in map(float, sizes):
            values = worth.along(size, self.most_steps)
            found |= {Control(k, size): float(value) for k, value in enumerate(values, start=1)}
        if not found:
            raise UserError("a grid has at least one step size", "step_sizes=(0.1,)", "none")
        return found


@dataclasses.dataclass(frozen=True)
class Trials:
    """Tries as many settings as it may, chosen by Optuna's TPE from the values before.

    Source: Ye et al. 2021, section 2.4, which maximises by Bayesian optimisation with hyperopt,
    whose sampler is TPE as well; their space and number of trials are not published. Departure:
    Optuna in its place, an extra.

    Attributes:
        number: of trials, at least 1; a setting asked for again is not measured again.
        most_steps: K is in 1..most_steps.
        path_length: tau: K steps have length tau / K; None for any length from epsilon / 8 to
            epsilon, its logarithm uniform.
        seed: decides the trials.

    Raises:
        UserError: when called, a number out of its range, or Optuna is not installed.
    """

    number: int
    most_steps: int
    path_length: float | None = None
    seed: int = 0

    def __call__(self, worth: Hamiltonian) -> dict[Control, float]:
        """Returns the value of every setting tried."""
        whole("number", self.number, least=1)
        whole("seed", self.seed, least=0, below=2**32)
        fewest, most = 1, whole("most_steps", self.most_steps, least=1)
        if self.path_length is not None:
            fewest, most = _path(self.path_length, self.most_steps, worth.epsilon)
        optuna, found = _optuna(), {}

        def value(trial: Any) -> float:
            steps = trial.suggest_int("num_steps", fewest, most)
            if self.path_length is None:
                ends = worth.epsilon / LEVELS, worth.epsilon
                control = Control(steps, trial.suggest_float("step_size", *ends, log=True))
            else:
                control = Control(steps, self.path_length / steps)
            if control not in found:
                found[control] = worth(control)
            return found[control]

        sampler = optuna.samplers.TPESampler(seed=self.seed)
        told = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(direction="maximize", sampler=sampler)
            study.optimize(value, n_trials=self.number)
        finally:
            optuna.logging.set_verbosity(told)
        return found


def _one_way(path_length: float, step_sizes: Sequence[float] | None) -> None:
    if step_sizes is not None:
        raise UserError(
            "a path length says the step sizes itself",
            "path_length=0.4, or step_sizes=(0.1, 0.2)",
            f"path_length={path_length!r} with step_sizes={step_sizes!r}",
        )


def _path(path_length: float, most_steps: int, epsilon: float) -> tuple[int, int]:
    """Returns the fewest and most steps whose length tau / K a climb accepts."""
    path_length = number("path_length", path_length, "path_length=0.4")
    most = whole("most_steps", most_steps, least=1)
    if not 0 < path_length / most <= 2 * epsilon:
        raise UserError(
            "the most steps of a path must have a length in (0, 2 * epsilon]",
            f"path_length={4 / 3 * epsilon:.4g} with epsilon={epsilon:g}",
            f"path_length={path_length:g} with most_steps={most}",
        )
    return next(k for k in range(1, most + 1) if path_length / k <= 2 * epsilon), most


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UserError(
            "trials of settings need optuna, an extra",
            'pip install "fosc-tf[optuna]"',
            f"{type(error).__name__}: {error}",
        ) from error
    return optuna
