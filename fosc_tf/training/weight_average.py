"""A moving average of the weights beside them, with batch-norm statistics of its own.

defense = dataclasses.replace(defense, average=WeightAverage(decay=0.999))
trainer.defense.average.copy_to(network)      # after training
"""

from __future__ import annotations

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import inside
from fosc_tf.readable import one_line
from fosc_tf.replicas import put
from fosc_tf.schedules import Clock
from fosc_tf.schedules.clock import beginning
from fosc_tf.sections import between, epoch_of_run, rules

rules("average", decay=between(0, 1, "0.999"), from_epoch=epoch_of_run)


class WeightAverage:
    """a <- d * a + (1 - d) * w after each update, with d = min(decay, (1 + s) / (10 + s)).

    s counts the updates since `from_epoch`; before, a is w. All floating variables are averaged,
    the moving statistics of batch norms too: those of the weights themselves belong to other
    activations than the averaged network has.

    Source: the exponential moving average of Gowal et al. 2020, with the warm-up of TensorFlow's
    and of its reproductions. Departure: these copy the statistics of the weights.

    Args:
        decay: in [0, 1).
        from_epoch: 0-based epoch that the average begins with.
        clock: turns steps into epochs; needed for a later epoch than 0.

    Attributes:
        variables: the averages, one for each floating variable of the network; empty before
            `build`.

    Raises:
        UserError: a number out of its range, a later epoch without a clock.
    """

    def __init__(
        self, decay: float = 0.999, *, from_epoch: int = 0, clock: Clock | None = None
    ) -> None:
        self.decay = inside("decay", decay, "decay=0.999", below=1)
        self.from_epoch, self.clock = beginning(from_epoch, clock), clock
        self.variables: list[keras.Variable] = []

    def __repr__(self) -> str:
        """Returns one line with both numbers."""
        return one_line("WeightAverage", {"decay": self.decay, "from_epoch": self.from_epoch})

    def build(self, network: keras.Model) -> list[keras.Variable]:
        """Makes and returns the averages, equal to the network as it is."""
        if self.variables:
            raise UserError(
                "a weight average belongs to one training", "one of its own", "one in use"
            )
        self.variables = [
            keras.Variable(variable.numpy(), dtype=variable.dtype, trainable=False, name="average")
            for variable in _floating(network)
        ]
        return self.variables

    def update(self, network: keras.Model, step: tf.Tensor) -> None:
        """Moves the averages towards the network; `step` is that of the update just made."""
        first = self.clock.first_step(self.from_epoch) if self.from_epoch else 0
        since = tf.cast(step - first, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + since) / (10.0 + since))
        decay = tf.where(since < 0, 0.0, decay)
        for average, variable in zip(self.variables, _floating(network), strict=True):
            weight = tf.convert_to_tensor(variable)
            share = tf.cast(decay, weight.dtype)
            put(average, share * tf.convert_to_tensor(average) + (1 - share) * weight)

    def copy_to(self, network: keras.Model) -> None:
        """Writes the averages into a network of the same architecture."""
        for average, variable in zip(self.variables, _floating(network), strict=True):
            variable.assign(average)


def _floating(network: keras.Model) -> list[keras.Variable]:
    return [each for each in network.variables if tf.as_dtype(each.dtype).is_floating]
