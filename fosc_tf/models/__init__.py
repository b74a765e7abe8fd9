"""Networks by name: Keras models from images in [0, 1] to logits.

    from fosc_tf import models
    network = models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)
    logits = network(image, training=False)      # [batch, 28, 28, 1] -> [batch, 10]

A new architecture is one file here: a function that a decorator files under its name, and its
import below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from fosc_tf.models import (  # noqa: F401  (importing an architecture registers it)
    cifar_cnn,
    digits_cnn,
    digits_mlp,
    mnist_cnn,
    preact_resnet18,
    resnet50,
    wide_resnet,
)
from fosc_tf.models.registry import models as _models

__all__ = ["get", "names"]


def get(
    name: str, *, input_shape: Sequence[int], num_classes: int, **arguments: Any
) -> keras.Model:
    """Builds the network called `name` with fresh weights.

    Every network takes `mean` and `std` (one number per channel, in pixel units [0, 1]; when given,
    the network standardises its own input) and `seed` (nothing else fixes the weights); those with
    batch normalisation take `batch_norm_momentum`. Each architecture's docstring has the rest.

    Args:
        name: one of `names()`.
        input_shape: (height, width, channels) of one image.
        num_classes: number of logits, at least 2.
        **arguments: the architecture's own.

    Returns:
        A functional model from float32 [batch, height, width, channels] in [0, 1] to float32
        logits [batch, num_classes], also under mixed precision.

    Raises:
        UserError: an unknown name or argument, or a value that the architecture cannot take.
    """
    return _models.get(name, input_shape=input_shape, num_classes=num_classes, **arguments)


def names() -> list[str]:
    """Returns the names of all networks, sorted."""
    return _models.names()
