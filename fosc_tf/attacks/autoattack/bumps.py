"""What the Square Attack proposes for l2: bumps that take their budget from elsewhere.

bumps = Bumps((32, 32, 3), epsilon=0.5, sides=[29, 15, 7])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks.autoattack import noise
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.autoattack.patches import first_pixel, window

TILES = 5
TINY = 1e-10


class Bumps:
    """Proposals on the sphere that move the budget of one window, and all unused, to another.

    Source: Andriushchenko et al. 2020 (Square Attack), section 3.4, Algorithm 3 and equation 11.
    Departure: after Algorithm 3 the whole perturbation is stretched to norm epsilon, which the
    clipping to [0, 1] had shortened; clipping comes last.

    Args:
        shape: (height, width, channels) of the images.
        epsilon: radius of the l2 ball.
        sides: odd side of the window for each query, see `sides`.
    """

    def __init__(self, shape: Sequence[int], epsilon: float, sides: Sequence[int]) -> None:
        self.shape, self.epsilon = shape, epsilon
        kinds = sorted(set(sides))
        padded = np.zeros([len(kinds), max(kinds), max(kinds)], np.float32)
        for kind, side in enumerate(kinds):
            padded[kind, :side, :side] = bump(side)
        self.sides, self.bumps = tf.constant(sides), tf.constant(padded)
        self.kinds = tf.constant([kinds.index(side) for side in sides])

    def first(self, problem: Problem) -> tf.Tensor:
        """Returns images covered with bumps, [active, ...], at norm epsilon before clipping."""
        height, width, channels = self.shape
        side = max(min(height, width) // TILES, 1)
        rows, columns = min(TILES, height // side), min(TILES, width // side)
        tiles = rows * columns
        up = noise.signs(problem.key, 0, tiles * channels)
        up = tf.reshape(up, [-1, rows, columns, channels])
        turned = tf.reshape(noise.uniform(problem.key, 1, tiles) < 0.5, [-1, rows, columns])
        shape = tf.constant(bump(side), tf.float32)
        shapes = tf.where(turned[..., None, None], tf.transpose(shape), shape)
        cover = tf.einsum("nabst,nabc->nasbtc", shapes, up)
        cover = tf.reshape(cover, [-1, rows * side, columns * side, channels])
        top, left = (height - rows * side) // 2, (width - columns * side) // 2
        cover = tf.image.pad_to_bounding_box(cover, top, left, height, width)
        return self._stretched(problem, cover)

    def next(self, problem: Problem, best: tf.Tensor, query: tf.Tensor) -> tf.Tensor:
        """Returns `best` with one window's perturbation moved to another, [active, ...]."""
        height, width, channels = self.shape
        query_or_last = tf.minimum(query, tf.size(self.sides) - 1)
        side, shape = self.sides[query_or_last], self.bumps[self.kinds[query_or_last]]
        chance = noise.uniform(problem.key, query + 1, 5 + channels)
        giving = window(chance[:, 2], side, height)[:, :, None]
        giving = (giving & window(chance[:, 3], side, width)[:, None, :])[..., None]
        taking = window(chance[:, 0], side, height)[:, :, None]
        taking = (taking & window(chance[:, 1], side, width)[:, None, :])[..., None]
        delta = best - problem.image
        both = tf.where(giving | taking, delta, 0.0)
        here = tf.where(taking, delta, 0.0)
        unused = tf.maximum(self.epsilon**2 - _energy(delta, (1, 2, 3)), 0.0)
        available = tf.sqrt(_energy(both, (1, 2)) + unused / channels)
        up = tf.where(chance[:, 5:] < 0.5, -1.0, 1.0)[:, None, None, :]
        turned = chance[:, 4] < 0.5
        new = up * self._placed(shape, side, chance, turned)[..., None]
        new += here / (tf.sqrt(_energy(here, (1, 2))) + TINY)
        new *= available / (tf.sqrt(_energy(new, (1, 2))) + TINY)
        return self._stretched(problem, tf.where(taking, new, tf.where(giving, 0.0, delta)))

    def _placed(
        self, shape: tf.Tensor, side: tf.Tensor, chance: tf.Tensor, turned: tf.Tensor
    ) -> tf.Tensor:
        """Returns the bump at its window of an empty image, [active, height, width]."""
        shapes = tf.where(turned[:, None, None], tf.transpose(shape), shape)
        height, width, _ = self.shape
        depth = shape.shape[0]
        row = tf.range(height)[None] - first_pixel(chance[:, 0], side, height)[:, None]
        column = tf.range(width)[None] - first_pixel(chance[:, 1], side, width)[:, None]
        # Outside the window one_hot is all zeros, within it it picks the bump's row and column.
        return tf.einsum(
            "nhs,nst,nwt->nhw", tf.one_hot(row, depth), shapes, tf.one_hot(column, depth)
        )

    def _stretched(self, problem: Problem, delta: tf.Tensor) -> tf.Tensor:
        stretch = self.epsilon / (tf.sqrt(_energy(delta, (1, 2, 3))) + TINY)
        image = problem.image + delta * stretch
        return balls.get("l2").project(image, problem.image, self.epsilon)


def _energy(delta: tf.Tensor, axis: tuple[int, ...]) -> tf.Tensor:
    return tf.reduce_sum(delta**2, axis=axis, keepdims=True)


def bump(side: int) -> np.ndarray:
    """Returns a bump up beside a bump down, [side, side], of norm 1."""
    upper = side // 2
    both = np.concatenate([half_bump(upper, side), -half_bump(side - upper, side)])
    return both / np.linalg.norm(both)


def half_bump(height: int, width: int) -> np.ndarray:
    """Returns rings that fall from the middle outwards, [height, width], of norm 1.

    The value at distance d (the larger of the two coordinates' distances) from the middle is
    the sum of 1 / k**2 for k = d + 1, ..., n + 1 (equation 11).
    """
    row = np.abs(np.arange(height) - height // 2)[:, None]
    column = np.abs(np.arange(width) - width // 2)[None]
    away = np.maximum(row, column)
    terms = 1.0 / np.arange(1, max(height, width) // 2 + 2) ** 2
    sums = np.cumsum(terms[::-1])[::-1]
    found = sums[away] if height else np.zeros([0, width])
    return found / max(np.linalg.norm(found), TINY)
