"""What is remembered of each training example from epoch to epoch.

    memory = Memory(60000, {"perturbation": Spec(None), "visits": Spec(dtype="int32")})
    memory.see((28, 28, 1))                          # the shape of an image; a trainer tells it
    batch.context | memory.read(batch)               # [batch, 28, 28, 1], [batch]
    memory.write(batch, {"perturbation": ..., "visits": ...})

Rows are found by the batch's `id`. What is an image is kept in a frame of its own and shown as
augmentation shows the image of this epoch: cropped and mirrored alike.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.data.augment import CropFlip
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.files import check_room
from fosc_tf.memory.spec import Spec
from fosc_tf.number import whole
from fosc_tf.replicas import gather_over_replicas, num_replicas, put_rows, rows_of
from fosc_tf.types import Batch

ANEW = "anew"
BEYOND = "ids must be those of the training examples"
_TAKEN = ("image", "label", "id", "crop", "flip", "position", ANEW)


class Memory:
    """Values by example; a trainer tracks and checkpoints them, and no network has them.

    Args:
        num_examples: ids run from 0 to this number - 1.
        specs: what is kept, by name; pairs do as well.
        augment: how the pipeline augments, None where it does not.

    Raises:
        UserError: no number, no `Spec`, two values of one name, a name that batches have already,
            more than this machine holds, an augmentation that cannot be undone where something has
            a frame.
    """

    def __init__(
        self,
        num_examples: int | None,
        specs: Mapping[str, Spec] | Sequence[tuple[str, Spec]],
        *,
        augment: CropFlip | None = None,
    ) -> None:
        if num_examples is None:
            raise UserError(
                "a defense with a memory must know how many examples there are",
                "num_examples=60000, with batches that are dicts with image, label and id",
                "num_examples=None",
            )
        self.num_examples = whole("num_examples", num_examples, least=1)
        pairs = _pairs(specs)
        self.augment = augment
        names = [name for name, _ in pairs]
        twice = [name for name in names if names.count(name) > 1 or name in _TAKEN]
        if twice:
            raise UserError(
                "each value of a memory has a name of its own, which no batch has already",
                "names other than " + ", ".join(sorted({*_TAKEN, *twice})),
                ", ".join(twice),
            )
        self.specs = {name: self._framed(spec) for name, spec in pairs}
        framed = any(spec.frame for spec in self.specs.values())
        if framed and augment is not None and not hasattr(augment, "invert"):
            raise UserError(
                "what is remembered of an image must find its way back through the augmentation",
                "CropFlip(), or an augmentation with the same `invert`",
                f"augment={augment!r}",
            )
        if all(spec.shape is not None for spec in self.specs.values()):
            self._check_room(1)

    def __repr__(self) -> str:
        """Returns one line: the examples, and each value's shape and dtype."""
        said = {}
        for name, spec in self.specs.items():
            shape = ["height", "width", "channels"] if spec.shape is None else spec.kept_shape
            said[name] = f"[{', '.join(map(str, [self.num_examples, *shape]))}] {spec.dtype}"
        parts = {"num_examples": self.num_examples, **said}
        return f"Memory({', '.join(f'{name}={value}' for name, value in parts.items())})"

    def see(self, image_shape: tuple[int, ...]) -> None:
        """Takes the shape of the images trained on for whatever is kept in it."""
        self.specs = {
            name: self._framed(dataclasses.replace(spec, shape=tuple(image_shape)))
            if spec.shape is None
            else spec
            for name, spec in self.specs.items()
        }

    def bytes(self) -> int:
        """Returns how many bytes the values take, on each replica and in each checkpoint."""
        return self.num_examples * sum(spec.bytes() for spec in self._shaped().values())

    @functools.cached_property
    def variables(self) -> dict[str, keras.Variable]:
        """The values, [num_examples, ...] each, by name; made when they are first asked for.

        Raises:
            UserError: images whose shape nobody has told; more bytes than are free.
        """
        specs = self._shaped()
        self._check_room(num_replicas())
        return {name: self._variable(name, spec) for name, spec in specs.items()}

    def _check_room(self, replicas: int) -> None:
        try:
            check_room(self.bytes() * replicas)
        except ValueError as error:
            examples = f"{self.num_examples:,} examples"
            examples += f" on each of {replicas} replicas" if replicas > 1 else ""
            raise UserError(
                "what is remembered of all examples must fit into the memory of this machine",
                'fewer examples, a smaller dtype ("float16", or "int8" with a span), or squares of '
                "pixels of which the mean is kept",
                f"{examples}, {error}",
            ) from error

    def check(self, batch: Batch) -> None:
        """Raises `UserError` unless these examples can be remembered, called outside a graph."""
        if "id" not in batch.context:
            raise UserError(
                "a defense with a memory must know which example is which",
                'batches that are dicts with "image", "label" and "id"',
                f"batches with image, label{''.join(f', {name}' for name in batch.context)}",
            )
        drawn = set() if self.augment is None else set(self.augment.draw((0, 0), 1))
        if any(spec.frame for spec in self.specs.values()) and drawn - set(batch.context):
            raise UserError(
                "a memory of augmented images must know how each was augmented",
                f"batches that also tell {', '.join(sorted(drawn))}, or a defense without augment",
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
        for name, variable in self.variables.items():
            spec = self.specs[name]
            value = spec.decode(rows_of(variable, places))
            if spec.frame and self.augment is not None:
                canvas = spec.frame == "canvas"
                value = self.augment.apply(value, batch.context, canvas=canvas)
            found[name] = value
        return found

    def write(self, batch: Batch, values: Mapping[str, tf.Tensor]) -> None:
        """Keeps `values`, [batch, ...] each by name, for these examples; others stay.

        Of an image that is kept in a frame, the pixels that this view does not show stay as well,
        but for examples that `values` calls `anew`, [batch] bool: they have `initial` there.

        Raises:
            UserError: a name that the memory does not have.
        """
        places = batch.context["id"]
        anew = values.get(ANEW)
        for name, value in values.items():
            if name == ANEW:
                continue
            if name not in self.specs:
                raise unknown_name("value of the memory", name, self.specs)
            spec, variable = self.specs[name], self.variables[name]
            if spec.frame and self.augment is not None:
                canvas = spec.frame == "canvas"
                shown = self.augment.invert(tf.ones_like(value), batch.context, canvas=canvas)
                value = self.augment.invert(value, batch.context, canvas=canvas)
                unseen = spec.decode(rows_of(variable, places))
                if anew is not None:
                    unseen = tf.where(anew[:, None, None, None], spec.initial, unseen)
                value = tf.where(shown > 0, value, unseen)
            kept = spec.encode(value)
            # Replicas can exchange few kinds of numbers.
            carried = tf.cast(kept, tf.float32 if kept.dtype.is_floating else tf.int32)
            kept = tf.cast(gather_over_replicas(carried), kept.dtype)
            put_rows(variable, gather_over_replicas(places), kept)

    def _shaped(self) -> dict[str, Spec]:
        """Returns the specs, all of whose shapes are known."""
        if any(spec.shape is None for spec in self.specs.values()):
            raise UserError(
                "a memory of images must know their shape before it is made",
                "image_shape=(32, 32, 3) of the defense, or a network that says what it takes",
                "neither",
            )
        return self.specs

    def _framed(self, spec: Spec) -> Spec:
        """Returns the spec with the shape of its frame, once that of the images is known."""
        if spec.frame != "canvas" or self.augment is None or spec.shape is None:
            return spec
        height, width, channels = spec.shape
        margin = 2 * self.augment.pad
        return dataclasses.replace(spec, shape=(height + margin, width + margin, channels))

    def _variable(self, name: str, spec: Spec) -> keras.Variable:
        row = spec.encode(tf.fill([1, *spec.shape], spec.initial))[0]
        return keras.Variable(
            keras.initializers.Constant(row.numpy()),
            shape=(self.num_examples, *row.shape),
            dtype=row.dtype.name,
            trainable=False,
            name=f"memory_{name}",
        )

    def _known(self, ids: tf.Tensor) -> tf.Operation | None:
        """Returns the operation that fails, as devices may not, on ids without a row."""
        inside = tf.reduce_all((ids >= 0) & (ids < self.num_examples))
        return tf.debugging.Assert(inside, [BEYOND, tf.reduce_min(ids), tf.reduce_max(ids)])


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
