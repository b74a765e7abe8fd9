"""Weights drawn so that intervals keep their width from layer to layer.

initialize(network, seed=0)
"""

from __future__ import annotations

import math

import keras
import numpy as np

from fosc_tf.models.all_layers import all_layers
from fosc_tf.number import whole


def initialize(network: keras.Model, *, seed: int = 0) -> None:
    """Draws all kernels of Dense and Conv2D layers anew, and the biases of the last one.

    Kernels are normal with deviation sqrt(2 pi) / fan_in, at which the mean width of a box neither
    grows nor shrinks through a layer and a ReLU. Those of the last layer, and its biases, are
    uniform in +- 1 / sqrt(fan_in); other biases are 0.

    Source: Shi et al. 2021, section 4.1; the last layer as in their code, where it has PyTorch's.
    Departures: that code leaves PyTorch's uniform biases in all layers; here they are 0.

    Args:
        network: built; its layers are asked in the order in which they are listed.
        seed: decides all draws.
    """
    random = np.random.default_rng(whole("seed", seed, least=0, below=2**63))
    kinds = (keras.layers.Dense, keras.layers.Conv2D)
    layers = [layer for layer in all_layers(network) if isinstance(layer, kinds)]
    for layer in layers:
        shape = tuple(layer.kernel.shape)
        fan_in = math.prod(shape[:-1])
        if layer is not layers[-1]:
            layer.kernel.assign(random.normal(0.0, math.sqrt(2.0 * math.pi) / fan_in, shape))
            if layer.use_bias:
                layer.bias.assign(np.zeros(layer.bias.shape))
            continue
        most = 1.0 / math.sqrt(fan_in)
        layer.kernel.assign(random.uniform(-most, most, shape))
        if layer.use_bias:
            layer.bias.assign(random.uniform(-most, most, layer.bias.shape))
