"""Where the kept weights of a subnetwork stand: by channel, beside pruning at random.

found = patterns(subnetwork)["stage3_block2_conv1"]
found["outputs"], found["random_outputs"]      # kept weights of each channel, the fullest first
alignment(subnetwork, "stage3_block2_conv1", "stage3_block2_conv2")
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.models.masked import Masked
from fosc_tf.number import whole
from fosc_tf.subnetworks.masking import masked_layers


def patterns(
    network: keras.Model, *, simulations: int = 500, seed: int = 0
) -> dict[str, dict[str, np.ndarray]]:
    """Returns arrays by the name of each masked layer.

    * mask: [height, width, inputs, outputs] or [inputs, outputs], of 0 and 1.
    * inputs, outputs: kept weights of each channel, sorted, the fullest first.
    * random_inputs, random_outputs: the mean of the same of random prunings that keep as many.
    * empty_inputs, empty_outputs: share of channels without a kept weight, in [0, 1];
      random_empty_inputs and random_empty_outputs the mean of random prunings.

    Of a convolution in groups, inputs are those of one group.

    Source: Liu's thesis, section 5.1, its analysis of patterns.

    Args:
        network: masked.
        simulations: random prunings of each layer, at least 1.
        seed: decides them.

    Raises:
        UserError: it is not masked, or a number is out of range.
    """
    simulations = whole("simulations", simulations, least=1)
    random = np.random.default_rng(whole("seed", seed, least=0, below=2**63))
    return {layer.name: _pattern(layer, simulations, random) for layer in masked_layers(network)}


def alignment(network: keras.Model, first: str, second: str) -> dict[str, float]:
    """Returns how far the channels that one layer leaves empty are those that the next never reads.

    `empty` is the share of channels that `first` never writes, `unread` the share that `second`
    never reads, `both` the share of both; were they independent, it would be `chance`, and aligned
    altogether the smaller of the two.

    Args:
        network: masked.
        first: name of a masked layer.
        second: of one that reads as many channels as the first writes.

    Raises:
        UserError: other names or channels.
    """
    layers = {layer.name: layer for layer in masked_layers(network)}
    for name in (first, second):
        if name not in layers:
            raise unknown_name("masked layer", name, layers)
    empty = _by_channel(layers[first], -1) == 0
    unread = _by_channel(layers[second], -2) == 0
    if len(empty) != len(unread):
        raise UserError(
            "the second layer must read the channels that the first writes",
            "the two convolutions of a residual block",
            f"{first!r} with {len(empty)} outputs and {second!r} with {len(unread)} inputs",
        )
    return {
        "empty": float(empty.mean()),
        "unread": float(unread.mean()),
        "both": float((empty & unread).mean()),
        "chance": float(empty.mean() * unread.mean()),
    }


def _by_channel(layer: Masked, axis: int) -> np.ndarray:
    mask = np.asarray(layer.mask)
    others = tuple(each for each in range(mask.ndim) if each != mask.ndim + axis)
    return mask.sum(axis=others).astype(np.int64)


def _pattern(layer: Masked, simulations: int, random: np.random.Generator) -> dict[str, Any]:
    found = {"mask": np.asarray(layer.mask)}
    size = found["mask"].size
    for name, axis in (("inputs", -2), ("outputs", -1)):
        counts = _by_channel(layer, axis)
        # Of a random pruning the counts are drawn alone: the places within a channel do not matter.
        drawn = random.multivariate_hypergeometric(
            [size // len(counts)] * len(counts), layer.kept, simulations, method="marginals"
        )
        found[name] = np.sort(counts)[::-1]
        found[f"random_{name}"] = np.sort(drawn, axis=1)[:, ::-1].mean(axis=0)
        found[f"empty_{name}"] = np.mean(counts == 0)
        found[f"random_empty_{name}"] = np.mean(drawn == 0)
    return found
