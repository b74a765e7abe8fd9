"""The First-Order Stationary Condition: how far an adversarial image is from a local maximum.

fosc(image_adv, image, gradient, epsilon=0.3)      # [batch], 0 at a stationary point
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import number
from fosc_tf.types import Number

FEASIBLE = ("ball", "box")


def fosc(
    image_adv: tf.Tensor,
    image: tf.Tensor,
    gradient: tf.Tensor,
    *,
    epsilon: Number,
    norm: str = "linf",
    feasible: str = "ball",
) -> tf.Tensor:
    """Returns c(x) = max over feasible z of <z - x, gradient>, per example.

    Source: Wang et al. 2019, section 3.1: for the ball, c = epsilon * ||g||_q - <x - x0, g> with
    1/p + 1/q = 1. "box" goes beyond the paper: it also keeps z in [0, 1], where images live, and
    only then can c reach 0 at pixels on their limit.

    Args:
        image_adv: x, [batch, ...] float32 in the feasible set.
        image: x0, the clean images, same shape. Never the random start.
        gradient: g, gradient of each example's own loss at x, same shape; a batch-mean loss
            would scale the result by 1 / batch.
        epsilon: radius of the ball, units of the norm over pixels in [0, 1]; [batch] float32 for
            one of each example.
        norm: "linf", "l2" or "l1".
        feasible: "ball" (the paper) or "box" (ball and pixel limits).

    Returns:
        [batch] float32 in loss units, at least 0 up to rounding; box is never above ball.

    Raises:
        UserError: unknown norm or feasible set, an epsilon that is no number, different shapes.
    """
    geometry = balls.get(norm)
    if feasible not in FEASIBLE:
        raise unknown_name("feasible set", feasible, FEASIBLE)
    if isinstance(epsilon, np.ndarray) and epsilon.ndim == 1:
        epsilon = tf.cast(epsilon, tf.float32)
    if not tf.is_tensor(epsilon):
        epsilon = number("epsilon", epsilon, "epsilon=8/255")
        if not 0 < epsilon < math.inf:
            raise UserError("epsilon must be positive and finite", "8/255", f"epsilon={epsilon}")
    image_adv, image, gradient = (tf.cast(x, tf.float32) for x in (image_adv, image, gradient))
    shapes = [x.shape for x in (image_adv, image, gradient)]
    if not all(shape.is_compatible_with(shapes[0]) for shape in shapes):
        # Otherwise one image would silently stand for a whole batch.
        raise UserError(
            "image_adv, image and gradient must have one shape",
            f"three times {shapes[0]}",
            ", ".join(str(shape) for shape in shapes),
        )
    if feasible == "box":
        highest = geometry.support_in_box(gradient, image, epsilon)
    else:
        highest = geometry.support(gradient, epsilon)
    return highest - tf.reduce_sum(balls.flat((image_adv - image) * gradient), axis=1)
