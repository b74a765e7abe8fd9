"""The geometry of the threat model: the ball of one norm around a clean image, and pixel limits.

    ball = get("linf")
    image_adv = ball.project(image_adv, image, epsilon)

A ball of one's own is a subclass of `Ball`, filed with `register`.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence

import tensorflow as tf

from fosc_tf.registry import Registry

TINY = 1e-12
BALLS = Registry("norm")
register, names = BALLS.register, BALLS.names


def flat(tensor: tf.Tensor) -> tf.Tensor:
    """Returns [batch, features] of [batch, ...]."""
    return tf.reshape(tensor, [tf.shape(tensor)[0], -1])


def column(rows: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Returns [batch] as [batch, 1, ...] so that it broadcasts over `like`."""
    return tf.reshape(rows, [-1] + [1] * (like.shape.rank - 1))


def wide(radius: float | tf.Tensor, like: tf.Tensor) -> float | tf.Tensor:
    """Returns a scalar as it is, and [batch] as [batch, 1, ...]: it broadcasts over `like`."""
    return column(radius, like) if len(getattr(radius, "shape", ())) else radius


def _like(rows: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    return tf.reshape(rows, tf.shape(tensor))


class Ball(abc.ABC):
    """What a norm says of images [batch, ...] float32.

    `epsilon` is positive, in the units of the norm over pixels in [0, 1]: one number, or [batch]
    for a radius of each example.
    """

    @abc.abstractmethod
    def diameter(self, shape: Sequence[int]) -> float:
        """Returns the largest distance of two images of `shape` [...] in [0, 1]."""

    @abc.abstractmethod
    def distance(self, image_adv: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        """Returns ||image_adv - image||, [batch]."""

    @abc.abstractmethod
    def support(self, gradient: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        """Returns max <d, gradient> over the ball, epsilon times the dual norm, [batch]."""

    @abc.abstractmethod
    def support_in_box(
        self, gradient: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor
    ) -> tf.Tensor:
        """Returns max <d, gradient> over the ball where image + d stays in [0, 1], [batch]."""

    @abc.abstractmethod
    def steepest(self, gradient: tf.Tensor, image_adv: tf.Tensor) -> tf.Tensor:
        """Returns the direction of norm 1 with the largest inner product with `gradient`."""

    @abc.abstractmethod
    def project(self, image_adv: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        """Returns `image_adv` moved into the ball around `image`, then into [0, 1]."""

    @abc.abstractmethod
    def uniform(self, shape: tf.Tensor, seed: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        """Returns points uniform in the ball, [rows, features], drawn from a stateless seed [2]."""


@register("linf")
class Linf(Ball):
    """max_i |x_i - x0_i| <= epsilon; the dual norm is the sum of absolute values."""

    def diameter(self, shape: Sequence[int]) -> float:
        del shape
        return 1.0

    def distance(self, image_adv: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(tf.abs(flat(image_adv - image)), axis=1)

    def support(self, gradient: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        return epsilon * tf.reduce_sum(tf.abs(flat(gradient)), axis=1)

    def support_in_box(
        self, gradient: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor
    ) -> tf.Tensor:
        epsilon = wide(epsilon, image)
        highest = tf.minimum(epsilon, 1.0 - image)
        lowest = tf.maximum(-epsilon, -image)
        return tf.reduce_sum(flat(tf.maximum(gradient * highest, gradient * lowest)), axis=1)

    def steepest(self, gradient: tf.Tensor, image_adv: tf.Tensor) -> tf.Tensor:
        del image_adv
        return tf.sign(gradient)

    def project(self, image_adv: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        epsilon = wide(epsilon, image)
        inside = tf.clip_by_value(image_adv, image - epsilon, image + epsilon)
        return tf.clip_by_value(inside, 0.0, 1.0)

    def uniform(self, shape: tf.Tensor, seed: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        noise = tf.random.stateless_uniform(shape, seed, minval=-1.0, maxval=1.0)
        return wide(epsilon, noise) * noise


@register("l2")
class L2(Ball):
    """Euclidean ball; its own dual."""

    def diameter(self, shape: Sequence[int]) -> float:
        return math.prod(shape) ** 0.5

    def distance(self, image_adv: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        return tf.norm(flat(image_adv - image), axis=1)

    def support(self, gradient: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        return epsilon * tf.norm(flat(gradient), axis=1)

    def support_in_box(
        self, gradient: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor
    ) -> tf.Tensor:
        """The maximiser is d_i = sign(g_i) min(s |g_i|, room_i). With features sorted by the scale
        s at which they meet their limit, ||d(s)||^2 is known in closed form between two of them.
        """
        steepness, room = _room(gradient, image)
        # Without this the features on their limit could set the unit, far above all others.
        steepness = tf.where(room > 0, steepness, 0.0)
        unit = tf.maximum(tf.reduce_max(steepness, axis=1, keepdims=True), 1e-37)
        steepness = steepness / unit
        meets = tf.where(steepness > 0, room / tf.maximum(steepness, TINY), float("inf"))
        order = tf.argsort(meets, axis=1)
        meets, steepness, room = (
            tf.gather(x, order, batch_dims=1) for x in (meets, steepness, room)
        )
        stopped = tf.cumsum(room**2, axis=1, exclusive=True)
        moving = tf.cumsum(steepness**2, axis=1, reverse=True)
        # Scale at which the ball is left if the features before this one have stopped.
        left = tf.maximum(wide(epsilon, room) ** 2 - stopped, 0.0)
        leaves = tf.sqrt(left / tf.maximum(moving, TINY))
        fits = leaves <= meets
        first = tf.argmax(tf.cast(fits, tf.int32), axis=1)
        scale = tf.gather(leaves, first, batch_dims=1)
        # No feature leaves the ball: everything that can move goes to its limit.
        scale = tf.where(tf.reduce_any(fits & (steepness > 0), axis=1), scale, float("inf"))
        reach = tf.minimum(tf.where(steepness > 0, scale[:, None] * steepness, 0.0), room)
        return tf.reduce_sum(steepness * reach, axis=1) * unit[:, 0]

    def steepest(self, gradient: tf.Tensor, image_adv: tf.Tensor) -> tf.Tensor:
        del image_adv
        rows = flat(gradient)
        # A confident network's gradients are so small that their squares are 0 in float32.
        rows = tf.math.divide_no_nan(rows, tf.reduce_max(tf.abs(rows), axis=1, keepdims=True))
        length = tf.norm(rows, axis=1, keepdims=True)
        return _like(tf.math.divide_no_nan(rows, length), gradient)

    def project(self, image_adv: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        offset = flat(image_adv - image)
        length = tf.norm(offset, axis=1, keepdims=True)
        inside = offset * tf.minimum(1.0, wide(epsilon, offset) / tf.maximum(length, TINY))
        # The clean image is in [0, 1], so clipping brings every pixel nearer to it.
        return tf.clip_by_value(image + _like(inside, image), 0.0, 1.0)

    def uniform(self, shape: tf.Tensor, seed: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        direction = tf.math.l2_normalize(tf.random.stateless_normal(shape, seed), axis=1)
        radius = tf.random.stateless_uniform([shape[0], 1], seed + 1)
        scale = radius ** (1.0 / tf.cast(shape[1], tf.float32))
        return wide(epsilon, direction) * direction * scale


@register("l1")
class L1(Ball):
    """Sum of absolute values at most epsilon; the dual norm is the largest absolute value.

    Attributes:
        share: the share of features that one step moves (SLIDE, Tramer and Boneh 2019, section 4).
    """

    share = 0.01

    def diameter(self, shape: Sequence[int]) -> float:
        return float(math.prod(shape))

    def distance(self, image_adv: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.abs(flat(image_adv - image)), axis=1)

    def support(self, gradient: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        return epsilon * tf.reduce_max(tf.abs(flat(gradient)), axis=1)

    def support_in_box(
        self, gradient: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor
    ) -> tf.Tensor:
        """A fractional knapsack: the steepest feature goes to its limit first, then the next."""
        steepness, room = _room(gradient, image)
        order = tf.argsort(steepness, axis=1, direction="DESCENDING")
        steepness, room = (tf.gather(x, order, batch_dims=1) for x in (steepness, room))
        spent = tf.cumsum(room, axis=1, exclusive=True)
        reach = tf.clip_by_value(wide(epsilon, room) - spent, 0.0, room)
        return tf.reduce_sum(steepness * reach, axis=1)

    def steepest(self, gradient: tf.Tensor, image_adv: tf.Tensor) -> tf.Tensor:
        """Equal moves along the steepest `share` of the features.

        Features whose gradient points out of [0, 1] are left out. The strictly steepest direction
        would move a single feature, which climbs too slowly to be of use.
        """
        slopes = tf.where(
            ((gradient > 0) & (image_adv < 1.0)) | ((gradient < 0) & (image_adv > 0.0)),
            gradient,
            0.0,
        )
        rows = flat(slopes)
        features = tf.cast(tf.shape(rows)[1], tf.float32)
        kept = tf.cast(tf.math.ceil(self.share * features), tf.int32)
        lowest_kept = tf.math.top_k(tf.abs(rows), k=kept).values[:, -1:]
        moves = tf.where(tf.abs(rows) >= lowest_kept, tf.sign(rows), 0.0)
        count = tf.reduce_sum(tf.abs(moves), axis=1, keepdims=True)
        return _like(tf.math.divide_no_nan(moves, count), gradient)

    def project(self, image_adv: tf.Tensor, image: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        """The nearest point of the ball is found by sorting (Duchi et al. 2008, Figure 1)."""
        offset = flat(image_adv - image)
        epsilon = wide(epsilon, offset)
        size = tf.abs(offset)
        largest = tf.sort(size, axis=1, direction="DESCENDING")
        rank = tf.range(1.0, tf.cast(tf.shape(size)[1], tf.float32) + 1.0)
        excess = (tf.cumsum(largest, axis=1) - epsilon) / rank
        last = tf.reduce_sum(tf.cast(largest > excess, tf.int32), axis=1) - 1
        threshold = tf.gather(excess, tf.maximum(last, 0), batch_dims=1)[:, None]
        shrunk = tf.sign(offset) * tf.maximum(size - threshold, 0.0)
        outside = tf.reduce_sum(size, axis=1, keepdims=True) > epsilon
        inside = tf.where(outside, shrunk, offset)
        return tf.clip_by_value(image + _like(inside, image), 0.0, 1.0)

    def uniform(self, shape: tf.Tensor, seed: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        share = tf.random.stateless_gamma([shape[0], shape[1] + 1], seed, alpha=1.0)
        size = (share / tf.reduce_sum(share, axis=1, keepdims=True))[:, :-1]
        positive = tf.random.stateless_uniform(shape, seed + 1) < 0.5
        return wide(epsilon, size) * tf.where(positive, size, -size)


def _room(gradient: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns |gradient| and how far each feature can follow its sign within [0, 1]."""
    room = tf.where(gradient > 0, 1.0 - image, image)
    return flat(tf.abs(gradient)), flat(room)


def get(norm: str) -> Ball:
    """Returns the geometry of "linf", "l2", "l1" or one registered; others raise `UserError`."""
    return BALLS.get(norm)
