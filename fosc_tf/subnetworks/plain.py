"""A masked network as one of Keras' own layers, its kernels those that are at work.

network = plain(subnetwork)      # the same logits, no scores
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fosc_tf.models.masked import Masked, MaskedConv2D
from fosc_tf.subnetworks.masking import FORMS, masked_layers


def plain(network: keras.Model) -> keras.Model:
    """Returns the network with Dense and Conv2D for its masked layers, pruned weights 0.

    Args:
        network: masked, functional or sequential; it stays as it is.

    Raises:
        UserError: it is not masked.
    """
    masked_layers(network)
    copies: list[tuple[Any, Any]] = []

    def copied(layer: Any) -> Any:
        copy = _unmasked(layer) if isinstance(layer, Masked) else _again(layer)
        copies.append((layer, copy))
        return copy

    found = keras.models.clone_model(network, clone_function=copied, recursive=True)
    for layer, copy in copies:
        if isinstance(layer, Masked):
            copy.kernel.assign(np.asarray(layer.kernel))
        elif layer.weights:
            copy.set_weights(layer.get_weights())
    return found


def _unmasked(layer: Masked) -> Any:
    kind = keras.layers.Conv2D if isinstance(layer, MaskedConv2D) else keras.layers.Dense
    config = layer.get_config()
    alike = {name: config[name] for name in (*FORMS[type(layer)], "name", "dtype", "activation")}
    return kind(use_bias=False, **alike)


def _again(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())
