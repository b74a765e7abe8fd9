"""Networks to be masked, small ones of every form."""

import keras
import numpy as np

from fosc_tf import models
from fosc_tf.subnetworks import masked

L = keras.layers


def residual():
    """A residual block within a model of its own, batch norms, a fused activation."""
    inner_image = keras.Input((4, 4, 6))
    x = L.Conv2D(6, 3, padding="same", use_bias=False, name="inner_conv")(inner_image)
    x = L.BatchNormalization(momentum=0.8, name="inner_bn")(x)
    inner = keras.Model(inner_image, L.Add()([x, inner_image]), name="block")
    image = keras.Input((8, 8, 1), name="image")
    x = L.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="stem")(image)
    x = L.GlobalAveragePooling2D()(inner(x))
    return keras.Model(image, L.Dense(10, name="logits")(x), name="residual")


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            L.Conv2D(4, 3, groups=1, dilation_rate=2, name="conv"),
            L.Flatten(),
            L.Dense(10, name="logits"),
        ]
    )


def digits(name="digits_mlp", **arguments):
    return models.get(name, input_shape=(8, 8, 1), num_classes=10, **arguments)


def small(**arguments):
    """A masked network of digits after a training step, its statistics off their start."""
    network = masked(residual(), **{"rate": 0.5, **arguments})
    network(images(), training=True)
    return network


def images(number=6, seed=0):
    return np.random.default_rng(seed).uniform(size=(number, 8, 8, 1)).astype(np.float32)
