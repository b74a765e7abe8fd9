"""Proves each epoch what it can of examples kept back from training, to choose the best one.

proof = HeldOutProof(network, batches, "ibp", epsilon=8 / 255)
trainer.fit(dataset, callbacks=[proof, EarlyStopping(monitor="held_out_verified")])
"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import tensorflow as tf

from fosc_tf import signs
from fosc_tf.evaluation.certified import certified, check_methods
from fosc_tf.number import whole


class HeldOutProof(keras.callbacks.Callback):
    """Adds `held_out_verified`, the share that is right and proved, to the epoch's logs.

    Args:
        network: maps images to logits.
        batches: held-out (image, label) batches, or a pair of arrays.
        method: of proof, such as "ibp" or "crown".
        epsilon: radius of the ball over pixels in [0, 1].
        norm: of the ball.
        every: epochs between measurements.

    Raises:
        UserError: an unknown method, `every` that is no whole number from 1 on; at the first epoch
            what `fosc_tf.evaluation.certified` refuses.
    """

    adds: ClassVar[dict[str, str]] = {"held_out_verified": "up"}

    def __init__(
        self,
        network: keras.Model,
        batches: tf.data.Dataset,
        method: str = "ibp",
        *,
        epsilon: float,
        norm: str = "linf",
        every: int = 1,
    ) -> None:
        super().__init__()
        check_methods((method,), norm)
        self.network, self.batches, self.method = network, batches, method
        self.ball = {"epsilon": epsilon, "norm": norm}
        self.every = whole("every", every, least=1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Proves when it is this epoch's turn."""
        if (epoch + 1) % self.every == 0:
            with signs.heard(None):
                rows = certified(self.network, self.batches, methods=(self.method,), **self.ball)
            logs["held_out_verified"] = rows[-1]["accuracy"]
