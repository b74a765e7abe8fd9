"""What a subnetwork costs: kept weights, bits, bytes and operations, layer by layer.

for row in sizes(subnetwork): print(row["layer"], row["kept"], row["forward"])
"""

from __future__ import annotations

import math
from typing import Any

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.computed_kernel import ComputedKernel
from fosc_tf.subnetworks.packing import encoded, encoded_layer
from fosc_tf.subnetworks.plain import computed_layers, plain


def operations(kept: int, weights: int, positions: int, filters: int) -> dict[str, int]:
    """Returns the operations of one image in a convolution, its batch norm and its ReLU.

    Of weights of many values, and, by the names that end so, of binary ones, which need no product:

    * forward: 2 p m + 11 p f in training, binary p m + 11 p f;
    * evaluation: 2 p m + 4 p f, binary p m + 4 p f;
    * backward: 4 p m + 4 p f + n, binary 3 p m + 4 p f.

    Source: Liu's thesis, section 5.1, with m = (1 - r) c^2 r_in r_out, n = c^2 r_in r_out, p = s^2.

    Args:
        kept: m, weights that count.
        weights: n, all of them.
        positions: p, pixels of the output; 1 of a dense layer.
        filters: f of the output.
    """
    products, values = positions * kept, positions * filters
    return {
        "forward": 2 * products + 11 * values,
        "forward_binary": products + 11 * values,
        "evaluation": 2 * products + 4 * values,
        "evaluation_binary": products + 4 * values,
        "backward": 4 * products + 4 * values + weights,
        "backward_binary": 3 * products + 4 * values,
    }


def sizes(network: keras.Model) -> list[dict[str, Any]]:
    """Returns a row for each masked or binary layer and one called "total".

    A row has `layer`, `weights`, `kept`, `weight_bits` and `mask_bits` of the packed file, and the
    operations of one image by the names of `operations`, which count no bias. The total also has
    `file_bytes`, header, biases and batch norms included, and `dense_bytes`, those of all weights,
    kept or not, and of the statistics in float32. A layer that is called several times is counted
    once.

    The thesis says that binary weights save its ResNet-34 about 45 % of the operations of training
    and 32 % of those of inference, at a rate of 0.99. That does not follow from its formulas, by
    which they save 41.9 % of forward and backward together, 33.7 % of forward alone and 42.5 % of
    an evaluation.

    Args:
        network: masked or of `binary_connect`, of images of known size.

    Raises:
        UserError: it is neither, or an image may have any size.
    """
    rows = []
    for layer in computed_layers(network):
        facts, (_, weights) = encoded_layer(layer)
        rows.append(
            {
                "layer": layer.name,
                "weights": math.prod(layer.values.shape),
                "kept": layer.kept,
                "weight_bits": 8 * len(weights),
                "mask_bits": 8 * facts["mask_bytes"],
                **_operations(layer),
            }
        )
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "layer"}
    count = sum(math.prod(each.shape) for each in plain(network).variables)
    of_files = {"file_bytes": len(encoded(network)), "dense_bytes": 4 * count}
    return [*rows, {"layer": "total", **total, **of_files}]


def _operations(layer: ComputedKernel) -> dict[str, int]:
    _, *map_shape, filters = layer.output.shape
    if None in map_shape:
        raise UserError(
            "operations are counted of images of known size",
            "keras.Input((32, 32, 3))",
            f"layer {layer.name!r} with outputs of shape {layer.output.shape}",
        )
    weights = math.prod(layer.values.shape)
    return operations(layer.kept, weights, math.prod(map_shape), filters)
