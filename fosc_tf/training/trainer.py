"""The one template step: attack, judge, descend, record.

trainer = AdversarialTrainer(network, defense)
trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
trainer.fit(dataset, epochs=50)      # any tf.data of (image, label)
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.attacks.budget import steps_per_example
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.attacks.pgd import PGD
from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.objectives.terms import is_right
from fosc_tf.training.distribution import shared_out, worker
from fosc_tf.training.first_batch import check_first_batch
from fosc_tf.training.reduction import gather_over_replicas, keras_logs, mean_over_replicas
from fosc_tf.types import Batch, Defense, Found, Judged


class AdversarialTrainer(keras.Model):
    """Trains `network` by `defense`; plain Keras from `compile` on.

    Batches are dicts with `image` [batch, h, w, c] float32 in [0, 1] and `label` [batch] int, or
    (image, label) pairs. Each step attacks the batch with the network in evaluation mode, then
    updates the weights on the defense's objective in training mode. Only `network` is meant to be
    exported. Subclasses may change the order of these parts and nothing else.

    The attack's random numbers depend on `seed` and the step only, so a resumed run or another
    number of replicas sees the same ones.

    Metrics, means over the epoch: `loss`, which the weights descend (nats, unless the objective
    weights it), and `accuracy` at the images trained on;
    `gradients` spent per example; `fosc` of the adversarial images where measured; with a gate
    also `frozen`, the share that stopped before the last step, and `threshold`, the epoch's c_t.

    Args:
        network: maps images to logits.
        defense: from `fosc_tf.defenses.get`.
        seed: decides, with the step, every random number of the attack.
        fosc_every: measures the FOSC of all examples on every n-th batch, at one more gradient
            for those that climbed to the end; 0 never does. An epoch without such a batch shows
            0 for `fosc`.
        **arguments: for `keras.Model`.

    Raises:
        UserError: a network or defense that is none, `fosc_every` that is no whole number.
    """

    def __init__(
        self,
        network: keras.Model,
        defense: Defense,
        *,
        seed: int = 0,
        fosc_every: int = 10,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        if not isinstance(network, keras.Model):
            raise UserError(
                "network must be a Keras model of images to logits",
                'fosc_tf.models.get("cifar_cnn", input_shape=(32, 32, 3), num_classes=10)',
                f"network={network!r}",
            )
        if not isinstance(defense, Defense):
            raise UserError(
                "defense must be one that fosc_tf.defenses.get returns",
                'fosc_tf.defenses.get("standard", epsilon=8/255)',
                f"defense={defense!r}",
            )
        fosc_every = number("fosc_every", fosc_every, "fosc_every=10", least=0)
        self.network = network
        self.defense = defense
        self.defense_state = list(defense.state)
        self.seed = seed
        self.fosc_every = fosc_every
        self.reports_fosc = False
        names = ["loss", "accuracy"]
        if defense.attack is not None:
            names += ["gradients", "fosc"]
            if getattr(defense.attack, "gate", None) is not None:
                names.append("frozen")
        self._means = {name: keras.metrics.Mean(name) for name in names}
        # XLA cannot compile batches that examples leave; on a GPU it would be Keras' default.
        self.supports_jit = getattr(defense.attack, "keeps_shapes", True)
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, reset by Keras as each epoch begins; `fosc` only if measured."""
        return [m for name, m in self._means.items() if name != "fosc" or self.fosc_every > 0]

    @property
    def state(self) -> dict[str, Any]:
        """All variables by what they belong to, which a checkpoint must hold.

        The same whatever is logged, so that a run may go on with another `fosc_every`.
        """
        return {
            "network": self.network.variables,
            "optimizer": self.optimizer.variables,
            "metrics": {name: mean.variables for name, mean in self._means.items()},
            "defense": self.defense_state,
        }

    def call(self, image: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the network's logits, [batch, num_classes]."""
        return self.network(image, training=training)

    def fit(self, x: Any = None, y: Any = None, **arguments: Any) -> keras.callbacks.History:
        """Checks the first batch, calibrates the defense if it asks for it, then trains.

        Takes what `keras.Model.fit` takes, but no weights of classes or examples.

        Raises:
            UserError: images or labels that do not fit the network, see `check_first_batch`; an
                epsilon beyond the diameter of these images; `class_weight` or `sample_weight`.
        """
        _refuse_weights(arguments)
        # Also when fit is called outside the scope that the trainer was made in.
        with self.distribute_strategy.scope():
            first = check_first_batch(self.network, x, y, arguments.get("batch_size"))
            if first is not None and isinstance(self.defense.attack, PGD):
                attack = self.defense.attack
                check_epsilon(attack.epsilon, attack.norm, first.image.shape[1:])
            self._calibrate(first)
        if isinstance(x, tf.data.Dataset):
            arguments = {"shuffle": False} | arguments  # Keras would warn that it cannot
            if worker(self.distribute_strategy)[1] > 1:
                x = shared_out(self.distribute_strategy, x)
        return super().fit(x, y, **arguments)

    def _calibrate(self, first: Batch | None) -> None:
        if self.defense.calibrate is None:
            return
        if first is not None:
            self.defense.calibrate(self.network, first.image, first.label)
        elif any(np.isnan(state).any() for state in self.defense_state):
            raise UserError(
                "this defense measures its first batch before it starts",
                "fit on a tf.data.Dataset, a keras.utils.PyDataset or arrays",
                "data whose first batch cannot be looked at",
            )

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Attacks, judges, descends and records one batch."""
        batch = Batch.of(data).cast()
        step = tf.cast(self.optimizer.iterations, tf.int64)
        found = self.attack(batch, step)
        judged = self.descend(batch, found, step)
        return self.record(batch, found, judged, step)

    def attack(self, batch: Batch, step: tf.Tensor) -> Found | None:
        """Returns what the defense's attack finds, or None without one."""
        if self.defense.attack is None:
            return None
        measured = self.fosc_every > 0 and step % self.fosc_every == 0
        return self.defense.attack(
            self.network, batch.image, batch.label, seed=self.seed, step=step, final_fosc=measured
        )

    def descend(self, batch: Batch, found: Found | None, step: tf.Tensor) -> Judged:
        """Updates the weights once on the defense's objective and the network's own losses."""
        with tf.GradientTape() as tape:
            judged = self.defense.objective(self.network, batch, found, step)
            loss = mean_over_replicas(judged.loss)
            for penalty in self.network.losses:
                loss += mean_over_replicas(penalty)
            loss = self.optimizer.scale_loss(loss)
        variables = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return judged

    def record(
        self, batch: Batch, found: Found | None, judged: Judged, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Updates the running means and returns what Keras logs for this step."""
        hit = is_right(judged.logits, batch.label)
        self._means["loss"].update_state(judged.loss)
        self._means["accuracy"].update_state(hit)
        logs = {}
        if found is not None:
            known = tf.math.is_finite(found.fosc)
            self._means["gradients"].update_state(found.num_gradients)
            if "frozen" in self._means:
                rows = tf.shape(found.num_gradients)[0]
                steps = steps_per_example(self.defense.attack.num_steps, step, rows)
                self._means["frozen"].update_state(known & (found.num_gradients <= steps))
            measured = self.fosc_every > 0 and step % self.fosc_every == 0
            # Only fully measured batches count: frozen examples alone would bias the mean.
            fosc = tf.where(measured, found.fosc, float("nan"))
            if self.fosc_every > 0:
                known = tf.math.is_finite(fosc)
                self._means["fosc"].update_state(
                    tf.where(known, fosc, 0.0), sample_weight=tf.cast(known, tf.float32)
                )
            if self.reports_fosc:
                logs["fosc_of_examples"] = gather_over_replicas(fosc)
                logs["loss_of_examples"] = gather_over_replicas(found.loss)
        if self.defense.threshold is not None:
            logs["threshold"] = self.defense.threshold(step)
        return keras_logs(logs | {mean.name: mean.result() for mean in self.metrics})

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Returns loss and accuracy at the clean images."""
        batch = Batch.of(data).cast()
        logits = tf.cast(self.network(batch.image, training=False), tf.float32)
        hit = is_right(logits, batch.label)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.label, logits)
        self._means["loss"].update_state(loss)
        self._means["accuracy"].update_state(hit)
        return keras_logs({name: self._means[name].result() for name in ("loss", "accuracy")})

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Builds the optimizer only: its variables must exist before replicas trace their step.

        The network is built already, and Keras would reduce distributed batches eagerly here,
        which fails with several workers.
        """
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.network.trainable_variables)


def _refuse_weights(arguments: dict[str, Any]) -> None:
    for name in ("class_weight", "sample_weight"):
        if arguments.get(name) is not None:
            raise UserError(
                "every example counts alike in adversarial training",
                f"fit without {name}; a dataset that repeats what is to count more",
                f"{name} of {len(arguments[name])} values",
            )
