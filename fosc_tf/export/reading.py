"""A network read from a folder, to be called and attacked like the one it was written from."""

from __future__ import annotations

import os
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf import files
from fosc_tf.errors import UserError
from fosc_tf.export.signatures import SIGNATURES, in_words

WEIGHTS, ABOUT = "network.weights.h5", "export.json"
RIGHT = "a folder that fosc_tf.export.save wrote"


class Exported:
    """A network read from a folder, to be called wherever a network is; see `load`.

    Attributes:
        path: the folder.
        input_shape: (None, height, width, channels).
        num_classes: number of logits.
    """

    def __init__(self, path: pathlib.Path, module: Any) -> None:
        self.path = path
        # TensorFlow frees the variables with the module, while its functions live on.
        self._module = module
        self._logits = module.signatures["serving_default"]
        self.input_shape = tuple(self._logits.structured_input_signature[1]["image"].shape)
        self.num_classes = int(self._logits.structured_outputs["logits"].shape[-1])

    def __call__(self, image: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns logits [batch, num_classes] float32, differentiable with respect to `image`.

        Args:
            image: [batch, height, width, channels] in [0, 1], any floating dtype.
            training: False; an export knows evaluation mode only.

        Raises:
            UserError: `training` is true.
        """
        if training:
            raise UserError(
                "an exported network is in evaluation mode for good",
                f"training=False, or a network built anew and the weights in {WEIGHTS}",
                f"training={training!r}",
            )
        if not self._logits.structured_input_signature[1]["image"].shape.is_compatible_with(
            tf.TensorShape(np.shape(image) if not tf.is_tensor(image) else image.shape)
        ):
            raise UserError(
                "images must have the shape that the network takes",
                f"[batch, {', '.join(map(str, self.input_shape[1:]))}]",
                f"{list(np.shape(image) if not tf.is_tensor(image) else image.shape)}",
            )
        return self._logits(image=tf.cast(image, tf.float32))["logits"]


def load(path: str | os.PathLike) -> Exported:
    """Returns the network in the folder `path`, callable as `loaded(image, training=False)`.

    Attacks and evaluations take it like the network it was written from.

    Args:
        path: a folder that `save` wrote.

    Raises:
        UserError: no folder there, no readable SavedModel in it, or one without the signatures
            that `save` writes.
    """
    path = files.local(path).resolve()
    rule = "an export is a folder with a SavedModel and its signatures"
    if not path.is_dir():
        raise UserError(rule, RIGHT, f"{path}, where there is no folder")
    if not tf.saved_model.contains_saved_model(str(path)):
        raise UserError(rule, RIGHT, f"{path}, a folder without saved_model.pb")
    try:
        # A strategy's scope would turn the variables into replicated ones, which these functions
        # cannot read; a scope belongs to its thread.
        with ThreadPoolExecutor(1) as outside:
            module = outside.submit(tf.saved_model.load, str(path)).result()
    except Exception as error:  # a damaged file raises any of half a dozen unrelated types
        raise UserError(
            rule, RIGHT, f"{path}, whose SavedModel cannot be read: {type(error).__name__}"
        ) from error
    found = {
        name: (
            tuple(sorted(function.structured_input_signature[1])),
            tuple(sorted(function.structured_outputs)),
        )
        for name, function in getattr(module, "signatures", {}).items()
    }
    if any(found.get(name) != names for name, names in SIGNATURES.items()):
        raise UserError(
            rule,
            f"{RIGHT}, with the signatures {in_words(SIGNATURES)}",
            f"{path}, a SavedModel with the signatures {in_words(found) or 'none'}",
        )
    return Exported(path, module)


def about(path: str | os.PathLike) -> dict[str, Any]:
    """Returns what `save` noted beside the SavedModel: shapes, versions, SHA-256 of the weights.

    A SavedModel of elsewhere has no such notes.
    """
    notes = files.local(path) / ABOUT
    right = f"{RIGHT}, made anew by --mode=export"
    return files.read_json(notes, {"data": (str, None)}, right) if notes.exists() else {}
