"""The numbers that `fit`, `evaluate` and `predict` take, looked at before any batch.

check_arguments(x, y, {"batch_size": 64, "epochs": 50})
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import number, whole

_LEAST = {"epochs": 0, "initial_epoch": 0, "batch_size": 1, "steps_per_epoch": 1}
_LEAST |= {"steps": 1, "validation_steps": 1, "validation_batch_size": 1}
_COUNTS = {"steps_per_epoch": 468, "steps": 79, "validation_steps": 79}


def check_arguments(x: Any, y: Any, arguments: dict[str, Any], count: str = "steps") -> None:
    """Turns whole numbers among `arguments` into Python's own.

    Args:
        x: as given to the call.
        y: labels where `x` is images.
        arguments: of the call by name; None stands for what was not given.
        count: the one that says how many batches of a dataset are taken.

    Raises:
        UserError: no whole number where one is needed; a batch size, labels or a split beside a
            container that holds whole batches; another number of labels than of images; a dataset
            without an end, of which nobody says how much is an epoch.
    """
    for name, least in _LEAST.items():
        if arguments.get(name) is not None:
            arguments[name] = whole(name, arguments[name], least=least)
    _check_callbacks(arguments.get("callbacks"))
    _check_end(x, count, arguments)
    _check_end(arguments.get("validation_data"), "validation_steps", arguments)
    split = arguments.get("validation_split")
    if split is not None and not 0 <= number("validation_split", split, "0.1") < 1:
        raise UserError(
            "validation_split is the share that is kept back, in [0, 1)",
            "validation_split=0.1",
            f"validation_split={split}",
        )
    if hasattr(x, "shape"):
        _check_lengths(x, y)
    elif x is None:
        raise UserError(
            "there must be images and labels", "images and labels, or a dataset of both", "x=None"
        )
    elif not isinstance(x, dict) and count == "steps_per_epoch":
        # What Keras leaves out without a word would train otherwise than was meant.
        _check_beside_batches(x, y, arguments)


def _check_lengths(image: Any, label: Any) -> None:
    lengths = [tuple(each.shape)[:1] for each in (image, label) if hasattr(each, "shape")]
    if len(lengths) == 2 and lengths[0] != lengths[1] and all(lengths):
        raise UserError(
            "every image needs one label",
            f"{lengths[0][0]} labels for {lengths[0][0]} images",
            f"{lengths[0][0]} images, {lengths[1][0]} labels",
        )


def _check_beside_batches(x: Any, y: Any, arguments: dict[str, Any]) -> None:
    """Raises `UserError` for what only arrays have beside them."""
    beside = {"y": y, "batch_size": arguments.get("batch_size")}
    beside["validation_split"] = arguments.get("validation_split") or None
    for name, value in beside.items():
        if value is not None:
            said = value if isinstance(value, int | float) else type(value).__name__
            raise UserError(
                f"{name} belongs to arrays: batches that come made are taken as they are",
                f"arrays, or batches that are made so and no {name}",
                f"{name}={said} beside a {type(x).__name__}",
            )


def _check_end(x: Any, count: str, arguments: dict[str, Any]) -> None:
    if not isinstance(x, tf.data.Dataset) or arguments.get(count):
        return
    if x.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UserError(
            "of a dataset without an end one must say how many batches are taken",
            f"{count}={_COUNTS[count]}, or the dataset without repeat()",
            f"an endless dataset without {count}",
        )


def _check_callbacks(given: Any) -> None:
    if isinstance(given, keras.callbacks.CallbackList):
        return
    for each in given if isinstance(given, list | tuple) else [given]:
        if each is not None and not isinstance(each, keras.callbacks.Callback):
            raise UserError(
                "a callback must be one of Keras, made",
                "callbacks=[keras.callbacks.TerminateOnNaN()]",
                repr(each),
            )
