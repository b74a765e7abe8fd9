"""Records how linear the network is around held-out images, epoch by epoch.

trainer.fit(dataset, callbacks=[InputGradients(network, batches, epsilon=8 / 255)])
"""

from __future__ import annotations

import io
import pathlib
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from fosc_tf import files
from fosc_tf.evaluation.linearity import linearity


class InputGradients(keras.callbacks.Callback):
    """Adds `gradient_alignment`, `gradient_norm` (mean) and `convergence_ratio` to an epoch's logs.

    See `evaluation.linearity`. A long tail of the norms and gradients that no longer point the same
    way come before and with catastrophic overfitting. Costs two gradients an image and epoch.

    Args:
        network: maps images to logits.
        batches: held-out (image, label) batches.
        epsilon: radius of the ball that neighbours are drawn from.
        norm: of the ball.
        seed: of the neighbours, the same in each epoch.
        folder: gets `epoch_0000.npy`, the norms [n] float32 of each epoch; None writes none.
        writer: TensorBoard summary writer of the histogram `gradient_norm_of_examples`, of their
            logarithms to base 10; None writes none.
    """

    adds: ClassVar[dict[str, str | None]] = {
        "gradient_alignment": "up",
        "gradient_norm": None,
        "convergence_ratio": None,
    }

    def __init__(
        self,
        network: keras.Model,
        batches: tf.data.Dataset,
        *,
        epsilon: float,
        norm: str = "linf",
        seed: int = 0,
        folder: pathlib.Path | None = None,
        writer: tf.summary.SummaryWriter | None = None,
    ) -> None:
        super().__init__()
        self.network, self.batches, self.folder, self.writer = network, batches, folder, writer
        self.of_ball = {"epsilon": epsilon, "norm": norm, "seed": seed}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures this epoch's network."""
        found = linearity(self.network, self.batches, **self.of_ball)
        if logs is not None:
            said = {
                "gradient_alignment": found.alignment,
                "gradient_norm": float(found.norms.mean()),
                "convergence_ratio": found.convergence_ratio(),
            }
            # A network that has no gradients has no number for them.
            logs |= {name: value for name, value in said.items() if np.isfinite(value)}
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            np.save(content := io.BytesIO(), found.norms)
            files.write(self.folder / f"epoch_{epoch:04d}.npy", content.getvalue())
        if self.writer is not None:
            known = found.norms[found.norms > 0]
            with self.writer.as_default(step=epoch + 1):
                tf.summary.histogram("gradient_norm_of_examples", np.log10(known))
