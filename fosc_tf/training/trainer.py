"""The one template step: recall, attack, gradients, apply, remember, record.

trainer = AdversarialTrainer(network, defense)
trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
trainer.fit(dataset, epochs=50)      # any tf.data of (image, label)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks.attack import asked, declared
from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.objectives.terms import is_right
from fosc_tf.replicas import add, put, sum_over_replicas
from fosc_tf.schedules import Clock
from fosc_tf.training.assertions import asserted, in_three_parts
from fosc_tf.training.distribution import shared_out, worker
from fosc_tf.training.epochs import Plan, counted
from fosc_tf.training.first_batch import first_batch
from fosc_tf.training.reduction import gather_over_replicas, keras_logs, mean_over_replicas
from fosc_tf.types import Batch, Defense, Found, Judged


class AdversarialTrainer(keras.Model):
    """Trains `network` by `defense`; plain Keras from `compile` on.

    Batches are dicts with `image` [batch, h, w, c] float32 in [0, 1] and `label` [batch] int, or
    (image, label) pairs. Each step attacks the batch with the network in evaluation mode, then
    updates the weights on the defense's objective in training mode. Only `network` is meant to be
    exported. Subclasses may change the order of these parts, or mix gradients in `gradients`, and
    nothing else.

    The clock of schedules and random numbers is `batches_seen`, not the optimizer's count, which
    gradient accumulation slows down. The attack's random numbers depend on `seed` and that step
    only, so a resumed run or another number of replicas sees the same ones. A call of `fit` goes on
    where the one before ended, in whatever number of calls; one with an `initial_epoch` above 0
    begins with that epoch's schedules.

    Metrics, means over the epoch: `loss`, which the weights descend (nats, unless the objective
    weights it), and `accuracy` at the images trained on;
    `gradients` spent per example; `fosc` of the adversarial images where measured; with a gate
    also `frozen`, the share that stopped before the last step; the defense's `terms`. Its schedules
    are logged as they are, such as `threshold`, the epoch's c_t.

    Args:
        network: maps images to logits.
        defense: from `fosc_tf.defenses.get`.
        seed: decides, with the step, every random number of the attack.
        fosc_every: measures the FOSC of all examples on every n-th batch, at one more gradient
            for those that climbed to the end; 0 never does. An epoch without such a batch shows
            0 for `fosc`.
        **arguments: for `keras.Model`.

    Attributes:
        batches_seen: int64 scalar, batches trained on so far.

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
        self.memory_state = list(defense.memory.variables.values()) if defense.memory else []
        self.average_state = defense.average.build(network) if defense.average else []
        self.batches_seen = keras.Variable(0, dtype="int64", trainable=False, name="batches_seen")
        self.seed = seed
        self.fosc_every = fosc_every
        self.reports_fosc = False
        self._plan: Plan | None = None
        self._attack = None if defense.attack is None else declared(defense.attack)
        names = ["loss", "accuracy", *defense.terms]
        if self._attack is not None:
            names += ["gradients", "fosc"]
            if self._attack.traits.gated:
                names.append("frozen")
        self._means = {name: keras.metrics.Mean(name) for name in names}
        # XLA cannot compile batches that examples leave; on a GPU it would be Keras' default.
        self.supports_jit = self._attack is None or self._attack.traits.fixed_shapes
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, reset by Keras as each epoch begins; `fosc` only if measured."""
        return [m for name, m in self._means.items() if name != "fosc" or self.fosc_every > 0]

    @property
    def state(self) -> dict[str, Any]:
        """All variables by what they belong to, which a checkpoint must hold.

        The same whatever is logged, so that a run may go on with another `fosc_every`. What a
        subclass has besides is its `own`.
        """
        known = {
            "network": self.network.variables,
            "optimizer": self.optimizer.variables,
            "metrics": {name: mean.variables for name, mean in self._means.items()},
            "clock": [self.batches_seen],
            "defense": self.defense_state,
            "memory": self.memory_state,
            "average": self.average_state,
        }
        listed = {id(variable) for variable in tf.nest.flatten(known)}
        return known | {"own": [each for each in self.variables if id(each) not in listed]}

    @property
    def step(self) -> int:
        """Batches trained on so far, as a number; outside a `tf.function` only."""
        return int(self.batches_seen.numpy())

    def call(self, image: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the network's logits, [batch, num_classes]."""
        return self.network(image, training=training)

    def fit(self, x: Any = None, y: Any = None, **arguments: Any) -> keras.callbacks.History:
        """Checks the first batch, calibrates the defense if it asks for it, then trains.

        Takes what `keras.Model.fit` takes, but no weights of classes or examples. A dataset that
        does not know its length is counted first where schedules need it.

        Raises:
            UserError: images or labels that do not fit the network, see `first_batch`, in whatever
                batch they come (without XLA); an
                epsilon beyond the diameter of these images; `class_weight` or `sample_weight`;
                epochs of another length than the schedules count; a schedule that is out of range
                at the first or last step; a memory without ids, or with ids beyond it.
        """
        _refuse_weights(arguments)
        # Also when fit is called outside the scope that the trainer was made in.
        with self.distribute_strategy.scope():
            size = arguments.get("batch_size")
            first, x = first_batch(self.network, x, y, size)
            self._check_validation(arguments.get("validation_data"), size)
            if self.defense.memory is not None:
                self.defense.memory.check(first)
            if self.defense.calibrate is not None:
                self.defense.calibrate(self.network, first.image, first.label)
        self._shape = first.image.shape[1:]
        length = None
        if isinstance(x, tf.data.Dataset):
            arguments = {"shuffle": False} | arguments  # Keras would warn that it cannot
            if not arguments.get("steps_per_epoch"):
                length = counted(x, self._clocks)
            if worker(self.distribute_strategy)[1] > 1:
                x = shared_out(self.distribute_strategy, x)
        epochs, initial = arguments.get("epochs", 1), arguments.get("initial_epoch", 0)
        self._plan = Plan(initial, epochs, length)
        memory = self.defense.memory
        try:
            with in_three_parts(), contextlib.nullcontext() if memory is None else memory.telling():
                return super().fit(x, y, **arguments)
        finally:
            self._plan = None  # of a call that ended before it began

    @property
    def _clocks(self) -> list[Clock]:
        """The clocks of the defense and of its parts, each once."""
        defense = self.defense
        parts = [part for part in (defense.perturbation, defense.average) if part is not None]
        clocks = [defense.clock, *(part.clock for part in parts)]
        return list({id(clock): clock for clock in clocks if clock is not None}.values())

    def _begin(self, plan: Plan, length: int | None) -> None:
        """Sets the clock, and asks all schedules at the first and at the last step."""
        first, last = plan.steps(self._clocks, self.step, length)
        self.batches_seen.assign(first)
        for step in (first, last):
            if self._attack is not None and self._shape is not None:
                self._attack.check(self._shape, step)
            for name, schedule in self.defense.schedules.items():
                asked(name, schedule, step)

    def evaluate(self, x: Any = None, y: Any = None, **arguments: Any) -> Any:
        """Returns loss and accuracy at clean images, as Keras does.

        Raises:
            UserError: images or labels that do not fit the network, in whatever batch.
        """
        with in_three_parts():
            return super().evaluate(x, y, **arguments)

    def _check_validation(self, given: Any, size: int | None) -> None:
        """Raises `UserError` where the validation would, after an epoch, for its first batch."""
        if given is None or isinstance(given, Iterator):
            return
        rows = Batch.of(given)[:2] if isinstance(given, tuple) else (given,)
        first_batch(self.network, *rows, batch_size=size)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Recalls, attacks, takes gradients, descends, remembers and records one batch."""
        step = tf.convert_to_tensor(self.batches_seen)
        batch = self.recall(self._asserted(data))
        found = self.attack(batch, step)
        moved = self.perturb(batch, found, step)
        judged, gradients = self.gradients(batch, found, step)
        # At the end of a dataset that does not know its length TensorFlow may run whatever does not
        # depend on the batch that is not there.
        with tf.control_dependencies([batch.label]):
            self.apply(gradients)
            if moved:
                self.defense.perturbation.undo(moved)
            self.remember(batch, found, judged, step)
        return self.record(batch, found, judged, step)

    def _asserted(self, data: Any) -> Batch:
        batch = Batch.of(data)
        output = getattr(self.network, "output_shape", None)
        if output is None:  # a class of its own
            image = keras.KerasTensor((None, *batch.image.shape[1:]))
            output = self.network.compute_output_spec(image, training=False).shape
        return asserted(batch, output[-1])

    def recall(self, batch: Batch) -> Batch:
        """Returns the batch with what the memory holds of its examples in its context."""
        memory = self.defense.memory
        if memory is None:
            return batch
        return batch._replace(context=batch.context | memory.read(batch))

    def attack(self, batch: Batch, step: tf.Tensor) -> Found | None:
        """Returns what the defense's attack finds, or None without one."""
        if self._attack is None:
            return None
        measured = self.fosc_every > 0 and step % self.fosc_every == 0
        return self._attack(
            self.network,
            batch.image,
            batch.label,
            context=batch.context,
            seed=self.seed,
            step=step,
            final_fosc=measured,
        )

    def perturb(
        self, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Moves the weights where the defense wants their gradients taken; see `perturbation`."""
        if self.defense.perturbation is None:
            return []
        others = self.network.non_trainable_variables
        before = [tf.identity(variable) for variable in others]
        _, gradients = self.gradients(batch, found, step)
        for variable, value in zip(others, before, strict=True):
            put(variable, value)
        return self.defense.perturbation.move(self.network, sum_over_replicas(gradients), step)

    def gradients(
        self, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> tuple[Judged, list[tf.Tensor | None]]:
        """Returns what the objective says and this replica's share of its gradients.

        They are those of the defense's objective and the network's own losses, for each trainable
        variable, scaled as the optimizer scales losses; shares add up to the gradient of the mean
        over the global batch. Whoever takes a norm of them or mixes them adds the shares up first
        (`replicas.sum_over_replicas`) and divides the result by the replicas.
        """
        with tf.GradientTape() as tape:
            judged = self.defense.objective(self.network, batch, found, step)
            loss = mean_over_replicas(judged.loss)
            for penalty in self.network.losses:
                loss += mean_over_replicas(penalty)
            loss = self.optimizer.scale_loss(loss)
        return judged, tape.gradient(loss, self.network.trainable_variables)

    def apply(self, gradients: list[tf.Tensor | None]) -> None:
        """Updates the weights once by the shares of all replicas."""
        pairs = zip(gradients, self.network.trainable_variables, strict=True)
        self.optimizer.apply_gradients(pairs)

    def remember(self, batch: Batch, found: Found | None, judged: Judged, step: tf.Tensor) -> None:
        """Writes back what the defense remembers, moves the weight average, counts the batch."""
        if self.defense.memory is not None and self.defense.remember is not None:
            self.defense.memory.write(batch, self.defense.remember(batch, found, judged, step))
        if self.defense.average is not None:
            self.defense.average.update(self.network, step)
        add(self.batches_seen, tf.ones([], tf.int64))

    def record(
        self, batch: Batch, found: Found | None, judged: Judged, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Updates the running means and returns what Keras logs for this step."""
        self._means["loss"].update_state(judged.loss)
        self._means["accuracy"].update_state(is_right(judged.logits, batch.label))
        for name in self.defense.terms:
            self._means[name].update_state(judged.terms[name])
        logs = {}
        if found is not None:
            self._means["gradients"].update_state(found.num_gradients)
            if "frozen" in self._means and found.stopped is not None:
                self._means["frozen"].update_state(found.stopped)
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
                if "id" in batch.context:
                    ids = gather_over_replicas(batch.context["id"])
                    # Keras takes means of what workers log, which for whole numbers it cannot.
                    logs["id_of_examples"] = tf.cast(ids, tf.float64)
        logs |= {name: schedule(step) for name, schedule in self.defense.schedules.items()}
        return keras_logs(logs | {mean.name: mean.result() for mean in self.metrics})

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Returns loss and accuracy at the clean images."""
        batch = self._asserted(data)
        logits = tf.cast(self.network(batch.image, training=False), tf.float32)
        hit = is_right(logits, batch.label)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.label, logits)
        self._means["loss"].update_state(loss)
        self._means["accuracy"].update_state(hit)
        return keras_logs({name: self._means[name].result() for name in ("loss", "accuracy")})

    def _get_metrics_result_or_logs(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Returns the logs of an epoch, its means over all replicas.

        Keras would take those of the last step where more is logged than means: the mean of the
        replicas' means, though one of them may have measured more examples than another.
        """
        return {**logs, **{m.name: m.result() for m in self.metrics if m.name in logs}}

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Builds the optimizer only: its variables must exist before replicas trace their step.

        Keras calls this as `fit` and `evaluate` begin; it knows the length of an epoch by now. The
        network is built already, and Keras would reduce distributed batches eagerly here,
        which fails with several workers.
        """
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.network.trainable_variables)
        # An evaluation within `fit` comes here again.
        plan, self._plan = self._plan, None
        if plan is not None:
            self._begin(plan, getattr(iterator, "num_batches", None))


def _refuse_weights(arguments: dict[str, Any]) -> None:
    for name in ("class_weight", "sample_weight"):
        if arguments.get(name) is not None:
            raise UserError(
                "every example counts alike in adversarial training",
                f"fit without {name}; a dataset that repeats what is to count more",
                f"{name} of {len(arguments[name])} values",
            )
