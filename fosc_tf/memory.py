"""What is remembered of each training example from epoch to epoch.

    memory = Memory(60000, {"perturbation": Spec((28, 28, 1)), "visits": Spec(dtype="int32")})
    batch.context | memory.read(batch)               # [batch, 28, 28, 1], [batch]
    memory.write(batch, {"perturbation": ..., "visits": ...})

Rows are found by the batch's `id`. What is an image is kept in a frame of its own and shown as
augmentation shows the image of this epoch: cropped and mirrored alike.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.data.augment import CropFlip
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.files import check_room
from fosc_tf.number import number, whole
from fosc_tf.readable import one_line
from fosc_tf.replicas import gather_over_replicas, put_rows
from fosc_tf.types import Batch

FRAMES = ("image", "canvas")
BEYOND = "ids must be those of the training examples"
DTYPES = ("bool", "float16", "bfloat16", "float32", "float64", "int8", "uint8", "int32", "int64")
_TAKEN = ("image", "label", "id", "crop", "flip", "position")


@dataclasses.dataclass(frozen=True)
class Spec:
    """One value of each example.

    Attributes:
        shape: of one example's value; of an image (height, width, channels) as the network takes
            it.
        dtype: it is kept in; "int8" takes a quarter of the bytes of "float32" and needs `span`.
        initial: the value before the first write.
        frame: None for what is no image; "image" keeps an image in its own frame, so that what a
            crop does not show of it stays as it was; "canvas" also keeps the padding around it.
        span: values from -span to span are kept in whole steps of span / 127.

    Raises:
        UserError: no shape or number, an unknown dtype or frame, an image of other axes, int8
            without a span.
    """

    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    initial: float = 0.0
    frame: str | None = None
    span: float | None = None

    def __post_init__(self) -> None:
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
        if self.frame and len(self.shape) != 3:
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


class Memory:
    """Values by example; a trainer tracks and checkpoints them, and no network has them.

    Args:
        num_examples: ids run from 0 to this number - 1.
        specs: what is kept, by name; pairs do as well.
        augment: how the pipeline augments, None where it does not.

    Attributes:
        variables: [num_examples, ...] each, by name.

    Raises:
        UserError: no number, no `Spec`, two values of one name, a name that batches have already,
            more than this machine holds.
    """

    def __init__(
        self,
        num_examples: int,
        specs: Mapping[str, Spec] | Sequence[tuple[str, Spec]],
        *,
        augment: CropFlip | None = None,
    ) -> None:
        self.num_examples = whole("num_examples", num_examples, least=1)
        pairs = _pairs(specs)
        self.augment = augment
        self.specs = {name: self._framed(spec) for name, spec in pairs}
        names = [name for name, _ in pairs]
        twice = [name for name in names if names.count(name) > 1 or name in _TAKEN]
        if twice:
            raise UserError(
                "each value of a memory has a name of its own, which no batch has already",
                "names other than " + ", ".join(sorted({*_TAKEN, *twice})),
                ", ".join(twice),
            )
        try:
            check_room(self.bytes())
        except ValueError as error:
            raise UserError(
                "a memory must fit into the memory of this machine",
                'smaller values, such as Spec(shape, "int8", span=8/255), or "float16"',
                str(error),
            ) from error
        self.variables = {name: self._variable(name, spec) for name, spec in self.specs.items()}

    def __repr__(self) -> str:
        """Returns one line: the examples, and each value's shape and dtype."""
        return one_line("Memory", {"num_examples": self.num_examples} | self.variables)

    def bytes(self) -> int:
        """Returns how many bytes the values take, on each replica and in each checkpoint."""
        return sum(
            self.num_examples * math.prod(spec.shape) * tf.as_dtype(spec.dtype).size
            if spec.span is None
            else self.num_examples * 4 * math.ceil(math.prod(spec.shape) / 4)
            for spec in self.specs.values()
        )

    def check(self, batch: Batch) -> None:
        """Raises `UserError` unless these examples can be remembered, called outside a graph."""
        if "id" not in batch.context:
            raise UserError(
                "a defense with a memory must know which example is which",
                'batches that are dicts with "image", "label" and "id"',
                f"batches with image, label{''.join(f', {name}' for name in batch.context)}",
            )
        least, most = (int(f(batch.context["id"])) for f in (tf.reduce_min, tf.reduce_max))
        if least < 0 or most >= self.num_examples:
            raise self._beyond(f"ids from {least} to {most}")

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Tells of ids without a row, which a graph finds, as of every mistake."""
        try:
            yield
        except tf.errors.InvalidArgumentError as error:
            if BEYOND not in error.message:
                raise
            raise self._beyond("other ids in a later batch") from error

    def _beyond(self, received: str) -> UserError:
        return UserError(
            BEYOND, f"0 to {self.num_examples - 1}, or a larger num_examples", received
        )

    def read(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns what is kept of these examples, [batch, ...] each, as their images are shown."""
        with tf.control_dependencies([self._known(batch.context["id"])]):
            places = tf.identity(batch.context["id"])
        found = {}
        for name, spec in self.specs.items():
            value = self._shown(spec, tf.gather(self.variables[name], places))
            if spec.frame and self.augment is not None:
                canvas = spec.frame == "canvas"
                value = self.augment.apply(value, batch.context, canvas=canvas)
            found[name] = value
        return found

    def write(self, batch: Batch, values: Mapping[str, tf.Tensor]) -> None:
        """Keeps `values`, [batch, ...] each by name, for these examples; others stay.

        Raises:
            UserError: a name that the memory does not have.
        """
        places = batch.context["id"]
        for name, value in values.items():
            if name not in self.specs:
                raise unknown_name("value of the memory", name, self.specs)
            spec, variable = self.specs[name], self.variables[name]
            if spec.frame and self.augment is not None:
                canvas = spec.frame == "canvas"
                shown = self.augment.invert(tf.ones_like(value), batch.context, canvas=canvas)
                value = self.augment.invert(value, batch.context, canvas=canvas)
                value = tf.where(shown > 0, value, self._shown(spec, tf.gather(variable, places)))
            kept = self._kept(spec, value)
            # Replicas can exchange few kinds of numbers.
            carried = tf.cast(kept, tf.float32 if kept.dtype.is_floating else tf.int32)
            kept = tf.cast(gather_over_replicas(carried), kept.dtype)
            put_rows(variable, gather_over_replicas(places), kept)

    def _framed(self, spec: Spec) -> Spec:
        """Returns the spec with the shape of its frame."""
        if spec.frame != "canvas" or self.augment is None:
            return spec
        height, width, channels = spec.shape
        margin = 2 * self.augment.pad
        return dataclasses.replace(spec, shape=(height + margin, width + margin, channels))

    def _variable(self, name: str, spec: Spec) -> keras.Variable:
        row = self._kept(spec, tf.fill([1, *spec.shape], spec.initial))
        return keras.Variable(
            keras.initializers.Constant(row[0].numpy()),
            shape=(self.num_examples, *row.shape[1:]),
            dtype=row.dtype.name,
            trainable=False,
            name=f"memory_{name}",
        )

    def _known(self, ids: tf.Tensor) -> tf.Operation | None:
        """Returns the operation that fails, as devices may not, on ids without a row."""
        inside = tf.reduce_all((ids >= 0) & (ids < self.num_examples))
        return tf.debugging.Assert(inside, [BEYOND, tf.reduce_min(ids), tf.reduce_max(ids)])

    @staticmethod
    def _kept(spec: Spec, value: tf.Tensor) -> tf.Tensor:
        """Returns values [n, ...] as they are kept; steps of a span four to a whole number.

        Workers cannot exchange single bytes.
        """
        if spec.span is None:
            return tf.cast(value, spec.dtype)
        steps = tf.round(tf.clip_by_value(value / spec.span, -1.0, 1.0) * 127.0)
        steps = tf.reshape(tf.cast(steps, tf.int8), [-1, math.prod(spec.shape)])
        steps = tf.pad(steps, [[0, 0], [0, -steps.shape[1] % 4]])
        return tf.bitcast(tf.reshape(steps, [-1, steps.shape[1] // 4, 4]), tf.int32)

    @staticmethod
    def _shown(spec: Spec, value: tf.Tensor) -> tf.Tensor:
        if spec.span is None:
            return tf.cast(value, tf.float32) if value.dtype.is_floating else value
        steps = tf.reshape(tf.bitcast(value, tf.int8), [-1, 4 * value.shape[1]])
        steps = steps[:, : math.prod(spec.shape)]
        return tf.reshape(tf.cast(steps, tf.float32), [-1, *spec.shape]) * (spec.span / 127.0)


def _pairs(specs: Any) -> list[tuple[str, Spec]]:
    """Returns names and specs, or raises `UserError` unless these were given."""
    given = specs.items() if isinstance(specs, Mapping) else specs
    pairs = list(given) if isinstance(given, Iterable) else []
    named = all(
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], Spec)
        for pair in pairs
    )
    if not (pairs and named):
        raise UserError(
            "a memory must know the values of each example by name",
            'Memory(60000, {"visits": Spec(dtype="int32")})',
            f"specs={specs!r}",
        )
    return pairs
