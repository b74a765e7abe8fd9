"""Records epoch by epoch how far the logits may move at most while the image moves.

trainer.fit(dataset, callbacks=[LipschitzBound(network)])
"""

from __future__ import annotations

from typing import Any, ClassVar

import keras

from fosc_tf.analysis.lipschitz import lipschitz_bound


class LipschitzBound(keras.callbacks.Callback):
    """Adds `lipschitz` to an epoch's logs: the product bound of `analysis.lipschitz_bound`, l2.

    Source: Liu 2022 (thesis), Figure 4.22, whose curves grow fastest on the hardest examples.

    Args:
        network: a functional or sequential Keras model, image to logits; its batch norms count with
            the statistics of the moment.

    Raises:
        UserError: a layer whose norm is not known, by its name; nothing has been trained yet.
    """

    adds: ClassVar[dict[str, str | None]] = {"lipschitz": None}

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        lipschitz_bound(network)  # refused before anything is trained
        self.network = network

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures this epoch's network."""
        if logs is not None:
            logs["lipschitz"] = lipschitz_bound(self.network).bound
