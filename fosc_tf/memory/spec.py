"""How one value of each example is kept, and what is lost of it on the way.

spec = Spec((28, 28, 1), "int8", span=0.3)
kept = spec.encode(value)                # [batch, 196] int32 for [batch, 28, 28, 1] float32
spec.decode(kept)                        # value, to 0.3 / 254
"""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import number, whole

FRAMES = ("image", "canvas")
DTYPES = ("bool", "float16", "bfloat16", "float32", "float64", "int8", "uint8", "int32", "int64")


@dataclasses.dataclass(frozen=True)
class Spec:
    """One value of each example.

    Attributes:
        shape: of one example's value; of an image (height, width, channels) as the network takes
            it, None for that of the images trained on.
        dtype: it is kept in; "int8" takes a quarter of the bytes of "float32" and needs `span`.
        initial: the value before the first write.
        frame: None for what is no image; "image" keeps an image in its own frame, so that what a
            crop does not show of it stays as it was; "canvas" also keeps the padding around it.
        span: values from -span to span are kept in whole steps of span / 127.
        shrink: side of the squares of pixels of which only the mean is kept, and shown for each of
            them; 1 keeps every pixel. Squares at the lower and right border may be cut.

    Raises:
        UserError: no shape or number, an unknown dtype or frame, an image of other axes, int8
            without a span, squares of what is no image.
    """

    shape: tuple[int, ...] | None = ()
    dtype: str = "float32"
    initial: float = 0.0
    frame: str | None = None
    span: float | None = None
    shrink: int = 1

    def __post_init__(self) -> None:
        if self.shape is not None:
            sides = self.shape if isinstance(self.shape, tuple | list) else (self.shape,)
            if not all(isinstance(side, int) and side > 0 for side in sides):
                raise UserError(
                    "shape is that of one example's value, whole numbers above 0",
                    "shape=(28, 28, 1), or () for a number",
                    f"shape={self.shape!r}",
                )
            object.__setattr__(self, "shape", tuple(sides))
        if self.dtype not in DTYPES:
            raise unknown_name("dtype of a memory", self.dtype, DTYPES)
        number("initial", self.initial, "initial=0.0")
        if self.frame not in (None, *FRAMES):
            raise unknown_name("frame", self.frame, FRAMES)
        if self.frame and self.shape is not None and len(self.shape) != 3:
            raise UserError(
                "what has a frame is an image", "shape=(28, 28, 1)", f"shape={self.shape}"
            )
        if (self.span is None) == (self.dtype == "int8"):
            raise UserError(
                "int8, and nothing else, is kept in steps of a span",
                'Spec(shape, dtype="int8", span=8/255)',
                f"dtype={self.dtype!r} with span={self.span}",
            )
        if self.span is not None and not number("span", self.span, "span=8/255") > 0:
            raise UserError("span must be positive", "span=8/255", f"span={self.span}")
        if whole("shrink", self.shrink, least=1) > 1 and not (
            self.frame and tf.as_dtype(self.dtype).is_floating | (self.span is not None)
        ):
            raise UserError(
                "means of squares are kept of images with a frame, as fractions",
                'Spec(None, "float16", frame="canvas", shrink=2)',
                f"dtype={self.dtype!r}, frame={self.frame!r}, shrink={self.shrink}",
            )

    @property
    def kept_shape(self) -> tuple[int, ...]:
        """The shape of one example's value as it is kept."""
        if self.shrink == 1:
            return self.shape
        height, width, channels = self.shape
        return (-(-height // self.shrink), -(-width // self.shrink), channels)

    def bytes(self) -> int:
        """Returns how many bytes the value of one example takes."""
        entries = math.prod(self.kept_shape)
        return entries * tf.as_dtype(self.dtype).size if self.span is None else -(-entries // 4) * 4

    def encode(self, value: tf.Tensor) -> tf.Tensor:
        """Returns values [n, ...] as they are kept; steps of a span four to a whole number.

        Workers cannot exchange single bytes.
        """
        if self.shrink > 1:
            value = _means_of_squares(value, self.shrink)
        if self.span is None:
            return tf.cast(value, self.dtype)
        steps = tf.round(tf.clip_by_value(value / self.span, -1.0, 1.0) * 127.0)
        steps = tf.reshape(tf.cast(steps, tf.int8), [-1, math.prod(self.kept_shape)])
        steps = tf.pad(steps, [[0, 0], [0, -steps.shape[1] % 4]])
        return tf.bitcast(tf.reshape(steps, [-1, steps.shape[1] // 4, 4]), tf.int32)

    def decode(self, kept: tf.Tensor) -> tf.Tensor:
        """Returns the values [n, ...], fractions in float32, of what `encode` gave."""
        if self.span is None:
            found = tf.cast(kept, tf.float32) if kept.dtype.is_floating else kept
        else:
            steps = tf.reshape(tf.bitcast(kept, tf.int8), [-1, 4 * kept.shape[1]])
            steps = steps[:, : math.prod(self.kept_shape)]
            steps = tf.reshape(tf.cast(steps, tf.float32), [-1, *self.kept_shape])
            found = steps * (self.span / 127.0)
        if self.shrink > 1:
            height, width, _ = self.shape
            found = tf.repeat(tf.repeat(found, self.shrink, axis=1), self.shrink, axis=2)
            found = found[:, :height, :width]
        return found


def _means_of_squares(value: tf.Tensor, side: int) -> tf.Tensor:
    """Returns the means over squares of pixels, of those there are where the border cuts one."""
    # "SAME" pooling would cut the squares at the upper left too.
    margins = [[0, 0], *([0, -length % side] for length in value.shape[1:3]), [0, 0]]
    there = tf.pad(tf.ones([1, *value.shape[1:3], 1]), margins)
    sums, shares = (
        tf.nn.avg_pool2d(each, side, side, "VALID") for each in (tf.pad(value, margins), there)
    )
    return sums / shares
