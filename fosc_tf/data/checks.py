"""What images and labels must be: one place that says so, for stored arrays and single batches.

    check_images(image)                    # float [batch, height, width, channels] in [0, 1]
    check_labels(label, num_classes=10)    # integers 0..9, [batch]

Each returns nothing and raises `UserError` for what a network could not be trained on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fosc_tf.errors import UserError
from fosc_tf.readable import amount


def check_images(image: Any, *, name: str = "image", uint8: bool = False) -> None:
    """Raises `UserError` unless `image` can be fed to a network.

    Args:
        image: [batch, height, width, channels], floating, finite, in [0, 1].
        name: what the message calls the array.
        uint8: whether 0..255 stored as uint8 is right too: it is for data at rest, which the
            pipeline divides by 255, but not for a batch on its way into a network.
    """
    image = np.asarray(image)
    right = "float32 [batch, height, width, channels] in [0, 1]"
    if uint8:
        right += ", or uint8 0..255 of that shape"
    if image.ndim != 4:
        raise UserError(
            f"{name} must have four axes", right, f"shape {list(image.shape)}, {image.dtype}"
        )
    if image.size == 0:
        raise UserError(f"{name} must not be empty", right, f"shape {list(image.shape)}")
    if image.dtype == np.uint8 and uint8:
        return
    if not np.issubdtype(image.dtype, np.floating):
        hint = "; divide uint8 images by 255" if image.dtype == np.uint8 else ""
        raise UserError(f"{name} must hold floats", right + hint, f"{image.dtype}")
    # Minimum and maximum carry NaN along, so two numbers decide without a mask of the array's size.
    low, high = float(image.min()), float(image.max())
    if np.isnan(low):
        raise UserError(f"{name} must hold no NaN", right, f"{np.isnan(image).sum()} NaN values")
    if low < 0 or high > 1:
        hint = "; divide 0..255 by 255" if 1 < high <= 255 and low >= 0 else ""
        raise UserError(
            f"{name} must lie in [0, 1]: standardisation is a layer of the network",
            right + hint,
            f"values from {low:.6g} to {high:.6g}",
        )


def check_labels(label: Any, num_classes: int | None = None, *, name: str = "label") -> None:
    """Raises `UserError` unless `label` names one class for each example.

    Args:
        label: [batch], any integer dtype, 0 to num_classes - 1.
        num_classes: the number of classes; None leaves the upper end unchecked.
        name: what the message calls the array.
    """
    label = np.asarray(label)
    span = "of 0 or more" if num_classes is None else f"from 0 to {num_classes - 1}"
    right = f"integers [batch] {span}"
    if label.ndim != 1:
        hint = "; argmax over the last axis undoes a one-hot" if _is_one_hot(label) else ""
        raise UserError(
            f"{name} must have one axis", right + hint, f"shape {list(label.shape)}, {label.dtype}"
        )
    if label.size == 0:
        raise UserError(f"{name} must not be empty", right, "shape [0]")
    if not np.issubdtype(label.dtype, np.integer):
        raise UserError(f"{name} must hold integers", right, f"{label.dtype}")
    low, high = int(label.min()), int(label.max())
    if low < 0 or (num_classes is not None and high >= num_classes):
        raise UserError(f"{name} must lie in its range", right, f"values from {low} to {high}")


def _is_one_hot(label: np.ndarray) -> bool:
    return label.ndim == 2 and label.shape[1] > 1


def check_lengths(image: Any, label: Any, *, name: str = "image and label") -> None:
    """Raises `UserError` unless both arrays hold the same number of examples."""
    if len(image) != len(label):
        raise UserError(
            f"{name} must be equally long",
            f"{amount(len(image), 'label')} for {amount(len(image), 'image')}",
            f"{amount(len(image), 'image')}, {amount(len(label), 'label')}",
        )
