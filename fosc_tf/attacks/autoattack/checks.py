"""Signs that a robust accuracy is too good to be true, as sentences for the report.

notes = random_notes(network, image) + gradient_notes(network, image, label)

Source: the failure modes of Carlini et al. 2019 and Croce et al. 2021 (RobustBench), section 3.
"""

from __future__ import annotations

import warnings
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import losses
from fosc_tf.attacks.autoattack import look
from fosc_tf.attacks.ball import flat

VARIATION = 1e-4
WHITE_BOX = ("apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t")


def random_notes(network: Any, image: Any) -> list[str]:
    """Returns a note when the network answers two equal questions differently.

    Args:
        network: from images to logits.
        image: [batch, ...] float32, some clean images.
    """
    image = tf.convert_to_tensor(image)
    variation = tf.abs(look.logits(network, image) - look.logits(network, image))
    if float(tf.reduce_max(variation)) > VARIATION:
        return ['the network answers at random: version="rand" is for such networks']
    return []


def gradient_notes(network: Any, image: Any, label: Any) -> list[str]:
    """Returns a note when cross-entropy does not tell at all how to change some image.

    Args:
        network: from images to logits.
        image: [batch, ...] float32, some clean images.
        label: [batch] int32.
    """
    label = tf.convert_to_tensor(label)
    loss = losses.get("cross_entropy")
    here = look.climb(network, tf.convert_to_tensor(image), lambda z: loss(z, label))
    count = int(tf.reduce_sum(tf.cast(tf.reduce_all(flat(here.gradient) == 0, axis=1), tf.int32)))
    if not count:
        return []
    return [
        f"cross-entropy has zero gradient at {count} of {len(image)} clean images: "
        "gradients may be hidden, then only square counts"
    ]


def result_notes(accuracy: dict[str, float]) -> list[str]:
    """Returns what in the accuracies after each member, in their order, is a warning.

    A black box that breaks what white boxes left is a sign of hidden gradients.
    """
    names = list(accuracy)
    earlier = names[: names.index("square")] if "square" in names else []
    if not any(name in earlier for name in WHITE_BOX):
        return []
    before = accuracy[earlier[-1]]
    if accuracy["square"] < before:
        return [
            f"square lowered robust accuracy from {before:.4g} to {accuracy['square']:.4g}: "
            "gradients may be hidden, more queries would show how far"
        ]
    return []


def warn(notes: list[str]) -> list[str]:
    """Issues each note as a Python warning and returns them all."""
    for note in notes:
        warnings.warn(note, stacklevel=4)
    return notes
