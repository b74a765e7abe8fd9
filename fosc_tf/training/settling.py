"""Gives a network the batch-norm statistics of its own activations.

trainer.defense.average.copy_to(network)
settle(network, trainer.defense, batches.take(100))
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks.attack import declared
from fosc_tf.models.all_layers import all_layers
from fosc_tf.types import Batch, Defense


def settle(
    network: keras.Model, defense: Defense, batches: Iterable[Any], *, seed: int = 0, step: int = 0
) -> None:
    """Sets the moving statistics of all batch norms to their means over `batches`.

    For weights that no training step has seen as they are, such as an average. Each batch is
    attacked as the defense attacks it, with the network in evaluation mode, and then answered as
    the objective has it, in training mode; nothing else of the network changes. An objective that
    answers more than once a batch, as TRADES does, gives each answer the same weight. Without an
    attack of its own (`free`, `yopo`) a defense is taken to train on clean images; certified
    ones have the statistics of clean images in all that they do.

    Source: the update of batch norms in stochastic weight averaging, Izmailov et al. 2018, with the
    images of the defense for clean ones.

    Args:
        network: its statistics are overwritten, those of the first batches by later ones.
        defense: whose images and objective it is.
        batches: training batches, as `fit` takes them; a network without batch norms takes none.
        seed: of the attack's random numbers.
        step: of the attack and the objective, batches trained on so far.
    """
    norms = [each for each in all_layers(network) if _is_norm(each)]
    if not norms:
        return
    statistics = {id(each) for norm in norms for each in (norm.moving_mean, norm.moving_variance)}
    others = [each for each in network.non_trainable_variables if id(each) not in statistics]
    before = [tf.identity(each) for each in others]
    momenta = [norm.momentum for norm in norms]
    answers = _Count(norms)
    attack = None if defense.attack is None or defense.trainer else declared(defense.attack)
    step = tf.constant(step, tf.int64)
    try:
        for data in batches:
            batch = Batch.of(data).cast()
            if defense.memory is not None:
                batch = batch._replace(context=batch.context | defense.memory.read(batch))
            if defense.proof is not None:
                answers.of(network)(batch.image, training=True)
                continue
            found = attack and attack(
                network, batch.image, batch.label, context=batch.context, seed=seed, step=step
            )
            defense.objective(answers.of(network), batch, found, step)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for variable, value in zip(others, before, strict=True):
            variable.assign(value)


class _Count:
    """Sets momenta so that after n answers the statistics are the mean of all n."""

    def __init__(self, norms: list[keras.layers.BatchNormalization]) -> None:
        self.norms, self.answers = norms, 0

    def of(self, network: keras.Model) -> Any:
        """Returns the network as an objective calls it."""

        def answered(image: tf.Tensor, training: bool = False) -> tf.Tensor:
            if training:
                for norm in self.norms:
                    norm.momentum = self.answers / (self.answers + 1)
                self.answers += 1
            return network(image, training=training)

        return answered


def _is_norm(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
