"""A random point of the ball for each example, from the example's own random numbers.

image = random_point(problem, epsilon=0.3, norm="linf", ball=ball.get("linf"))
"""

from __future__ import annotations

import math

import tensorflow as tf

from fosc_tf.attacks.autoattack import noise
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.ball import L2, Linf


def random_point(problem: Problem, ball: Linf | L2, norm: str, epsilon: float) -> tf.Tensor:
    """Returns points uniform in the ball around the clean images, then clipped to [0, 1].

    Args:
        problem: gives images [active, ...] and keys; steps 0 and 1 of the keys are drawn from.
        ball: the geometry of `norm`.
        norm: "linf" or "l2".
        epsilon: radius of the ball.
    """
    features = math.prod(problem.image.shape[1:])
    if norm == "linf":
        offset = epsilon * (2.0 * noise.uniform(problem.key, 0, features) - 1.0)
    else:
        direction = tf.math.l2_normalize(noise.normal(problem.key, 0, features), axis=1)
        offset = epsilon * direction * noise.uniform(problem.key, 1, 1) ** (1.0 / features)
    image = problem.image + tf.reshape(offset, tf.shape(problem.image))
    return ball.project(image, problem.image, epsilon)
