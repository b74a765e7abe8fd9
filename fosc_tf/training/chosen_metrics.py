"""The metrics that `compile` is given, made and looked at before anything is trained.

metrics = chosen_metrics(["sparse_top_k_categorical_accuracy"], {"loss"}, num_classes=10)
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.errors import UserError

_RIGHT = "metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=3)]"
_ONE_HOT = ("Categorical", "TopK", "Binary")
"""How the names begin of Keras' metrics for one-hot labels; they would take integers for these."""


def chosen_metrics(
    given: Any, taken: Collection[str], num_classes: int
) -> list[keras.metrics.Metric]:
    """Returns Keras' metrics for labels [batch] and logits [batch, num_classes].

    "accuracy", which a trainer reports anyway, is left out. Call it in the scope of the strategy.

    Args:
        given: names, functions of labels and logits, or metrics; one of them or a list; None.
        taken: names that are reported already.
        num_classes: of the network.

    Raises:
        UserError: an unknown name, a metric for probabilities or one-hot labels or several outputs,
            one that cannot take these shapes, two of one name, one made outside of the scope.
    """
    given = [] if given is None else given if isinstance(given, list | tuple) else [given]
    metrics = [_metric(each) for each in given if each not in ("accuracy", "acc")]
    names = [metric.name for metric in metrics]
    for metric in metrics:
        if metric.name in taken or names.count(metric.name) > 1:
            raise UserError(
                "each metric needs a name of its own",
                f"names other than {', '.join(sorted({*taken, *names}))}",
                f"a metric of the name {metric.name!r}",
            )
        _look_at(metric, num_classes)
    return metrics


def _metric(given: Any) -> keras.metrics.Metric:
    if isinstance(given, list | tuple | dict):
        raise UserError(
            "a network of one output has one flat list of metrics", _RIGHT, f"metrics of {given!r}"
        )
    metric = "sparse_categorical_crossentropy" if given in ("crossentropy", "ce") else given
    try:
        metric = keras.metrics.get(metric)
    except ValueError as error:
        raise UserError(
            "a metric must be one of Keras or a function", _RIGHT, repr(given)
        ) from error
    if metric is keras.losses.get("sparse_categorical_crossentropy") or (
        isinstance(metric, keras.metrics.SparseCategoricalCrossentropy) and isinstance(given, str)
    ):
        metric = keras.metrics.SparseCategoricalCrossentropy(from_logits=True)
    name = getattr(metric, "__name__", type(metric).__name__)
    if name.title().replace("_", "").startswith(_ONE_HOT) or name.startswith(_ONE_HOT):
        raise UserError(
            "metrics see labels as integers [batch]",
            f"keras.metrics.Sparse{name.removeprefix('Binary')}, or another of the sparse ones",
            f"{name}, which is for one-hot labels",
        )
    if not isinstance(metric, keras.metrics.Metric):
        metric = keras.metrics.MeanMetricWrapper(metric, name=name)
    from_logits = metric.get_config().get("from_logits", True)
    if not from_logits:
        raise UserError(
            "metrics see logits: the network returns no probabilities",
            f"{type(metric).__name__}(from_logits=True)",
            f"{type(metric).__name__}(from_logits=False)",
        )
    return metric


def _look_at(metric: keras.metrics.Metric, num_classes: int) -> None:
    """Traces one update, which also makes what variables a metric makes late."""
    strategy = tf.distribute.get_strategy()

    def update() -> None:
        label = tf.zeros([3 if num_classes != 3 else 4], tf.int32)
        metric.update_state(label, tf.zeros([len(label), num_classes]))

    try:
        tf.function(lambda: strategy.run(update)).get_concrete_function()
    except Exception as error:  # whatever a metric does with shapes that are not for it
        raise UserError(
            f"a metric must take labels [batch] and logits [batch, {num_classes}]",
            _RIGHT,
            f"{metric.name}, which fails: {_last_line(error)}",
        ) from error
    shared = [isinstance(v.value, tf.distribute.DistributedValues) for v in metric.variables]
    if strategy.num_replicas_in_sync > 1 and not all(shared):
        raise UserError(
            "a metric must be made where the trainer is",
            "with strategy.scope(): the network, the trainer, its metrics and its optimizer",
            f"{metric.name}, made outside of the scope",
        )


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
