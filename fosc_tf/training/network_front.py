"""What a trainer does in the name of its network, so that habits of Keras do what they mean.

trainer.save("robust.keras")      # keras.models.load_model("robust.keras") is the network
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.training.assertions import asserted_image, check_shape, in_three_parts
from fosc_tf.training.call_arguments import check_arguments
from fosc_tf.training.containers import batches_of, image_shape
from fosc_tf.training.retracing import no_word_of_retracing
from fosc_tf.types import unpacked


class NetworkFront(keras.Model):
    """A Keras model in front of `network`, which alone is exported, attacked and restored.

    `save`, `export`, `get_layer`, `get_weights` and `set_weights` are those of the network. So
    `ModelCheckpoint("best.keras")` keeps networks that `keras.models.load_model` reads without this
    library, and `EarlyStopping(restore_best_weights=True)` puts the best weights of the network
    back and turns no clock back: schedules, random numbers, the optimizer, memories and averages
    are where training has come to, and a later `fit` goes on from there with those weights.

    `save_weights` and `load_weights` (and with them `BackupAndRestore`) hold the whole training:
    whoever loads such a file goes back to that moment, the clock too.
    """

    network: keras.Model

    def call(self, image: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the network's logits, [batch, num_classes]."""
        return self.network(image, training=training)

    def predict(self, x: Any, **arguments: Any) -> np.ndarray:
        """Returns logits [n, num_classes] of images, alone or with the labels and more.

        Takes what `fit` takes; labels are not looked at.

        Raises:
            UserError: images that do not fit the network, in whatever batch.
        """
        check_arguments(x, None, arguments)
        with in_three_parts(), no_word_of_retracing():
            return super().predict(self.checked(batches_of(x)), **arguments)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Returns the logits of one batch; a mistake in it is told as `predict` tells it."""
        with in_three_parts():
            return super().predict_on_batch(x)

    def checked(self, x: Any) -> Any:
        """Returns `x` if its images, where it tells their shape, fit the network.

        A graph that was traced for images of one shape may take those of others.
        """
        check_shape(image_shape(x), self.image_shape)
        return x

    def predict_step(self, data: Any) -> tf.Tensor:
        """Returns the logits of one batch."""
        data = unpacked(data)
        if isinstance(data, dict) and "image" not in data:
            raise UserError(
                'a dict of examples holds its images under "image"',
                'batches with "image"',
                f"a dict with {', '.join(data)}",
            )
        image = data["image"] if isinstance(data, dict) else data
        image = image[0] if isinstance(image, tuple | list) else image
        return self.network(asserted_image(image, self.image_shape), training=False)

    @property
    def image_shape(self) -> tuple[int | None, ...] | None:
        """Returns the (height, width, channels) of images; None of a class of its own."""
        taken = getattr(self.network, "input_shape", None)
        return None if taken is None else tuple(taken[1:])

    def num_classes(self, shape: Sequence[int | None] | None = None) -> int | None:
        """Returns the number of logits; of a class of its own for images of `shape`."""
        output = getattr(self.network, "output_shape", None)
        if output is None:
            if shape is None:
                built = (self.network.get_build_config() or {}).get("input_shape", ())
                if len(built) != 4:
                    raise UserError(
                        "metrics are looked at before training: the network must know its images",
                        "network(keras.Input((height, width, channels))) before compile",
                        f"{type(self.network).__name__}, which was never called",
                    )
                shape = built[1:]
            image = keras.KerasTensor((None, *shape))
            output = self.network.compute_output_spec(image, training=False).shape
        return output[-1]

    def save(self, filepath: str | os.PathLike, *args: Any, **arguments: Any) -> None:
        """Saves the network, as `keras.Model.save` does; no trainer is needed to load it."""
        self.network.save(filepath, *args, **arguments)

    def export(self, filepath: str | os.PathLike, *args: Any, **arguments: Any) -> None:
        """Exports the network as Keras does; see `fosc_tf.export.save` for one that is checked."""
        self.network.export(filepath, *args, **arguments)

    def get_weights(self) -> list[np.ndarray]:
        """Returns copies of the network's weights."""
        return self.network.get_weights()

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Sets the weights of the network, and nothing else of the training."""
        self.network.set_weights(weights)

    def load_weights(self, filepath: str | os.PathLike, *args: Any, **arguments: Any) -> None:
        """Goes back to the moment of `save_weights`; the optimizer too, once there is one."""
        optimizer = getattr(self, "optimizer", None)
        if optimizer is not None and not optimizer.built:  # Keras would skip it
            with self.distribute_strategy.scope():
                optimizer.build(self.network.trainable_variables)
        super().load_weights(filepath, *args, **arguments)

    def get_layer(self, name: str | None = None, index: int | None = None) -> keras.layers.Layer:
        """Returns a layer of the network."""
        return self.network.get_layer(name=name, index=index)
