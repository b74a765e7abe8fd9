"""YOPO: the whole network is passed a few times, its first layer many times.

trainer = FirstLayerTrainer(network, fosc_tf.defenses.get("yopo", epsilon=8 / 255))
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.models.split import Split, split
from fosc_tf.objectives import to_label
from fosc_tf.replicas import num_replicas
from fosc_tf.schedules import at
from fosc_tf.training.reduction import mean_over_replicas
from fosc_tf.training.trainer import AdversarialTrainer
from fosc_tf.training.unrolled import Unrolled
from fosc_tf.types import Batch, Defense, Found, Judged


class FirstLayerTrainer(AdversarialTrainer):
    """Attacks the first layer against what its output costs; see `defenses.yopo`.

    The order that differs: of each pass the gradient of all layers but the first is kept, and that
    of the first comes from the images that its own steps have led to. All of them move once.

    Metrics are those of a batch's last pass, at the images it began with; `gradients` counts the
    passes, which here cost nothing beside the gradient of the weights.

    Raises:
        UserError: a network whose first layer cannot be split off; a defense that also perturbs
            the weights.
    """

    def __init__(self, network: keras.Model, defense: Defense, **arguments: Any) -> None:
        super().__init__(network, defense, **arguments)
        if defense.perturbation is not None:
            raise UserError(
                "YOPO takes the gradients of the weights at no one image, which a perturbation of "
                "the weights needs",
                "perturbation.gamma=0.0, or another defense",
                repr(defense.perturbation),
            )
        split(network)  # refused before anything is trained
        self._passes = Unrolled(defense.schedules["passes"])
        self.companions.append(self._passes)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Passes the network as often as the defense says, then updates all weights once."""
        step = tf.convert_to_tensor(self.batches_seen)
        batch, attack = self.recall(self._asserted(data)), self._attack
        epsilon = tf.cast(at(attack.epsilon, step), tf.float32)
        seed = tf.stack([tf.constant(self.seed, tf.int64), step])
        image = attack.start(batch, attack.parts.ball, epsilon, seed, step)
        parts, totals = split(self.network), self._of_penalties()
        for _ in range(self._passes.value):
            began = image
            judged, of_weights, upstream = self._passed(parts, image, batch)
            image, of_image = self._climbed(parts, image, upstream, batch, step)
            of_weights |= self._of_first(parts, image, upstream)
            totals = {
                name: share / self._passes.value + totals.get(name, 0.0)
                for name, share in of_weights.items()
            }
        criterion = attack.parts.fosc(began, batch.image, of_image, epsilon)
        found = Found.at(began, self._passes.value)._replace(fosc=criterion, loss=judged.loss)
        with tf.control_dependencies([batch.label]):
            norm = self.apply([totals.get(id(each)) for each in self.network.trainable_variables])
            update = self.measured(norm, batch, judged)
            self.remember(batch, found, judged, step)
        return self.record(batch, found, judged, step, [update])

    def _passed(
        self, parts: Split, image: tf.Tensor, batch: Batch
    ) -> tuple[Judged, dict[int, tf.Tensor], tf.Tensor]:
        """Returns what a pass says, the gradients of all later layers by their variables, and that
        of what the first layer returns, p of the paper; both of the mean over the global batch."""
        own = {id(each) for each in parts.weights}
        later = [each for each in self.network.trainable_variables if id(each) not in own]
        value = parts.first(image)
        with tf.GradientTape() as tape:
            tape.watch(value)
            logits = tf.cast(parts.rest(value), tf.float32)
            judged = Judged(to_label(logits, batch), logits)
            loss = self.optimizer.scale_loss(mean_over_replicas(judged.loss))
        *gradients, upstream = tape.gradient(loss, [*later, value])
        return judged, _known(later, gradients), upstream

    def _climbed(
        self, parts: Split, image: tf.Tensor, upstream: tf.Tensor, batch: Batch, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the images after the steps against p, and the loss' gradient where they began."""
        attack, ball = self._attack, self._attack.parts.ball
        epsilon, length = (
            tf.cast(at(each, step), tf.float32) for each in (attack.epsilon, attack.step_size)
        )
        first = None
        for _ in range(attack.num_steps):
            with tf.GradientTape() as tape:
                tape.watch(image)
                rise = _product(parts.first(image), upstream)
            slope = tape.gradient(rise, image)
            first = slope if first is None else first
            ahead = image + length * ball.steepest(slope, image)
            image = ball.project(ahead, batch.image, epsilon)
        examples = tf.cast(tf.size(batch.label) * num_replicas(), tf.float32)
        return image, first * examples / self.optimizer.scale_loss(tf.ones([]))

    def _of_first(
        self, parts: Split, image: tf.Tensor, upstream: tf.Tensor
    ) -> dict[int, tf.Tensor]:
        """Returns the gradients of the first layer's weights against p."""
        with tf.GradientTape() as tape:
            rise = _product(parts.first(image), upstream)
        return _known(parts.weights, tape.gradient(rise, parts.weights))

    def _of_penalties(self) -> dict[int, tf.Tensor]:
        """Returns the gradients of the network's own losses, which count once a batch."""
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.zeros([])
            for penalty in self.network.losses:
                loss += mean_over_replicas(penalty)
            loss = self.optimizer.scale_loss(loss)
        return _known(weights, tape.gradient(loss, weights))


def _product(value: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Returns <value, p> over the batch, the Hamiltonian of the paper but for its sign."""
    return tf.reduce_sum(tf.cast(value, tf.float32) * tf.cast(upstream, tf.float32))


def _known(
    variables: list[keras.Variable], gradients: list[tf.Tensor | None]
) -> dict[int, tf.Tensor]:
    """Returns the gradients that there are, by their variables."""
    pairs = zip(variables, gradients, strict=True)
    return {id(each): gradient for each, gradient in pairs if gradient is not None}
