"""What weight updates are measured by: the weights that training began with.

start = Start(trainer.network, trainer.distribute_strategy)
start.distance()      # in the compiled step, a scalar
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.replicas import global_mean, sum_over_replicas
from fosc_tf.terms import is_right
from fosc_tf.types import Batch, Judged


class Start:
    """Holds a copy of the trainable weights, on each replica; no checkpoint has it.

    Args:
        network: whose weights move.
        strategy: of the replicas that train it.
        weights: where they began, one array for each trainable variable; None is where they are.
    """

    def __init__(
        self,
        network: keras.Model,
        strategy: tf.distribute.Strategy,
        weights: Sequence[np.ndarray] | None = None,
    ) -> None:
        self._variables = list(network.trainable_variables)
        weights = [np.array(each) for each in self._variables] if weights is None else weights
        with strategy.scope():
            self._values = [tf.Variable(each, trainable=False) for each in weights]

    def distance(self) -> tf.Tensor:
        """Returns the l2 distance of all trainable weights from here, a float32 scalar."""
        pairs = zip(self._variables, self._values, strict=True)
        return tf.linalg.global_norm(
            [
                tf.cast(tf.convert_to_tensor(now), tf.float32) - tf.cast(before, tf.float32)
                for now, before in pairs
            ]
        )


def gradient_norm(
    shares: Sequence[tf.Tensor | None], optimizer: keras.optimizers.Optimizer
) -> tf.Tensor:
    """Returns the l2 norm of the whole gradient that the replicas' `shares` add up to, a scalar.

    As the optimizer scales losses is undone; it may clip gradients later.
    """
    whole = [each for each in sum_over_replicas(list(shares)) if each is not None]
    whole = [tf.cast(tf.convert_to_tensor(each), tf.float32) for each in whole]
    return tf.linalg.global_norm(whole) / optimizer.scale_loss(tf.ones([]))


def training_error(batch: Batch, judged: Judged) -> tf.Tensor:
    """Returns the share of the global batch that is wrong at the images trained on, a scalar."""
    wrong = ~is_right(judged.logits, batch.label)
    return global_mean(tf.cast(wrong, tf.float32))
