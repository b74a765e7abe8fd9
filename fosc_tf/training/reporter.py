"""What a trainer reports of each epoch and each evaluation, and the metrics of `compile`.

trainer.compile("sgd", metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=3)])
trainer.evaluate(dataset, return_dict=True)      # loss, accuracy and the metrics at clean images
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.training.assertions import asserted, in_three_parts
from fosc_tf.training.call_arguments import check_arguments
from fosc_tf.training.chosen_metrics import chosen_metrics
from fosc_tf.training.containers import batches_of
from fosc_tf.training.measures import Measures, results
from fosc_tf.training.network_front import NetworkFront
from fosc_tf.training.optimizer import made, scaled
from fosc_tf.training.reduction import keras_logs
from fosc_tf.training.refusals import refuse_losses, refuse_uncompiled
from fosc_tf.training.retracing import no_word_of_retracing
from fosc_tf.training.robust_accuracy import NAME
from fosc_tf.types import Batch, Defense


class Reporter(NetworkFront):
    """The half of a trainer that trains nothing."""

    defense: Defense
    _measures: Measures

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, reset by Keras as each epoch begins; `fosc` only if measured."""
        return self._measures.all

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **arguments: Any,
    ) -> None:
        """Takes an optimizer and metrics, and what else `keras.Model.compile` takes.

        Args:
            optimizer: one of Keras, or its name.
            loss: None: what the weights descend is the objective of the defense.
            loss_weights: None, as `loss`.
            metrics: names, functions or metrics of labels [batch] and logits [batch, classes]; see
                `chosen_metrics`.
            weighted_metrics: None: every example counts alike.
            **arguments: `run_eagerly`, `jit_compile`, `steps_per_execution`, `auto_scale_loss`.

        Raises:
            UserError: a loss, weights, an optimizer or metrics that do not fit.
        """
        refuse_losses(loss, loss_weights, weighted_metrics)
        taken = {*self._measures.means, NAME, *self.defense.schedules}
        with self.distribute_strategy.scope():
            chosen = []
            if metrics:
                chosen = chosen_metrics(metrics, taken, self.num_classes())
            optimizer = made(optimizer)
            if arguments.get("auto_scale_loss", True):
                optimizer = scaled(optimizer, self.network)
            super().compile(optimizer, **arguments)
        self._measures.chosen = chosen

    def evaluate(self, x: Any = None, y: Any = None, **arguments: Any) -> Any:
        """Returns loss and accuracy at clean images, as Keras does, and the metrics of `compile`.

        With a `validation_attack` also `robust_accuracy`, so that an evaluation after training and
        a validation within it tell the same. Takes what `fit` takes.

        Raises:
            UserError: images or labels that do not fit the network, in whatever batch.
        """
        refuse_uncompiled(self)
        check_arguments(x, y, arguments)
        with in_three_parts(), no_word_of_retracing():
            return super().evaluate(self.checked(batches_of(x, y)), y, **arguments)

    def train_on_batch(self, *args: Any, **arguments: Any) -> Any:
        """Trains on one batch, as Keras does; a mistake in it is told as `fit` tells it."""
        with in_three_parts():
            return super().train_on_batch(*args, **arguments)

    def test_on_batch(self, *args: Any, **arguments: Any) -> Any:
        """Evaluates one batch, as Keras does; a mistake in it is told as `evaluate` tells it."""
        with in_three_parts():
            return super().test_on_batch(*args, **arguments)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Returns loss and accuracy at the clean images, the metrics, and the robust accuracy."""
        batch = self._asserted(data)
        logits = tf.cast(self.network(batch.image, training=False), tf.float32)
        return keras_logs(self._measures.judged(self.network, batch, logits))

    def _asserted(self, data: Any) -> Batch:
        batch = Batch.of(data)
        classes = self.num_classes(batch.image.shape[1:])
        return asserted(batch, classes, self.image_shape)

    def _get_metrics_result_or_logs(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Returns the logs of an epoch, its means over all replicas.

        Keras would take those of the last step where more is logged than means: the mean of the
        replicas' means, though one of them may have measured more examples than another.
        """
        found = results(self._measures.all)
        return {**logs, **{name: value for name, value in found.items() if name in logs}}
