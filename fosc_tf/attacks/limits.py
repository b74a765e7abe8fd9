"""What an attack accepts: checked before the first gradient, so that no mistake costs a run.

check_climb(epsilon=8, step_size=2, num_steps=10, norm="linf", feasible="ball")   # raises
"""

from __future__ import annotations

import math
import numbers
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks.budget import Mixed
from fosc_tf.attacks.fosc import FEASIBLE
from fosc_tf.attacks.losses import check_logits
from fosc_tf.data.checks import check_images, check_labels
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import number, whole
from fosc_tf.readable import amount
from fosc_tf.types import PerExample, flat_labels

_num_classes: weakref.WeakKeyDictionary[Any, dict[tuple[int | bool, ...], int]] = (
    weakref.WeakKeyDictionary()
)
"""Classes of each network already asked, by the shape of its images and whether probabilities may
pass: asking costs milliseconds."""


def diameter(norm: str, shape: Sequence[int]) -> float:
    """Returns the largest distance in `norm` of two images of `shape` [...] in [0, 1]."""
    return balls.get(norm).diameter(shape)


def check_epsilon(epsilon: Any, norm: str, shape: Sequence[int] | None = None) -> None:
    """Raises `UserError` unless `epsilon` is a radius over pixels in [0, 1].

    Args:
        epsilon: a number, positive, finite and for linf at most 1; all else passes unseen.
        norm: "linf", "l2" or "l1".
        shape: of one image, whose diameter `epsilon` must not exceed; None if not known yet.
    """
    largest = 1.0 if norm == "linf" else math.inf
    if isinstance(epsilon, numbers.Real) and not (0.0 < epsilon <= largest and epsilon < math.inf):
        if norm == "linf":
            rule = "epsilon must lie in (0, 1]: pixels are in [0, 1]"
            right = f"epsilon={epsilon:g}/255" if epsilon > 1 else "epsilon=8/255"
        else:
            rule, right = "epsilon must be positive and finite", "epsilon=0.5 for l2 on CIFAR-10"
        raise UserError(rule, right, f"epsilon={epsilon:g}")
    if shape is None or not isinstance(epsilon, numbers.Real):
        return
    largest = diameter(norm, shape)
    if epsilon > largest:
        raise UserError(
            f"epsilon must be at most {largest:.6g}, the {norm} diameter of images {list(shape)}: "
            "pixels are in [0, 1]",
            f"epsilon={epsilon:g}/255, if it was meant for pixels in 0..255",
            f"epsilon={epsilon:g}",
        )


def step_length(step_size: Any, epsilon: Any, share: float = 0.25) -> Any:
    """Returns `step_size`, or `share` of `epsilon`, refused unless a number, where it is None."""
    return share * number("epsilon", epsilon, "epsilon=8/255") if step_size is None else step_size


def check_climb(
    epsilon: Any, step_size: Any, num_steps: Any, norm: str, feasible: str, *, changing: bool = True
) -> tuple[Any, Any, Any]:
    """Returns epsilon, step_size and num_steps, or raises `UserError` if they make no climb.

    Tensors, schedules, `PerExample` and `Mixed` pass unseen; without `changing` they are refused.
    """
    balls.get(norm)
    if feasible not in FEASIBLE:
        raise unknown_name("feasible set", feasible, FEASIBLE)
    own = changing and isinstance(epsilon, PerExample)
    epsilon = epsilon if own else number("epsilon", epsilon, "epsilon=8/255", changing=changing)
    check_epsilon(epsilon, norm)
    if not (changing and isinstance(step_size, PerExample)):
        step_size = number("step_size", step_size, "epsilon / 4", changing=changing)
    if isinstance(step_size, numbers.Real):
        if not step_size > 0:
            raise UserError("step_size must be positive", "epsilon / 4", f"step_size={step_size:g}")
        # A schedule says float32.
        if isinstance(epsilon, numbers.Real) and step_size > 2 * epsilon * (1 + 1e-6):
            raise UserError(
                "step_size must be at most 2 * epsilon: a longer step always leaves the ball",
                f"step_size={epsilon / 4:.4g} (epsilon / 4)",
                f"step_size={step_size:g} with epsilon={epsilon:g}",
            )
    if not (changing and isinstance(num_steps, Mixed | PerExample)):
        num_steps = number("num_steps", num_steps, "10", least=1, changing=changing)
    return epsilon, step_size, num_steps


def check_examples(
    network: Any, image: tf.Tensor, label: tf.Tensor, *, probabilities: bool = False
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns float32 images and int32 labels, or raises `UserError` if they do not fit.

    Args:
        network: maps images to logits; asked on the first two images, once for each shape.
        image: [batch, ...] in [0, 1].
        label: [batch] or [batch, 1] int in 0..num_classes-1.
        probabilities: lets a network of probabilities pass.
    """
    check_images(np.asarray(image))
    image = tf.cast(image, tf.float32)
    label = flat_labels(np.asarray(label))
    check_labels(label, _classes(network, image[:2], probabilities))
    if len(label) != len(image):
        raise UserError(
            "every image needs one label", amount(len(image), "label"), amount(len(label), "label")
        )
    return image, tf.convert_to_tensor(label.astype(np.int32))


def check_draw(seed: Any, step: Any) -> tuple[np.int64, np.int64]:
    """Returns what decides an attack's random numbers, scalar tensors with their values.

    Raises:
        UserError: no whole number, one below 0 or from 2**63 on.
    """
    seed = whole("seed", np.asarray(seed), least=0, below=2**63)
    step = whole("step", np.asarray(step), least=0, below=2**63)
    return np.int64(seed), np.int64(step)


def _classes(network: Any, image: tf.Tensor, probabilities: bool) -> int:
    """Returns how many logits `network` has, or raises `UserError` if they are none."""
    try:
        known = _num_classes.setdefault(network, {})
    except TypeError:  # It takes no weak reference: asked every time.
        known = {}
    asked = (*image.shape[1:], probabilities)
    if asked not in known:
        known[asked] = check_logits(network, image, probabilities=probabilities)
    return known[asked]
