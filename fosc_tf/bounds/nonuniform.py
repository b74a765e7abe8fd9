"""Boxes with a radius of its own for each pixel: as large as the bounds can prove.

epsilon = largest_region(network, image, label)      # [batch, height, width, channels]
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks.compiled import compiled
from fosc_tf.bounds.methods import Asked
from fosc_tf.bounds.rounding import proved
from fosc_tf.errors import UserError
from fosc_tf.number import number

LARGEST = 4.0
"""What a box found by ascent is multiplied with at most."""
_HALVINGS = 20  # until the largest number is known that boxes may be multiplied with


def largest_region(
    network: Any,
    image: Any,
    label: Any,
    *,
    method: str = "linear",
    num_steps: int = 400,
    rate: float = 0.05,
    delta: float = 1e-4,
    uniform: bool = False,
) -> np.ndarray:
    """Returns for each pixel how far it may move, all at once, with the label proved.

    From the largest even box on, the product of all radii is made as large as an augmented
    Lagrangian finds it, under margins of at least `delta`; then the box shrinks or grows as a whole
    until it is just proved. It is not cut to [0, 1].

    Source: Liu 2022 (thesis), Algorithm 3.3. Departures: margins are elided; the radii are
    exp(theta) and not theta squared, moved by Adam (0.9, 0.99), and the mean of their logarithms
    stands for the sum, so that multipliers have the size of margins. The penalty grows as in the
    authors' code, from 1 five times each fifth of the steps, and multipliers move every fifth step.
    There a box only shrinks at the end, by a hundredth at a time.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode.
        image: [batch, height, width, channels] in [0, 1].
        label: [batch] int.
        method: one of `fosc_tf.bounds.METHODS`.
        num_steps: of the ascent.
        rate: of Adam, in logarithms of pixels; it falls to a tenth over the steps.
        delta: least margin, in logits.
        uniform: returns the largest even box.

    Returns:
        [batch, height, width, channels] float32; 0 where the image is classified wrongly.

    Raises:
        UserError: as `fosc_tf.bounds.margins`; a number out of its range.
    """
    for name, value, right in (("num_steps", num_steps, 400), ("rate", rate, 0.05)):
        if not number(name, value, f"{name}={right}") > 0:
            raise UserError(f"{name} must be positive", f"{name}={right}", f"{name}={value}")
    asked = _Lagrangian(method, cut=False, delta=float(delta))
    image, label = np.asarray(image, np.float32), np.asarray(label)
    # Checks all that was given, too.
    right = asked.proves(network, image, label, np.zeros(len(image), np.float32))
    whole = np.zeros_like(image)
    if right.any():
        image, label = image[right], label[right]
        epsilon = _scaled(network, asked, image, label, np.full_like(image, 1.0 / LARGEST))
        if not uniform:
            epsilon = _ascended(network, asked, image, label, epsilon, num_steps, rate)
            epsilon = _scaled(network, asked, image, label, epsilon)
        whole[right] = epsilon
    return whole


def _ascended(
    network: Any,
    asked: _Lagrangian,
    image: np.ndarray,
    label: np.ndarray,
    epsilon: np.ndarray,
    num_steps: int,
    rate: float,
) -> np.ndarray:
    theta, label = np.log(np.maximum(epsilon, 1e-6)), label.astype(np.int32)
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    multiplier = np.zeros([len(image), network.output_shape[-1]], np.float32)
    for step in range(num_steps):
        penalty = np.float32(5.0 ** min(4, step // max(1, num_steps // 5)))
        gradient, above = compiled(
            asked, asked.gradient, network, image, label, theta, multiplier, penalty
        )
        gradient = gradient.numpy()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        move = mean / (1 - 0.9 ** (step + 1))
        move /= np.sqrt(square / (1 - 0.99 ** (step + 1))) + 1e-12
        theta = (theta - rate * 0.1 ** (step / num_steps) * move).astype(np.float32)
        if step % 5 == 4:
            multiplier = multiplier + penalty * np.minimum(above, -multiplier / penalty)
    return np.exp(theta)


@dataclasses.dataclass(frozen=True)
class _Lagrangian(Asked):
    """The objective of Algorithm 3.3.

    Attributes:
        delta: least margin.
    """

    delta: float = 1e-4

    def proves(
        self, network: Any, image: np.ndarray, label: np.ndarray, epsilon: np.ndarray
    ) -> np.ndarray:
        """Returns whose label is proved in boxes of radii `epsilon`, [batch] bool."""
        return proved(self.of(network, self.margins, image, label, epsilon=epsilon), label)

    def gradient(
        self,
        network: Any,
        image: tf.Tensor,
        label: tf.Tensor,
        theta: tf.Tensor,
        multiplier: tf.Tensor,
        penalty: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the gradient by theta, and how far each margin is above `delta`."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(theta)
            margin = self.margins(network, image, label, tf.exp(theta))
            own = tf.one_hot(label, tf.shape(margin)[1]) > 0
            # What belongs to the label itself asks for nothing.
            above = tf.where(own, tf.ones_like(margin), margin - self.delta)
            missing = tf.minimum(above, -multiplier / penalty)
            lagrangian = (
                tf.reduce_sum(multiplier * missing, axis=1)
                + 0.5 * penalty * tf.reduce_sum(tf.square(missing), axis=1)
                - tf.reduce_mean(theta, axis=(1, 2, 3))
            )
        return tape.gradient(lagrangian, theta), above


def _scaled(
    network: Any, asked: _Lagrangian, image: np.ndarray, label: np.ndarray, epsilon: np.ndarray
) -> np.ndarray:
    """Returns the boxes, all radii of each times the largest number that is found to be proved."""
    low, high = np.zeros(len(image), np.float32), np.full(len(image), LARGEST, np.float32)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        proves = asked.proves(network, image, label, middle[:, None, None, None] * epsilon)
        low, high = np.where(proves, middle, low), np.where(proves, high, middle)
    return low[:, None, None, None] * epsilon
