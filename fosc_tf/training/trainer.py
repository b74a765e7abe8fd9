"""The one template step: recall, attack, gradients, apply, remember, record.

trainer = AdversarialTrainer(network, defense)
trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
trainer.fit(dataset, epochs=50)      # any tf.data of (image, label)
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.attacks.attack import Attack, asked, declared
from fosc_tf.bounds.program import read
from fosc_tf.errors import UserError
from fosc_tf.number import number, whole
from fosc_tf.readable import one_line, without_defaults
from fosc_tf.replicas import add, num_replicas, put, sum_over_replicas
from fosc_tf.schedules import Clock
from fosc_tf.terms import cross_entropy, is_right
from fosc_tf.training.assertions import in_three_parts
from fosc_tf.training.call_arguments import check_arguments
from fosc_tf.training.containers import batches_of, validation_of
from fosc_tf.training.distribution import shared_out, worker
from fosc_tf.training.epochs import Plan, counted
from fosc_tf.training.first_batch import check_validation, first_batch
from fosc_tf.training.horizon import tell_unfinished
from fosc_tf.training.measures import Measures
from fosc_tf.training.monitors import check_monitors, with_more
from fosc_tf.training.reduction import gather_over_replicas, keras_logs, mean_over_replicas
from fosc_tf.training.refusals import refuse_frozen, refuse_uncompiled, refuse_weights
from fosc_tf.training.reporter import Reporter
from fosc_tf.training.retracing import no_word_of_retracing
from fosc_tf.training.robust_accuracy import RobustAccuracy, attack_of
from fosc_tf.training.standstill import watch
from fosc_tf.training.start import Start, gradient_norm, training_error
from fosc_tf.types import EXAMPLE, SMOOTHING, Batch, Defense, Found, Judged


class AdversarialTrainer(Reporter):
    """Trains `network` by `defense`; plain Keras from `compile` on.

    Batches are dicts with `image` [batch, h, w, c] float32 in [0, 1] and `label` [batch] int, or
    (image, label) pairs. Each step attacks the batch with the network in evaluation mode, then
    updates the weights on the defense's objective in training mode. Only `network` is meant to be
    exported. Subclasses may change the order of these parts, or mix gradients in `gradients`, and
    nothing else. A defense that needs another order brings its own, which is made in this one's
    place.

    The clock of schedules and random numbers is `batches_seen`, not the optimizer's count, which
    gradient accumulation slows down. The attack's random numbers depend on `seed` and that step
    only, so a resumed run or another number of replicas sees the same ones. A call of `fit` goes on
    where the one before ended, in whatever number of calls; one with an `initial_epoch` above 0
    begins with that epoch's schedules.

    Metrics, means over the epoch: `loss`, which the weights descend (nats, unless the objective
    weights it), and `accuracy` at the images trained on;
    `gradients` spent per example; `fosc` of the adversarial images where measured; with a gate
    also `frozen`, the share that stopped before the last step; the defense's `terms`. Its schedules
    are logged as they are, such as `threshold`, the epoch's c_t. Validations and `evaluate` report
    `loss` and `accuracy` at clean images and, with a `validation_attack`, `robust_accuracy`: the
    share classified right both clean and attacked. Metrics given to `compile` are shown the images
    trained on, and in validations the clean ones.

    What of a trainer is saved, restored and exported is told in `NetworkFront`.

    Args:
        network: maps images to logits.
        defense: from `fosc_tf.defenses.get`.
        seed: decides, with the step, every random number of the attack.
        fosc_every: measures the FOSC of all examples on every n-th batch, at one more gradient
            for those that climbed to the end; 0 never does. An epoch without such a batch shows
            0 for `fosc`.
        validation_attack: attacks every batch of `evaluate` and of validations: an attack, or the
            name of one, such as "pgd-10", in the ball of the defense's own attack. The callback
            `HeldOut` takes every attack and measures as evaluations do.
        **arguments: for `keras.Model`.

    Attributes:
        batches_seen: int64 scalar, batches trained on so far.
        companions: callbacks that every `fit` has besides those that it is given.
        start: where weight updates are measured from, see `follow`; None measures none.
        needs_fosc: whether the FOSC of every batch is measured, whatever `fosc_every` says.

    Raises:
        UserError: a network or defense that is none, `fosc_every` that is no whole number, an
            attack that cannot run inside a compiled step; with a certified defense a network that
            bounds do not know.
    """

    needs_fosc = False

    def __new__(cls, network: Any = None, defense: Any = None, **arguments: Any) -> Any:
        """Returns the trainer whose order of updates the defense needs."""
        own = getattr(defense, "trainer", None)
        made = own if cls is AdversarialTrainer and own else cls
        return super().__new__(made, network, defense, **arguments)

    def __init__(
        self,
        network: keras.Model,
        defense: Defense,
        *,
        seed: int = 0,
        fosc_every: int = 10,
        validation_attack: str | Attack | Callable[..., Found] | None = None,
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
        if defense.proof is not None:
            read(network)  # refused before anything is trained
        fosc_every = number("fosc_every", fosc_every, "fosc_every=10", least=0)
        seed = whole("seed", seed, least=0, below=2**63)
        self.network = network
        self.defense = defense
        self.defense_state = list(defense.state)
        self.memory_state = []
        if defense.memory:
            shape = getattr(network, "input_shape", ())  # a class of its own may not say it
            if len(shape) == 4 and None not in shape[1:]:
                defense.memory.see(shape[1:])
            self.memory_state = list(defense.memory.variables.values())
        self.average_state = defense.average.build(network) if defense.average else []
        self.batches_seen = keras.Variable(0, dtype="int64", trainable=False, name="batches_seen")
        self.seed = seed
        self.fosc_every = fosc_every
        self.reports_fosc = self.reports_losses = False
        self.start: Start | None = None
        self.companions: list[keras.callbacks.Callback] = []
        self._plan: Plan | None = None
        self._attack = None if defense.attack is None else declared(defense.attack)
        robust = None
        if validation_attack is not None:
            robust = RobustAccuracy(attack_of(validation_attack, defense), seed)
        self._measures = Measures(defense, self._attack, fosc_every, robust)
        self._means = self._measures.means  # tracked: they are in the files of `save_weights`
        attacks = [self._attack, robust and robust.attack]
        # XLA cannot compile batches that examples leave; on a GPU it would be Keras' default.
        self.supports_jit = all(each is None or each.traits.fixed_shapes for each in attacks)
        self.built = True

    __new__.__signature__ = inspect.signature(__init__)  # what help() shows

    def __repr__(self) -> str:
        """Returns one line: the network's name, the defense, and what is not the default."""
        said = {"network": self.network.name, "defense": self.defense, "seed": self.seed}
        said["fosc_every"] = self.fosc_every
        if self._measures.robust is not None:
            said["validation_attack"] = self._measures.robust.attack
        return one_line(type(self).__name__, without_defaults(AdversarialTrainer, said))

    @property
    def state(self) -> dict[str, Any]:
        """All variables by what they belong to, which a checkpoint must hold.

        The same whatever is logged, so that a run may go on with another `fosc_every`. What a
        subclass has besides is its `own`.
        """
        known = {
            "network": self.network.variables,
            "optimizer": self.optimizer.variables,
            "metrics": self._measures.variables,
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

    def fit(self, x: Any = None, y: Any = None, **arguments: Any) -> keras.callbacks.History:
        """Checks the first batch, calibrates the defense if it asks for it, then trains.

        Takes what `keras.Model.fit` takes, but no weights of classes or examples. A dataset that
        does not know its length is counted first where schedules need it.

        Raises:
            UserError: images or labels that do not fit the network, see `first_batch`, in whatever
                batch they come (without XLA); an
                epsilon beyond the diameter of these images; `class_weight` or `sample_weight`;
                no `compile` before; numbers, such as `batch_size`, that Keras cannot take;
                epochs of another length than the schedules count; a schedule that is out of range
                at the first or last step; a memory without ids, or with ids beyond it.
        """
        refuse_weights(arguments)
        refuse_uncompiled(self)
        check_arguments(x, y, arguments, "steps_per_epoch")
        self._initial_epoch = None  # BackupAndRestore of an earlier fit may have left one
        x = batches_of(x, y)
        validation = validation_of(arguments.get("validation_data"))
        arguments["validation_data"] = validation
        validated = validation is not None or bool(arguments.get("validation_split"))
        check_monitors(
            arguments.get("callbacks"),
            metrics=self._measures.directions(validated),
            schedules=self.defense.schedules,
            optimizer=getattr(self, "optimizer", None),
        )
        arguments["callbacks"] = with_more(arguments.get("callbacks"), self.companions)
        if "frozen" in self._measures.means:
            arguments["callbacks"] = with_more(arguments.get("callbacks"), watch(self.network))
        # Also when fit is called outside the scope that the trainer was made in.
        with self.distribute_strategy.scope():
            size = arguments.get("batch_size")
            first, x = first_batch(self.network, x, y, size)
            refuse_frozen(self.network)  # a class of its own is built by now
            check_validation(self.network, validation, size)
            if self._measures.robust is not None:
                self._measures.robust.attack.check(first.image.shape[1:])
            if self.defense.memory is not None:
                self.defense.memory.check(self.identified(first))
            if self.defense.calibrate is not None:
                self.defense.calibrate(self.network, first.image, first.label)
        self._shape = first.image.shape[1:]
        length = None
        if isinstance(x, tf.data.Dataset | Iterator):
            arguments = {"shuffle": False} | arguments  # Keras would warn that it cannot
        if isinstance(x, tf.data.Dataset):
            if not arguments.get("steps_per_epoch"):
                length = counted(x, self._clocks)
            if worker(self.distribute_strategy)[1] > 1:
                x = shared_out(self.distribute_strategy, x)
        epochs, initial = arguments.get("epochs", 1), arguments.get("initial_epoch", 0)
        self._plan = Plan(initial, epochs, length)
        memory = self.defense.memory
        try:
            telling = contextlib.nullcontext() if memory is None else memory.telling()
            with in_three_parts(), no_word_of_retracing(), telling:
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
        if not first:
            tell_unfinished(self.defense.schedules, plan.epochs)
        self.batches_seen.assign(first)
        for step in (first, last):
            if self._attack is not None and self._shape is not None:
                self._attack.check(self._shape, step)
            for name, schedule in self.defense.schedules.items():
                asked(name, schedule, step)

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
            norm = self.apply(gradients)
            if moved:
                self.defense.perturbation.undo(moved)
            update = self.measured(norm, batch, judged)
            self.remember(batch, found, judged, step)
        return self.record(batch, found, judged, step, [update])

    def identified(self, batch: Batch) -> Batch:
        """Returns the batch with the `id` by which the memory knows its examples: its own here."""
        return batch

    def recall(self, batch: Batch) -> Batch:
        """Returns the batch with what is known of its examples, and how labels are smoothed."""
        known, defense = dict(batch.context), self.defense
        if defense.memory is not None:
            known |= defense.memory.read(batch)
        if defense.label_smoothing:
            known[SMOOTHING] = tf.constant(defense.label_smoothing, tf.float32)
        return batch._replace(context=known)

    def attack(self, batch: Batch, step: tf.Tensor) -> Found | None:
        """Returns what the defense's attack finds, or None without one."""
        if self._attack is None:
            return None
        measured = self.fosc_every > 0 and step % self.fosc_every == 0
        if self.needs_fosc:
            measured = True
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
        judged, gradients, _ = self.backward(batch, found, step, [])
        return judged, gradients

    def backward(
        self, batch: Batch, found: Found | None, step: tf.Tensor, images: list[tf.Tensor]
    ) -> tuple[Judged, list[tf.Tensor | None], list[tf.Tensor]]:
        """Returns what `gradients` does, and from the same backward pass the gradients at `images`.

        These are of each example's own loss, [batch, ...].
        """
        with tf.GradientTape() as tape:
            tape.watch(images)
            judged = self.defense.objective(self.network, batch, found, step)
            loss = mean_over_replicas(judged.loss)
            for penalty in self.network.losses:
                loss += mean_over_replicas(penalty)
            loss = self.optimizer.scale_loss(loss)
        weights = self.network.trainable_variables
        gradients = tape.gradient(loss, [*weights, *images])
        examples = tf.cast(tf.size(judged.loss) * num_replicas(), tf.float32)
        factor = examples / self.optimizer.scale_loss(tf.ones([]))
        of_images = [factor * gradient for gradient in gradients[len(weights) :]]
        return judged, gradients[: len(weights)], of_images

    def follow(self, weights: Sequence[np.ndarray] | None = None) -> None:
        """Has each update measured from now on, see `callbacks.Updates`.

        Args:
            weights: the trainable ones that training began with; None is those of this moment.
        """
        if self.start is None:
            self.start = Start(self.network, self.distribute_strategy, weights)
            self.train_function = None  # one that measures nothing may be compiled

    def measured(
        self, norm: tf.Tensor | None, batch: Batch, judged: Judged
    ) -> tuple[tf.Tensor, ...] | None:
        """Returns an update's gradient norm, distance from the start and training error."""
        if self.start is None:
            return None
        return norm, self.start.distance(), training_error(batch, judged)

    def apply(self, gradients: list[tf.Tensor | None]) -> tf.Tensor | None:
        """Updates the weights once by the shares of all replicas.

        Returns the norm of their sum, before the optimizer does anything with it, where updates
        are followed.

        Without a strategy there is nothing to add up. Told so, Keras' optimizer leaves out
        TensorFlow's `all_reduce`, which would keep the graph of each compiled step for ever. One
        that scales losses takes no such word.
        """

        # Before the update, which may change how losses are scaled.
        norm = None if self.start is None else gradient_norm(gradients, self.optimizer)

        def update(_: Any, gradients: list[tf.Tensor | None]) -> None:
            pairs = zip(gradients, self.network.trainable_variables, strict=True)
            self.optimizer.apply_gradients(pairs)

        scales = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        if scales or tf.distribute.has_strategy():
            update(None, gradients)
        else:
            tf.distribute.get_replica_context().merge_call(update, args=(gradients,))
        return norm

    def remember(self, batch: Batch, found: Found | None, judged: Judged, step: tf.Tensor) -> None:
        """Writes back what the defense remembers, moves the weight average, counts the batch."""
        if self.defense.memory is not None and self.defense.remember is not None:
            self.defense.memory.write(batch, self.defense.remember(batch, found, judged, step))
        if self.defense.average is not None:
            self.defense.average.update(self.network, step)
        add(self.batches_seen, tf.ones([], tf.int64))

    def record(
        self,
        batch: Batch,
        found: Found | None,
        judged: Judged,
        step: tf.Tensor,
        updates: Sequence[tuple[tf.Tensor, ...] | None] = (),
    ) -> dict[str, tf.Tensor]:
        """Updates the running means and returns what Keras logs for this step."""
        logs = {}
        if self.start is not None and updates:
            logs["updates"] = tf.stack([tf.stack(each) for each in updates])
        fosc = None
        ids = batch.context.get(EXAMPLE, batch.context.get("id"))
        if found is not None:
            measured = self.fosc_every > 0 and step % self.fosc_every == 0
            # Only fully measured batches count: frozen examples alone would bias the mean.
            fosc = tf.where(measured, found.fosc, float("nan"))
            if self.reports_fosc:
                logs["fosc_of_examples"] = gather_over_replicas(fosc)
                logs["loss_of_examples"] = gather_over_replicas(found.loss)
                if ids is not None:
                    # Keras takes means of what workers log, which for whole numbers it cannot.
                    logs["id_of_examples"] = tf.cast(gather_over_replicas(ids), tf.float64)
        if self.reports_losses and ids is not None:
            loss = cross_entropy(tf.cast(judged.logits, tf.float32), batch.label)
            parts = (ids, loss, ~is_right(judged.logits, batch.label))
            # One array, of doubles for the ids: every further log costs time in each step.
            told = tf.stack([tf.cast(part, tf.float64) for part in parts], axis=1)
            logs["record_of_examples"] = gather_over_replicas(told)
        logs |= {name: schedule(step) for name, schedule in self.defense.schedules.items()}
        return keras_logs(logs | self._measures.trained(batch.label, found, judged, fosc))

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
