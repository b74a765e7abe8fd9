"""Random crop and flip as a value that draws, applies and inverts itself.

    augment = CropFlip(pad=4, flip=True)
    parameters = augment.draw(seed=(0, 1), batch_size=128)
    view = augment.apply(image, parameters)
    delta = augment.invert(delta_of_view, parameters)      # back in the image's own frame

Two frames: the image's own, [height, width], and the padded canvas, [height + 2 * pad,
width + 2 * pad], of which a crop is a window. Defenses that remember a perturbation between epochs
(ATTA, ATAS) keep it in one of the two and need both directions.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import tensorflow as tf

from fosc_tf.number import whole

Parameters = dict[str, tf.Tensor]


class Augmentation(Protocol):
    """What the pipeline asks of an augmentation; parameters are tensors of length batch."""

    def draw(self, seed: Any, batch_size: int) -> Parameters:
        """Returns the random parameters of one batch, a function of `seed` alone."""

    def apply(self, image: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        """Returns the view of `image` that `parameters` describe, same shape and dtype."""


@dataclasses.dataclass(frozen=True)
class CropFlip:
    """Zero-pads by `pad`, crops to the old size at a random place, mirrors every second image.

    The augmentation of He et al. 2015 (arXiv:1512.03385, section 4.2) for CIFAR-10.

    Args:
        pad: pixels added on every side, >= 0; 0 never crops.
        flip: whether to mirror left and right with probability 1/2.
    """

    pad: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        whole("pad", self.pad, least=0)

    def draw(self, seed: Any, batch_size: int) -> Parameters:
        """Draws where each crop lies and whether it is mirrored.

        Args:
            seed: two integers, or an integer tensor [2]; equal seeds give equal parameters.
            batch_size: the number of images of the GLOBAL batch.

        Returns:
            "crop": int32 [batch, 2], row and column of the crop's corner on the canvas, 0 to
            2 * pad; "flip": bool [batch], all False without `flip`.
        """
        # Philox by name: the default algorithm depends on the device.
        crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2, alg="philox"))
        crop = tf.random.stateless_uniform(
            [batch_size, 2], crop_seed, 0, 2 * self.pad + 1, tf.int32, alg="philox"
        )
        coin = tf.random.stateless_uniform([batch_size], flip_seed, 0, 2, tf.int32, alg="philox")
        return {"crop": crop, "flip": (coin == 1) & self.flip}

    def apply(self, image: tf.Tensor, parameters: Parameters, *, canvas: bool = False) -> tf.Tensor:
        """Crops, then mirrors.

        Args:
            image: [batch, height, width, channels], any dtype; with `canvas` it covers the padded
                canvas, [batch, height + 2 * pad, width + 2 * pad, channels].
            parameters: what `draw` returned.
            canvas: whether `image` covers the canvas and is not to be padded with zeros.

        Returns:
            [batch, height, width, channels] of the same dtype.
        """
        margin = 2 * self.pad if canvas else 0
        height, width = image.shape[1] - margin, image.shape[2] - margin
        corner = parameters["crop"] - (0 if canvas else self.pad)  # in the coordinates of image
        row = corner[:, :1] + tf.range(height)  # [batch, height]
        column = corner[:, 1:] + _mirror(tf.range(width)[None], parameters["flip"], width)
        return _take(image, row, column)

    def invert(
        self, image_like: tf.Tensor, parameters: Parameters, *, canvas: bool = False
    ) -> tf.Tensor:
        """Puts an array of the augmented frame back where its pixels came from.

        `invert(ones)` is therefore the mask of the pixels that the crop saw: a memory keeps its
        old value elsewhere.

        Args:
            image_like: [batch, height, width, channels] in the augmented frame, any dtype.
            parameters: what `draw` returned for the view.
            canvas: whether to return the padded canvas and not the image's own frame.

        Returns:
            [batch, height, width, channels], with `canvas` [batch, height + 2 * pad,
            width + 2 * pad, channels]; zeros where the crop did not reach.
        """
        height, width = image_like.shape[1], image_like.shape[2]
        margin = 2 * self.pad if canvas else 0
        corner = parameters["crop"] - (0 if canvas else self.pad)
        row = tf.range(height + margin) - corner[:, :1]  # [batch, height (+ 2 * pad)]
        column = tf.range(width + margin) - corner[:, 1:]
        return _take(image_like, row, _mirror(column, parameters["flip"], width))


def _mirror(column: tf.Tensor, flip: tf.Tensor, width: int) -> tf.Tensor:
    """Mirrors the columns [batch or 1, k] of the images that `flip` [batch] names."""
    return tf.where(flip[:, None], width - 1 - column, column)


def _take(image: tf.Tensor, row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
    """Reads image[b, row[b, i], column[b, j]] as [batch, i, j, channels]; zero outside."""
    # A border of one zero pixel stands for all places outside, so that no mask is needed.
    row = tf.clip_by_value(row, -1, image.shape[1]) + 1
    column = tf.clip_by_value(column, -1, image.shape[2]) + 1
    image = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
    image = tf.gather(image, row, axis=1, batch_dims=1)
    return tf.gather(image, column, axis=2, batch_dims=1)
