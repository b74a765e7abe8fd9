"""What a network must be to leave this project: its images are known, its logits are alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers


def image_shape(network: Any, given: Sequence[int | None] | None = None) -> tuple[int | None, ...]:
    """Returns (None, h, w, c), what a network takes.

    Args:
        network: a built Keras model of images.
        given: (height, width, channels), of a class of its own that was never called.

    Raises:
        UserError: it is none, or does not know its images.
    """
    taken: Any = ()
    if given is not None and (not isinstance(given, list | tuple) or len(given) != 3):
        raise UserError(
            "input_shape must be (height, width, channels)",
            "input_shape=(32, 32, 3)",
            f"input_shape={given!r}",
        )
    if isinstance(network, keras.Model) and given is not None:
        network(keras.Input(tuple(given)))  # where it was never called
        taken = (None, *given)
    elif isinstance(network, keras.Model):
        # A class of its own knows no more than what it was built or called with.
        built = (network.get_build_config() or {}).get("input_shape", ())
        taken = getattr(network, "input_shape", None) or built
    shape = tuple(taken) if isinstance(taken, list | tuple) else ()
    if len(shape) != 4 or not all(isinstance(side, int | None) for side in shape):
        raise UserError(
            "only a built Keras model of images can be exported",
            "save(network, path), and for a trainer save(trainer.network, path); a network that "
            "does not know its images takes input_shape=(height, width, channels)",
            f"{type(network).__name__} of inputs {taken or 'unknown'}",
        )
    return (None, *shape[1:])


def of_one_output(network: keras.Model, shape: tuple[int | None, ...]) -> keras.Model:
    """Returns the network that gives what is the only entry of a dict, or `network` itself.

    Several entries are refused where logits are asked for.
    """
    if getattr(network, "inputs", None):
        # A Sequential that was never called does not know it; it has one output in any case.
        image, output = network.inputs[0], getattr(network, "output", None)
    else:  # a class of its own, of whose outputs Keras knows no names
        image = keras.Input(shape[1:])
        output = network(image, training=False)
    entries = list(output.values()) if isinstance(output, dict) else output
    one = isinstance(entries, list | tuple) and len(entries) == 1
    return keras.Model(image, entries[0], name=network.name) if one else network


def foreign_variables(network: keras.Model) -> str:
    """Returns where variables of TensorFlow are, as a sentence needs them."""
    found = [
        f"the tf.Variable {name} of the layer {layer.name}"
        for layer in all_layers(network)
        for name, value in vars(layer).items()
        if isinstance(value, tf.Variable)
    ]
    return ", ".join(found) or "a tf.Variable in no attribute of a layer"
