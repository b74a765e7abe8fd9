"""Signs that a robust accuracy is too good to be true: one set, for AutoAttack and evaluations.

finding = same_answers(network, image)
finding.passed, finding.value, finding.meaning

Sources: Athalye et al. 2018, section 3.1; Carlini et al. 2019, section 4; Croce et al. 2021
(RobustBench), section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import losses
from fosc_tf.attacks.ball import flat
from fosc_tf.attacks.slope import slope
from fosc_tf.errors import UserError
from fosc_tf.types import Batch

TOLERANCE = 0.005  # half a point of accuracy
NO_GRADIENT = "no gradient reaches the image"
_VARIATION = 1e-4  # a device may round one call differently
_SHARE = 0.01  # of examples whose gradient may vanish: confident ones do


@dataclasses.dataclass(frozen=True)
class Finding:
    """One check and what it found.

    Attributes:
        name: short and the same in every report.
        passed: False raises a flag.
        value: what was measured, in words and numbers.
        meaning: what a flag would mean.
    """

    name: str
    passed: bool
    value: str
    meaning: str

    @property
    def note(self) -> str:
        """What a flag says in one line."""
        return f"{self.value}: {self.meaning}"


def same_answers(network: Any, image: Any) -> Finding:
    """Looks whether two equal questions, [batch, ...] float32, get equal answers."""
    first, second = (
        np.asarray(tf.cast(network(tf.convert_to_tensor(image), training=False), tf.float32))
        for _ in range(2)
    )
    difference = float(np.abs(first - second).max())
    return Finding(
        "deterministic",
        not difference > _VARIATION,  # what is not a number is told of elsewhere
        f"two passes differ by at most {difference:.3g}",
        "the network answers at random: average gradients over it (AutoAttack version rand)",
    )


def gradients(network: Any, batches: Iterable[Batch]) -> Finding:
    """Looks whether cross-entropy tells how to change the images of checked `batches`."""
    meaning = (
        "gradients are masked, hidden or saturated: cross-entropy attacks fail here without "
        "meaning; rescale the logits or attack around the layer that masks"
    )
    zero = count = 0
    for batch in batches:
        try:
            found = slope(
                network,
                batch.image,
                lambda logits, label=batch.label: losses.cross_entropy(logits, label),
            )
        except UserError:
            return Finding("gradients", False, NO_GRADIENT, meaning)
        steepest = tf.reduce_max(tf.abs(flat(found.gradient)), axis=1)
        zero += int(tf.reduce_sum(tf.cast(steepest == 0.0, tf.int32)))
        count += len(found.loss)
    value = f"{zero} of {count} examples have a zero input gradient"
    return Finding("gradients", zero / count < _SHARE, value, meaning)


def at_least_as_strong(
    name: str,
    strong: float,
    weak: float,
    strong_name: str,
    weak_name: str,
    tolerance: float = TOLERANCE,
) -> Finding:
    """Looks whether the attack that sees more breaks more: accuracies in 0..1 under both.

    One example of a hundred is a flag: where gradients lead, the weak attack is far behind.
    """
    return Finding(
        name,
        strong <= weak + tolerance,
        f"{strong_name} {strong:.1%}, {weak_name} {weak:.1%}",
        f"{weak_name} should not be the stronger attack: gradients are masked or the "
        f"attack's settings are too weak",
    )
