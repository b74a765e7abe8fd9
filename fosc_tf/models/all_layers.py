"""Every layer of a network, those within layers and classes of one's own too.

[layer.name for layer in all_layers(network)]
"""

from __future__ import annotations

import keras


def all_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Returns the network itself and all that it is made of."""
    # Keras' own name for it: of layers that are not models no public one lists what is inside.
    return list(network._flatten_layers())
