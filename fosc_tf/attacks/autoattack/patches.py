"""What the Square Attack proposes for linf: stripes first, then squares of one colour.

patches = Patches((28, 28, 1), epsilon=0.3, sides=[25, 12, 6])
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks.autoattack import noise
from fosc_tf.attacks.autoattack.active import Problem


class Patches:
    """Proposals that move every pixel they touch by epsilon, up or down for each channel.

    Source: Andriushchenko et al. 2020 (Square Attack), section 3.3 and Algorithm 2. Adding
    +-2 epsilon and projecting, as printed, sets the square to x +- epsilon, which is done here.

    Args:
        shape: (height, width, channels) of the images.
        epsilon: radius of the linf ball.
        sides: side of the square for each query, see `sides`.
    """

    def __init__(self, shape: Sequence[int], epsilon: float, sides: Sequence[int]) -> None:
        self.shape, self.epsilon = shape, epsilon
        self.sides = tf.constant(sides)

    def first(self, problem: Problem) -> tf.Tensor:
        """Returns images with vertical stripes one pixel wide, [active, ...]."""
        _, width, channels = self.shape
        up = noise.signs(problem.key, 0, width * channels)
        return self._moved(problem, tf.reshape(up, [-1, 1, width, channels]))

    def next(self, problem: Problem, best: tf.Tensor, query: tf.Tensor) -> tf.Tensor:
        """Returns `best` with one square set anew, [active, ...]."""
        height, width, channels = self.shape
        # The proposal made after the last query is never looked at.
        side = self.sides[tf.minimum(query, tf.size(self.sides) - 1)]
        chance = noise.uniform(problem.key, query, 2 + channels)
        inside = window(chance[:, 0], side, height)[:, :, None]
        inside &= window(chance[:, 1], side, width)[:, None, :]
        up = tf.where(chance[:, 2:] < 0.5, -1.0, 1.0)[:, None, None, :]
        return tf.where(inside[..., None], self._moved(problem, up), best)

    def _moved(self, problem: Problem, up: tf.Tensor) -> tf.Tensor:
        moved = problem.image + self.epsilon * up
        return balls.get("linf").project(moved, problem.image, self.epsilon)


def first_pixel(chance: tf.Tensor, side: tf.Tensor, length: int) -> tf.Tensor:
    """Returns where a window of `side` begins, int32, each of its places equally likely."""
    places = tf.cast(length - side + 1, tf.float32)
    return tf.cast(tf.floor(chance * places), tf.int32)


def window(chance: tf.Tensor, side: tf.Tensor, length: int) -> tf.Tensor:
    """Returns which of `length` pixels lie in the window, [active, length] bool."""
    pixel = tf.range(length)[None] - first_pixel(chance, side, length)[:, None]
    return (pixel >= 0) & (pixel < side)
