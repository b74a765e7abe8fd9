"""All that a trainer reports: its running means, the metrics of `compile`, the robust accuracy.

measures = Measures(defense, attack, fosc_every=10, robust=None)
measures.chosen = chosen_metrics(["sparse_top_k_categorical_accuracy"], measures.means, 10)
logs = measures.trained(label, found, judged, fosc)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks.attack import Attack
from fosc_tf.terms import cross_entropy, is_right
from fosc_tf.training.direction import direction
from fosc_tf.training.robust_accuracy import RobustAccuracy
from fosc_tf.types import Batch, Defense, Found, Judged


class Measures:
    """What is shown for each epoch.

    It is no Keras object: metrics that are its attributes belong to no file of weights, which could
    not be loaded without them.

    Args:
        defense: with its terms.
        attack: of the defense, or None.
        fosc_every: 0 where the FOSC is not shown.
        robust: what a validation measures besides, or None.

    Attributes:
        means: by name, the FOSC whether it is shown or not, so that states stay alike.
        chosen: the metrics given to `compile`.
    """

    def __init__(
        self,
        defense: Defense,
        attack: Attack | None,
        fosc_every: int,
        robust: RobustAccuracy | None,
    ) -> None:
        names = ["loss", "accuracy", *defense.terms]
        if attack is not None:
            names += ["gradients", "fosc"]
            if attack.traits.gated:
                names.append("frozen")
        self.means = {name: keras.metrics.Mean(name) for name in names}
        self.terms, self.robust = defense.terms, robust
        self.hidden = set() if fosc_every > 0 else {"fosc"}
        self.chosen: list[keras.metrics.Metric] = []

    @property
    def all(self) -> list[keras.metrics.Metric]:
        """Everything shown, which Keras resets as each epoch begins."""
        return [*self._training, *([] if self.robust is None else [self.robust])]

    @property
    def variables(self) -> dict[str, list[keras.Variable]]:
        """The variables of everything by the name of the metric."""
        metrics = {metric.name: metric for metric in (*self.means.values(), *self.all)}
        return {name: metric.variables for name, metric in metrics.items()}

    @property
    def _training(self) -> list[keras.metrics.Metric]:
        shown = [mean for name, mean in self.means.items() if name not in self.hidden]
        return [*shown, *self.chosen]

    def directions(self, validated: bool) -> dict[str, str]:
        """Returns "up" or "down" for each name that an epoch logs."""

        def way(metric: keras.metrics.Metric) -> str:
            return direction(metric.name, metric)

        found = {metric.name: way(metric) for metric in self._training}
        if validated:
            at_clean = [self.means["loss"], self.means["accuracy"], *self.chosen]
            at_clean += [] if self.robust is None else [self.robust]
            found |= {f"val_{metric.name}": way(metric) for metric in at_clean}
        return found

    def trained(
        self, label: tf.Tensor, found: Found | None, judged: Judged, fosc: tf.Tensor | None
    ) -> dict[str, tf.Tensor]:
        """Takes one training batch in and returns what everything has come to.

        Args:
            label: [batch] int32.
            found: what the attack found, or None without one.
            judged: what the objective says.
            fosc: [batch] float32, NaN where it was not measured; None without an attack.
        """
        self._update("loss", judged.loss)
        self._update("accuracy", is_right(judged.logits, label))
        for name in self.terms:
            self._update(name, judged.terms[name])
        if found is not None:
            self._update("gradients", found.num_gradients)
            if "frozen" in self.means and found.stopped is not None:
                self._update("frozen", found.stopped)
            if "fosc" not in self.hidden:
                known = tf.math.is_finite(fosc)
                weight = tf.cast(known, tf.float32)
                self.means["fosc"].update_state(tf.where(known, fosc, 0.0), sample_weight=weight)
        for metric in self.chosen:
            metric.update_state(label, judged.logits)
        return results(self._training)

    def judged(self, network: keras.Model, batch: Batch, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes one batch of an evaluation in and returns what that has come to.

        Args:
            network: maps images to logits.
            batch: clean images and their labels.
            logits: [batch, classes] float32, of these images.
        """
        right = is_right(logits, batch.label)
        self._update("loss", cross_entropy(logits, batch.label))
        self._update("accuracy", right)
        shown = [self.means["loss"], self.means["accuracy"], *self.chosen]
        for metric in self.chosen:
            metric.update_state(batch.label, logits)
        if self.robust is not None:
            self.robust.judge(network, batch.image, batch.label, right)
            shown.append(self.robust)
        return results(shown)

    def _update(self, name: str, values: tf.Tensor) -> None:
        self.means[name].update_state(values)


def results(metrics: Sequence[keras.metrics.Metric]) -> dict[str, Any]:
    """Returns what they have come to by name; a metric of several numbers names each itself."""
    found: dict[str, Any] = {}
    for metric in metrics:
        result = metric.result()
        found |= result if isinstance(result, dict) else {metric.name: result}
    return found
