"""The network with one hidden layer on which polyhedral envelopes are trained.

network = models.get("fc1", input_shape=(28, 28, 1), num_classes=10, activation="tanh")
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.stack import stack


@register("fc1", batch_norm=False)
def fc1(make: Layers, x: keras.KerasTensor, *, activation: str = "relu") -> keras.KerasTensor:
    """A hidden layer of 1024, logits.

    Source: Liu, Towards Verifiable, Generalizable and Efficient Robust Deep Neural Networks
    (thesis, EPFL 2022), chapter 3, where it is FC1; the CNN beside it is `mnist_small`.
    Departure: Keras' initialisation (Glorot uniform), where the authors' code has PyTorch's.

    Args:
        activation: relu, sigmoid or tanh.
    """
    return stack(make, x, dense=(1024,), activation=activation)
