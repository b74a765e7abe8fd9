"""Callbacks of Keras that watch a number: it must be there, with a direction, before work starts.

check_monitors(callbacks, metrics={"loss": "down", "val_loss": "down"}, schedules=["threshold"])
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras

from fosc_tf.errors import UserError

_WATCHING = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.ReduceLROnPlateau,
)
_SETTING_RATES = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)


def check_monitors(
    callbacks: Any,
    *,
    metrics: Mapping[str, str],
    schedules: Collection[str] = (),
    optimizer: Any = None,
) -> None:
    """Raises `UserError` where a callback of Keras watches what no epoch logs.

    `mode="auto"` becomes "max" or "min" where the direction is known: Keras itself knows it of
    losses and of the metrics in its own `compile` only, and stops after the first epoch.

    A callback says what it adds to the logs of an epoch in an attribute `adds`, a dict of names and
    directions. Behind a callback of another's class that says nothing, any name may be there.

    Args:
        callbacks: as given to `fit`.
        metrics: what an epoch logs, with its direction.
        schedules: what it logs that has no direction.
        optimizer: whose rate some callbacks set.
    """
    known: dict[str, str | None] = dict(metrics) | dict.fromkeys(schedules)
    for callback in _listed(callbacks):
        kind = type(callback)
        if kind in _SETTING_RATES:
            _check_rate(callback, optimizer)
        for name in _watched(callback):
            if name not in known:
                raise _not_there(kind.__name__, name, known)
        if isinstance(callback, _WATCHING) and _chooses(callback) and callback.mode == "auto":
            _resolve(callback, known)
        added = _added(callback)
        if added is None:
            return  # whatever comes behind it may watch what it adds
        known |= added


def with_more(callbacks: Any, more: list[keras.callbacks.Callback]) -> Any:
    """Returns the callbacks given to `fit` with some behind them; a `CallbackList` is complete."""
    if not more or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    return [*_listed(callbacks), *more]


def _listed(callbacks: Any) -> Sequence[keras.callbacks.Callback]:
    if callbacks is None:
        return []
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks.callbacks
    return callbacks if isinstance(callbacks, list | tuple) else [callbacks]


def _chooses(callback: Any) -> bool:
    """Whether it compares what it watches."""
    return getattr(callback, "save_best_only", True)


def _watched(callback: Any) -> list[str]:
    """Returns what one of Keras' own callbacks reads from the logs."""
    if type(callback) not in _WATCHING:
        return []
    names = [callback.monitor] if _chooses(callback) else []
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        fields = (field for _, field, *_ in string.Formatter().parse(str(callback.filepath)))
        names += [field for field in fields if field and field not in ("epoch", "batch")]
    return names


def _resolve(callback: Any, known: Mapping[str, str | None]) -> None:
    """Tells a callback the direction of what it watches."""
    name = callback.monitor
    if name not in known:  # a class of the user's own
        return
    if known[name] is None:
        raise UserError(
            f"{type(callback).__name__} must be told whether more of {name} is better",
            f'monitor="{name}", mode="min" or mode="max"',
            f'monitor="{name}" with mode="auto"',
        )
    callback.mode = {"up": "max", "down": "min"}[known[name]]


def _added(callback: Any) -> dict[str, str | None] | None:
    """Returns what a callback adds to the logs; None where nobody knows."""
    adds = getattr(callback, "adds", None)
    if adds is not None:
        return dict(adds)
    if type(callback) in _SETTING_RATES:
        return {"learning_rate": None}
    known = type(callback).__module__.partition(".")[0] in ("keras", "fosc_tf")
    return {} if known and not isinstance(callback, keras.callbacks.LambdaCallback) else None


def _not_there(kind: str, name: str, known: Collection[str]) -> UserError:
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    rule = f"{kind} must watch what an epoch logs"
    if name.startswith("val_") and not any(each.startswith("val_") for each in known):
        rule += "; there are val_ names with validation_data only"
    elif "robust" in name and not any("robust" in each for each in known):
        rule += "; a trainer with validation_attack logs val_robust_accuracy"
    right = f"one of {', '.join(sorted(known))} (nearest: {', '.join(nearest)})"
    return UserError(rule, right, f"{name!r}")


def _check_rate(callback: Any, optimizer: Any) -> None:
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(optimizer, "_learning_rate", None)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        raise UserError(
            f"{type(callback).__name__} sets the learning rate, which must be a number then",
            "keras.optimizers.SGD(0.1), or the schedule without this callback",
            f"an optimizer whose learning rate is a {type(rate).__name__}",
        )
