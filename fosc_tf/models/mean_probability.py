"""Several networks as one, whose probabilities are the mean of theirs.

network = ensemble([first, second, third])
logits = network(image, training=False)      # log mean softmax, [batch, classes]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from fosc_tf.errors import UserError


@keras.saving.register_keras_serializable(package="fosc_tf")
class LogMeanProbability(keras.layers.Layer):
    """Takes several logits [batch, classes] to the logarithms of their mean probabilities."""

    def call(self, inputs: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        """Returns [batch, classes] float32, whose softmax is the mean of theirs.

        A sum of probabilities would be rounded to 0 where all networks are sure, and with it the
        gradient that an attack climbs.
        """
        of_each = keras.ops.stack(
            [keras.ops.log_softmax(keras.ops.cast(each, "float32")) for each in inputs]
        )
        return keras.ops.logsumexp(of_each, axis=0) - math.log(len(inputs))

    def compute_output_shape(self, input_shape: Sequence[tuple]) -> tuple:
        """Returns the shape of one of them."""
        return tuple(input_shape[0])


def ensemble(networks: Sequence[keras.Model]) -> keras.Model:
    """Returns one network of several, which shares their weights.

    To be evaluated, attacked and exported as any other. Its logits are normalised: their softmax is
    the mean of the members'.

    Args:
        networks: at least one, of the same images to logits of the same classes.

    Raises:
        UserError: none, or networks of other images or classes.
    """
    shapes = [(tuple(each.input_shape[1:]), each.output_shape[-1]) for each in networks]
    if len(set(shapes)) != 1:
        raise UserError(
            "networks that decide together classify the same images",
            "several networks with one input and output shape",
            ", ".join(f"images {list(shape)}, {classes} classes" for shape, classes in shapes)
            or "no network",
        )
    image = keras.Input(shapes[0][0], name="image")
    # One architecture gives all its networks the same name, which a model of layers refuses.
    members = [
        keras.Model(network.inputs, network.outputs[0], name=f"member_{number}")
        for number, network in enumerate(networks)
    ]
    logits = LogMeanProbability(name="logits")([member(image) for member in members])
    return keras.Model(image, logits, name="ensemble")
