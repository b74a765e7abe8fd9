"""A network that works with the signs of its weights: BinaryConnect.

binary = binary_connect(network)
trainer = fosc_tf.AdversarialTrainer(binary, defense)      # trains the weights behind the signs
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fosc_tf.models.binary_connect import BinaryConnectConv2D, BinaryConnectDense
from fosc_tf.number import flag
from fosc_tf.subnetworks.plain import is_computed, plain
from fosc_tf.subnetworks.replacing import (
    again,
    cloned,
    in_place_of,
    is_batch_norm,
    replaceable,
    with_last_batch_norm,
)

_KINDS = {keras.layers.Dense: BinaryConnectDense, keras.layers.Conv2D: BinaryConnectConv2D}


def binary_connect(network: keras.Model, last_batch_norm: bool = True) -> keras.Model:
    """Returns a network like `network` whose weights work by their signs alone.

    Each Dense and Conv2D layer becomes a `BinaryConnectDense` or `BinaryConnectConv2D` of the same
    name, whose trained weights begin as those of `network`, clipped to [-1, 1]. All weights count.
    Biases, affine parts and statistics are as in `masked` of random weights: the first two go, the
    last begin anew. Penalties on the old weights go; other layers are copied.

    Source: Courbariaux et al., BinaryConnect (NeurIPS 2015), algorithm 1, deterministic; as the
    baseline of Liu's thesis, Table 5.7, which has it with and without a last batch norm.
    Departures: no biases and affine parts, which the paper has, as the thesis compares networks
    of binary weights alone; learning rates of layers are not scaled by their initialization, as
    the paper's section 2.6 does.

    Args:
        network: built, functional or sequential, also with such models within; it stays as it is.
            A masked network is taken as `plain` has it.
        last_batch_norm: whether a batch norm without affine part stands on the logits, which are
            large without it: sums of whole numbers. There is never a second one.

    Raises:
        UserError: another network; a layer with weights of another kind.
    """
    last_batch_norm = flag("last_batch_norm", last_batch_norm)
    if is_computed(network):
        network = plain(network)
    chosen = {id(layer) for layer in replaceable(network)}

    def copied(layer: Any) -> Any:
        if id(layer) in chosen:
            return in_place_of(layer, _KINDS[type(layer)], {})
        return again(layer, affine=False)

    found, copies = cloned(network, copied)
    if last_batch_norm:
        found = with_last_batch_norm(found)
    for layer, copy in copies:
        if id(layer) in chosen:
            copy.values.assign(np.clip(np.asarray(layer.kernel), -1.0, 1.0))
        elif layer.weights and not is_batch_norm(copy):
            copy.set_weights(layer.get_weights())
    return found
