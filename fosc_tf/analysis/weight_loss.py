"""The loss of fixed images as a function of a network's weights: its value and its curvature.

loss = WeightLoss(network, image, label, epsilon=0.3)
loss.attack()                           # from here on at adversarial images
loss.value(), loss.product(vector)      # vector: [weights]
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks import ball as balls
from fosc_tf.attacks.ball import Ball
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.compiled import compiled
from fosc_tf.attacks.limits import check_climb, check_draw, check_epsilon
from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch

BATCH_SIZE = 128


class WeightLoss:
    """The mean cross-entropy, in nats, of the same images at any weights, in evaluation mode.

    Its variables are the trainable weights, one after the other as in
    `network.trainable_variables`, each in row-major order. An L2 term is not part of the loss. The
    images are clean until `attack` is called. What is compiled is kept with the network.

    Source: Liu 2022 (thesis), section 4.2: L_eps(theta) with perturbations found at some theta.

    Args:
        network: maps images to logits; has `trainable_variables`.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; 0 for clean images.
        norm: "linf", "l2", "l1" or one registered.
        num_steps: of PGD, each epsilon / 4 long, from a random start.
        seed: decides the random starts, whatever the size of the batches.
        batch_size: images that the network sees together; results do not depend on it but by
            rounding.

    Attributes:
        size: number of weights.
        count: Hessian-vector products so far, each over all images.

    Raises:
        UserError: images or labels that do not fit, a number out of its range, an unknown norm, a
            network without trainable weights.
    """

    def __init__(
        self,
        network: Any,
        image: np.ndarray,
        label: np.ndarray,
        *,
        epsilon: float = 0.0,
        norm: str = "linf",
        num_steps: int = 10,
        seed: int = 0,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.epsilon = inside("epsilon", epsilon, "epsilon=0.3, or 0 for clean images")
        step_size = self.epsilon / 4
        check_climb(self.epsilon or 1.0, step_size or 1.0, num_steps, norm, "ball", changing=False)
        batch_size = whole("batch_size", batch_size, least=1)
        self.seed, _ = check_draw(seed, 0)
        self.network, self.norm, self.count = network, norm, 0
        image, label, _ = check_batch(network, (image, label))
        self.weights = trainable(network)
        self.size = sum(map(_length, self.weights))
        self.clean = [
            Batch(image[first : first + batch_size], label[first : first + batch_size], {})
            for first in range(0, len(image), batch_size)
        ]
        self.batches, self.examples, self._pgd = self.clean, len(image), None
        if self.epsilon:
            check_epsilon(self.epsilon, norm, image.shape[1:])
            self._pgd = PGD(
                epsilon=self.epsilon,
                step_size=step_size,
                num_steps=num_steps,
                norm=norm,
                start=_from_noise,
            )
        places = [any(each is one for one in self.weights) for each in network.variables]
        self._terms = _Terms(tuple(np.flatnonzero(places).tolist()))

    def attack(self) -> None:
        """Takes the images that PGD finds at the present weights, clean ones for epsilon 0."""
        if self._pgd is None:
            return
        shape = self.clean[0].image.shape[1:]
        seed = tf.stack([tf.constant(self.seed), tf.constant(0, tf.int64)])
        noise = balls.get(self.norm).uniform(
            tf.constant([self.examples, shape.num_elements()]), seed, tf.constant(self.epsilon)
        )
        found, first = [], 0
        for batch in self.clean:
            image, label, _ = batch
            rows = tf.reshape(noise[first : first + len(image)], image.shape)
            adversarial = self._pgd(self.network, image, label, context={"noise": rows}).image
            found.append(batch._replace(image=adversarial))
            first += len(image)
        self.batches = found

    def value(self) -> float:
        """Returns the mean loss at the present weights."""
        return sum(float(each) for each in self._over_batches(self._terms.value)) / self.examples

    def product(self, vector: np.ndarray) -> np.ndarray:
        """Returns the Hessian times `vector` [weights], [weights] float64.

        Raises:
            UserError: a product that is not finite.
        """
        self.count += 1
        total = np.zeros(self.size)
        for each in self._over_batches(self._terms.product, np.asarray(vector, np.float64)):
            total += each.numpy()
        if not np.isfinite(total).all():
            raise UserError(
                "the curvature of the loss must be finite",
                "a network with finite weights and logits",
                "a Hessian-vector product with NaN or infinite values",
            )
        return total / self.examples

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[np.ndarray]:
        """Gives the present weights [weights] float64 and puts them back at the end."""
        with put_back(self.weights) as kept:
            yield np.concatenate([each.ravel().astype(np.float64) for each in kept])

    def move(self, weights: np.ndarray) -> None:
        """Gives the network these weights, [weights]."""
        move(self.weights, weights)

    def _over_batches(self, function: Any, *given: Any) -> Iterator[tf.Tensor]:
        for image, label, _ in self.batches:
            yield compiled(self._terms, function, self.network, image, label, *given)


@dataclasses.dataclass(frozen=True)
class _Terms:
    """What is compiled; a network whose layers freeze or thaw has other `places`.

    Attributes:
        places: of the trainable weights among `network.variables`.
    """

    places: tuple[int, ...]

    def value(self, network: Any, image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        """Returns the sum of the losses, a scalar."""
        logits = network(image, training=False)
        if logits.dtype.size < tf.float32.size:
            logits = tf.cast(logits, tf.float32)
        return tf.reduce_sum(cross_entropy(logits, label))

    def product(
        self, network: Any, image: tf.Tensor, label: tf.Tensor, vector: tf.Tensor
    ) -> tf.Tensor:
        """Returns the Hessian of `value` times `vector`, [weights] float64."""
        weights = trainable(network)
        split = tf.split(vector, list(map(_length, weights)))
        # What does not move the loss has no gradient, and no curvature.
        nothing = tf.UnconnectedGradients.ZERO
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = self.value(network, image, label)
            slopes = inner.gradient(loss, weights, unconnected_gradients=nothing)
            along = tf.add_n(
                [
                    tf.cast(tf.reduce_sum(slope * _like(part, slope)), loss.dtype)
                    for slope, part in zip(map(tf.convert_to_tensor, slopes), split, strict=True)
                ]
            )
        curved = outer.gradient(along, weights, unconnected_gradients=nothing)
        return tf.concat([tf.cast(tf.reshape(each, [-1]), tf.float64) for each in curved], axis=0)


def trainable(network: Any) -> list[Any]:
    """Returns the trainable variables, or raises `UserError` if there are none."""
    weights = list(getattr(network, "trainable_variables", ()))
    if not weights:
        raise UserError(
            "curvature and curves are about the trainable weights",
            "a Keras model with trainable weights",
            f"{type(network).__name__} without any",
        )
    return weights


@contextlib.contextmanager
def put_back(variables: Iterable[Any]) -> Iterator[list[np.ndarray]]:
    """Gives the values of the variables and puts them back at the end, whatever happens."""
    variables = list(variables)
    kept = [np.array(each) for each in variables]
    try:
        yield kept
    finally:
        for variable, values in zip(variables, kept, strict=True):
            variable.assign(values)


def move(weights: list[Any], vector: np.ndarray) -> None:
    """Gives the variables the values `vector`, [weights]."""
    for variable, values in zip(weights, parts(vector, weights), strict=True):
        variable.assign(values.astype(variable.dtype))


def parts(vector: np.ndarray, weights: list[Any]) -> list[np.ndarray]:
    """Returns `vector` [weights] as one array in the shape of each variable."""
    ends = np.cumsum(list(map(_length, weights)))[:-1]
    shapes = [tuple(each.shape) for each in weights]
    return [each.reshape(shape) for each, shape in zip(np.split(vector, ends), shapes, strict=True)]


def _length(variable: Any) -> int:
    return int(np.prod(variable.shape, dtype=np.int64))


def _like(part: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.reshape(part, tf.shape(slope)), slope.dtype)


def _from_noise(
    batch: Batch, ball: Ball, epsilon: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """Returns the start "uniform" with noise drawn for all batches at once."""
    del seed, step
    return ball.project(batch.image + batch.context["noise"], batch.image, epsilon)
