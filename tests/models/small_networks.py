"""Every architecture in a size that builds in a moment.

network = small("cifar_cnn", seed=1)
logits = network(images_for(network), training=False)
"""

import keras
import numpy as np

from fosc_tf import models

SMALL = {
    "mnist_cnn": {"input_shape": (8, 8, 1)},
    "mnist_small": {"input_shape": (8, 8, 1)},
    "cifar_cnn": {"input_shape": (8, 8, 3), "width": 0.1},
    "digits_cnn": {"input_shape": (8, 8, 1)},
    "digits_mlp": {"input_shape": (8, 8, 1)},
    "dm_small": {"input_shape": (8, 8, 1), "batch_norm": True},
    "table_f_a": {"input_shape": (8, 8, 1), "batch_norm": True},
    "lenet": {"input_shape": (8, 8, 1), "width": 2},
    "fc1": {"input_shape": (8, 8, 1)},
    "cnn7": {"input_shape": (8, 8, 3), "width": 2},
    "resnet34": {"input_shape": (8, 8, 3), "width": 0.1},
    "wide_resnet": {"input_shape": (8, 8, 3), "depth": 10, "width": 1},
}
# Their layers have one size: only the images can be small.
LARGE = {
    "preact_resnet18": {"input_shape": (8, 8, 3)},
    "resnet50": {"input_shape": (8, 8, 3)},
    "wide_resnet_34_10": {"input_shape": (8, 8, 3)},
    "dm_medium": {"input_shape": (8, 8, 1), "batch_norm": True},
    "dm_large": {"input_shape": (8, 8, 1), "batch_norm": True},
    **{
        f"table_f_{letter}": {"input_shape": (16, 16, 1), "batch_norm": True}
        for letter in "bcdefghij"
    },
}


def small(name, **arguments) -> keras.Model:
    """Builds the network called `name` for few pixels and 10 classes."""
    return models.get(name, **{"num_classes": 10, **(SMALL | LARGE)[name], **arguments})


def images_for(network, batch=4, seed=0) -> np.ndarray:
    """Draws uniform images for `network`: float32 [batch, h, w, c] in [0, 1]."""
    shape = (batch, *network.input_shape[1:])
    return np.random.default_rng(seed).uniform(size=shape).astype("float32")
