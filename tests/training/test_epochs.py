"""Which epoch a batch belongs to, whoever feeds the trainer and however often: c_t by batch.

With c_max = 0.8 and eight control epochs c_t is 0.8, 0.7, 0.6, ... in epochs 0, 1, 2, ...
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.attacks import PGD, fosc_above
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, fosc_threshold
from fosc_tf.training import AdversarialTrainer, WeightAverage, WeightPerturbation
from fosc_tf.types import Defense, Judged
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused

STEPS, SIZE = 3, 8
IMAGE, LABEL = images(STEPS * SIZE), labels(STEPS * SIZE)
KNOWN = tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(SIZE)
UNKNOWN = KNOWN.filter(lambda image, label: True)


class Watch(keras.callbacks.Callback):
    """Keeps c_t of each batch, epoch by epoch, and the epochs' numbers."""

    def __init__(self):
        super().__init__()
        self.seen, self.epochs = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append([])
        self.epochs.append(epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.seen[-1].append(round(float(logs["threshold"]), 3))


def trainer_of(steps_per_epoch=STEPS, optimizer="sgd", **arguments):
    settings = {"epsilon": 0.1, "num_steps": 2, "c_max": 0.8, "control_epochs": 8}
    defense = defenses.get("dynamic", steps_per_epoch=steps_per_epoch, **(settings | arguments))
    trainer = AdversarialTrainer(mlp(), defense)
    trainer.compile(optimizer)
    return trainer


def seen(trainer, data, y=None, **arguments):
    watch = Watch()
    trainer.fit(data, y, verbose=0, callbacks=[watch], **({"epochs": 3} | arguments))
    return watch.seen


RIGHT = [[0.8] * STEPS, [0.7] * STEPS, [0.6] * STEPS]


@pytest.mark.parametrize("steps_per_epoch", [STEPS, None])
@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        (KNOWN, {}),
        (UNKNOWN, {}),
        (KNOWN.repeat(), {"steps_per_epoch": STEPS}),
        (UNKNOWN.repeat(), {"steps_per_epoch": STEPS}),
        (IMAGE, {"y": LABEL, "batch_size": SIZE}),
        (
            np.concatenate([IMAGE, IMAGE]),
            {"y": np.tile(LABEL, 2), "batch_size": SIZE, "validation_split": 0.5},
        ),
    ],
    ids=["known", "unknown", "repeat", "unknown repeat", "arrays", "split"],
)
def test_every_batch_has_the_threshold_of_its_epoch(data, arguments, steps_per_epoch):
    trainer = trainer_of(steps_per_epoch)
    assert seen(trainer, data, **arguments) == RIGHT
    assert trainer.step == 3 * STEPS
    assert trainer.defense.clock.steps_per_epoch == STEPS


def test_gradient_accumulation_does_not_slow_the_clock():
    trainer = trainer_of(optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=4))
    assert seen(trainer, KNOWN) == RIGHT


def test_several_fits_go_on_where_the_last_ended():
    trainer = trainer_of(None)
    found = [*seen(trainer, KNOWN, epochs=1), *seen(trainer, KNOWN, epochs=2)]
    assert found == RIGHT


@pytest.mark.parametrize("data", [KNOWN, UNKNOWN])
def test_an_initial_epoch_begins_with_its_threshold(data):
    trainer = trainer_of(None)
    assert seen(trainer, data, initial_epoch=2, epochs=4) == [[0.6] * STEPS, [0.5] * STEPS]
    # Going on as Keras' own resuming does.
    assert seen(trainer, data, initial_epoch=4, epochs=5) == [[0.4] * STEPS]
    assert seen(trainer, data, epochs=1) == [[0.3] * STEPS]


def test_the_rest_of_an_epoch_is_gone_on_with():
    trainer = trainer_of()
    trainer.batches_seen.assign(STEPS + 1)
    assert seen(trainer, KNOWN.take(2), initial_epoch=1, epochs=2) == [[0.7, 0.7]]
    assert seen(trainer, KNOWN, initial_epoch=2, epochs=3) == [[0.6] * STEPS]


def test_a_training_without_a_clock_goes_on_in_the_middle_of_an_epoch():
    """Standard training has no schedule: nobody tells that one batch is what is left of three."""
    trainer = AdversarialTrainer(mlp(), defenses.get("standard", epsilon=0.1, num_steps=1))
    trainer.compile("sgd")
    trainer.batches_seen.assign(2 * STEPS - 1)
    trainer.fit(KNOWN.take(1), initial_epoch=1, epochs=2, verbose=0)
    assert trainer.step == 2 * STEPS
    trainer.fit(KNOWN, initial_epoch=2, epochs=3, verbose=0)
    assert trainer.step == 3 * STEPS


def test_a_fit_that_never_began_leaves_nothing_behind():
    trainer = trainer_of(None)
    with pytest.raises(TypeError):
        trainer.fit(KNOWN, verbose=0, no_such_argument=1)
    trainer.evaluate(KNOWN.take(1), verbose=0)
    assert trainer.defense.clock.steps_per_epoch is None
    assert seen(trainer, KNOWN) == RIGHT


@pytest.mark.parametrize("data", [KNOWN, UNKNOWN])
def test_clocks_of_parts_are_told_too(data):
    standard = defenses.get("standard", epsilon=0.1, num_steps=1)
    moved = WeightPerturbation(0.1, from_epoch=1, clock=Clock())
    average = WeightAverage(0.5, from_epoch=1, clock=Clock())
    defense = dataclasses.replace(standard, perturbation=moved, average=average)
    trainer = AdversarialTrainer(mlp(), defense)
    trainer.compile("sgd")
    trainer.fit(data, epochs=2, verbose=0)
    assert moved.clock.steps_per_epoch == average.clock.steps_per_epoch == STEPS


@pytest.mark.parametrize(
    ("data", "arguments", "length"),
    [
        (KNOWN.repeat(), {"steps_per_epoch": 1}, 1),
        (IMAGE, {"y": LABEL, "batch_size": 4}, 6),
        (KNOWN.take(2), {}, 2),
        (UNKNOWN.take(2), {}, 2),
        (UNKNOWN.repeat(2), {}, 4),
    ],
)
def test_epochs_of_another_length_are_refused_before_training(data, arguments, length):
    trainer = trainer_of()
    refused(
        lambda: seen(trainer, data, **arguments),
        rule="an epoch must have as many batches as the schedules of the defense count",
        right=f"steps_per_epoch={length}",
        received=f"epochs of {length} batches with steps_per_epoch=3",
    )
    assert trainer.step == 0


def test_data_of_no_length_need_one():
    def forever():
        while True:
            yield IMAGE[:SIZE], LABEL[:SIZE]

    refused(
        lambda: seen(trainer_of(None), forever()),
        rule="must know how many batches an epoch has",
        right="steps_per_epoch=468",
        received="does not say how long it is",
    )
    assert seen(trainer_of(None), forever(), steps_per_epoch=STEPS) == RIGHT


def test_a_schedule_without_a_clock_is_told_of():
    refused(
        lambda: Clock().epoch(0), rule="steps_per_epoch must be known", right="468", received="none"
    )


@pytest.mark.parametrize("bad_step", [0, 3 * STEPS - 1])
def test_schedules_are_asked_at_the_first_and_the_last_step(bad_step):
    def bad(step):
        return tf.where(step == bad_step, float("nan"), 0.1)

    def attack(**arguments):
        return PGD(**({"epsilon": 0.1, "step_size": 0.05, "num_steps": 1} | arguments))

    too_large = attack(epsilon=lambda step: tf.where(step == bad_step, 8.0, 0.1))
    for defense, rule, received in (
        (Defense(attack(), adversarial, schedules={"rate": bad}), "rate as a schedule", "NaN"),
        (Defense(attack(step_size=bad), adversarial), "step_size as a schedule", "NaN"),
        (Defense(too_large, adversarial), "epsilon must lie in (0, 1]", "epsilon=8"),
    ):
        trainer = AdversarialTrainer(mlp(), defense)
        trainer.compile("sgd")
        refused(
            lambda trainer=trainer: trainer.fit(KNOWN, epochs=3, verbose=0),
            rule=rule,
            right="",
            received=received,
        )
        assert trainer.step == 0


def test_every_schedule_and_term_is_logged():
    def objective(network, batch, found, step):
        judged = adversarial(network, batch, found, step)
        return Judged(judged.loss, judged.logits, {"twice": 2 * judged.loss})

    clock = Clock()
    falling = fosc_threshold(c_max=0.8, control_epochs=8, clock=clock)
    attack = PGD(epsilon=0.1, step_size=0.05, num_steps=2, gate=fosc_above(falling))
    schedules = {"threshold": falling, "radius": lambda step: 0.1 * tf.cast(step, tf.float32)}
    defense = Defense(attack, objective, clock=clock, schedules=schedules, terms=("twice",))
    trainer = AdversarialTrainer(mlp(), defense)
    trainer.compile(keras.optimizers.SGD(0.0))
    history = trainer.fit(KNOWN, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["threshold"], [0.8, 0.7])
    np.testing.assert_allclose(history["radius"], [0.2, 0.5], rtol=1e-6)  # of the last batch
    np.testing.assert_allclose(history["twice"], 2 * np.array(history["loss"]), rtol=1e-6)


# A lambda around Dynamic's attack is Dynamic's attack.


def wrapped(defense):
    attack = defense.attack
    return dataclasses.replace(defense, attack=lambda *given, **options: attack(*given, **options))


def test_a_lambda_around_the_attack_changes_nothing():
    found = []
    for change in (lambda defense: defense, wrapped):
        trainer = AdversarialTrainer(mlp(), change(trainer_of().defense), seed=3, fosc_every=1)
        trainer.compile("sgd")
        found.append(trainer.fit(KNOWN, epochs=2, verbose=0).history)
        assert trainer.supports_jit is False
    assert found[0].keys() == found[1].keys() >= {"frozen", "fosc", "gradients", "threshold"}
    assert found[0] == found[1]


def test_a_lambda_around_the_attack_is_refused_alike():
    attack = PGD(epsilon=100.0, step_size=1.0, num_steps=1, norm="l2")
    defense = wrapped(Defense(attack, adversarial))
    trainer = AdversarialTrainer(mlp(), defense)
    trainer.compile("sgd")
    refused(
        lambda: trainer.fit(KNOWN, verbose=0),
        rule="epsilon must be at most 4, the l2 diameter of images [4, 4, 1]",
        right="100/255",
        received="epsilon=100",
    )


# State


class Counts(AdversarialTrainer):
    """A subclass with a variable of its own, as one that mixes gradients has."""

    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self.moments = [keras.Variable(0.0, trainable=False, name="moment")]
        self.more = keras.Variable(1, dtype="int32", trainable=False, name="more")


def test_state_is_every_tracked_variable():
    settings = {"epsilon": 0.1, "num_steps": 2, "c_max": "auto"}
    defense = dataclasses.replace(defenses.get("dynamic", **settings), average=WeightAverage())
    trainer = Counts(mlp(), defense)
    trainer.compile(keras.optimizers.Adam(0.1))
    trainer.optimizer.build(trainer.network.trainable_variables)
    state = trainer.state
    means = [variable for metric in trainer.metrics for variable in metric.variables]
    held = {id(v) for v in [*trainer.variables, *trainer.optimizer.variables, *means]}
    listed = [id(v) for v in tf.nest.flatten(state)]
    assert set(listed) == held
    assert len(listed) == len(held)
    assert [v.name for v in state["own"]] == ["moment", "more"]
