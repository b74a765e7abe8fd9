"""Free: every batch is used several times, and one backward pass serves weights and images.

trainer = ReplayTrainer(network, fosc_tf.defenses.get("free", epsilon=8 / 255, batch_size=128))
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks.remembered import PERTURBATION
from fosc_tf.errors import UserError
from fosc_tf.replicas import num_replicas
from fosc_tf.schedules import at
from fosc_tf.training.trainer import AdversarialTrainer
from fosc_tf.training.unrolled import Unrolled
from fosc_tf.types import EXAMPLE, Batch, Defense, Found


class ReplayTrainer(AdversarialTrainer):
    """Takes each batch `replays` times; see `defenses.free`.

    The order that differs: weights and perturbation both move by the gradients of one backward
    pass, in training mode, at the perturbation from before. Which is kept by the place in the
    batch, of the global batch over all replicas, and goes on with the next one.

    Metrics are those of a batch's last replay; `gradients` counts one a replay, which here costs
    nothing beside the gradient of the weights.
    """

    def __init__(self, network: keras.Model, defense: Defense, **arguments: Any) -> None:
        super().__init__(network, defense, **arguments)
        self._replays = Unrolled(defense.schedules["replays"])
        self.companions.append(self._replays)

    def identified(self, batch: Batch) -> Batch:
        """Returns the batch whose examples are known by their places in the global batch."""
        rows = tf.shape(batch.label, tf.int64)[0]
        places = tf.range(rows)
        context = tf.distribute.get_replica_context()
        if context is not None and num_replicas() > 1:
            places += tf.cast(context.replica_id_in_sync_group, tf.int64) * rows
        most = self.defense.memory.num_examples
        if batch.label.shape[0] is not None and batch.label.shape[0] > most:
            raise UserError(
                "Free carries a perturbation for each place in the batch",
                f"batch_size={batch.label.shape[0]} of the defense",
                f"batch_size={most} with batches of {batch.label.shape[0]}",
            )
        known = {EXAMPLE: batch.context["id"]} if "id" in batch.context else {}
        return batch._replace(context=batch.context | known | {"id": places})

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Updates weights and perturbation together, as often as the batch is replayed."""
        step = tf.convert_to_tensor(self.batches_seen)
        batch = self.recall(self.identified(self._asserted(data)))
        attack, ball = self._attack, self._attack.parts.ball
        epsilon, length = (
            tf.cast(at(value, step), tf.float32) for value in (attack.epsilon, attack.step_size)
        )
        perturbation, updates = batch.context[PERTURBATION], []
        for _ in range(self._replays.value):
            image = ball.project(batch.image + perturbation, batch.image, epsilon)
            found = Found.at(image, self._replays.value)
            moved = self.perturb(batch, found, step)
            judged, gradients, (of_image,) = self.backward(batch, found, step, [image])
            with tf.control_dependencies([batch.label]):
                norm = self.apply(gradients)
                if moved:
                    self.defense.perturbation.undo(moved)
                updates.append(self.measured(norm, batch, judged))
            ahead = image + length * ball.steepest(of_image, image)
            perturbation = ball.project(ahead, batch.image, epsilon) - batch.image
        criterion = attack.parts.fosc(image, batch.image, of_image, epsilon)
        with tf.control_dependencies([batch.label]):
            found = found._replace(image=batch.image + perturbation)
            self.remember(batch, found, judged, step)
        found = found._replace(fosc=criterion, loss=judged.loss)
        return self.record(batch, found, judged, step, updates)
