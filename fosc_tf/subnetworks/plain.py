"""A network of masked or binary layers as one of Keras' own, its kernels those that are at work.

network = plain(subnetwork)      # the same logits, no scores
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.computed_kernel import ComputedKernel
from fosc_tf.subnetworks.replacing import again, cloned


def plain(network: keras.Model) -> keras.Model:
    """Returns the network with Dense and Conv2D for its masked or binary layers.

    Pruned weights are 0. Whatever was held is trainable again.

    Args:
        network: masked or of `binary_connect`, functional or sequential; it stays as it is.

    Raises:
        UserError: it is neither.
    """
    computed_layers(network)

    def copied(layer: Any) -> Any:
        return _of_keras(layer) if isinstance(layer, ComputedKernel) else again(layer)

    found, copies = cloned(network, copied)
    for layer, copy in copies:
        if isinstance(layer, ComputedKernel):
            bias = [np.asarray(layer.bias)] if layer.use_bias else []
            copy.set_weights([np.asarray(layer.kernel), *bias])
        elif layer.weights:
            copy.set_weights(layer.get_weights())
    return found


def computed_layers(network: keras.Model) -> list[ComputedKernel]:
    """Returns the masked or binary layers of a network, those of models within it too, in order.

    Raises:
        UserError: it has none.
    """
    found = [layer for layer in all_layers(network) if isinstance(layer, ComputedKernel)]
    if not found:
        raise UserError(
            "the network must be masked, or one of binary layers",
            "fosc_tf.subnetworks.masked(network) or fosc_tf.subnetworks.binary_connect(network)",
            f"{getattr(network, 'name', network)!r}, which has no such layer",
        )
    return found


def is_computed(network: Any) -> bool:
    """Returns whether some layer of a model is masked or binary."""
    return isinstance(network, keras.Model) and any(
        isinstance(layer, ComputedKernel) for layer in all_layers(network)
    )


def _of_keras(layer: ComputedKernel) -> Any:
    config = layer.get_config()
    names = (*layer.form, "use_bias", "name", "dtype", "activation")
    return layer.plain_kind(**{name: config[name] for name in names})
