"""What each weight update was: by hand, through every order, on replicas, killed and resumed."""

import dataclasses
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import AdversarialTrainer, analysis, defenses, models
from fosc_tf.callbacks import Updates
from fosc_tf.show import training_plots, view_captions
from fosc_tf.training import WeightPerturbation
from fosc_tf.training.ledger import Ledger
from tests import faults, small_run
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused
from tests.tensorboard_events import read
from tests.training.two_replicas import printed

SIZE, STEPS = 8, 3
DATA = images(SIZE * STEPS), labels(SIZE * STEPS)


def fit(network, defense, callbacks=(), epochs=1, optimizer=None):
    trainer = AdversarialTrainer(network, defense)
    trainer.compile(optimizer or keras.optimizers.SGD(0.1))
    options = {"batch_size": SIZE, "shuffle": False, "verbose": 0, "epochs": epochs}
    history = trainer.fit(*DATA, callbacks=list(callbacks), **options).history
    return trainer, history


def test_equal_what_plain_training_does_by_hand():
    """Clean training by SGD of rate 0.1, a network whose own losses count too."""
    network, loop = mlp(), mlp()
    for each in (network, loop):
        each.layers[-1].kernel_regularizer = keras.regularizers.L2(0.01)
    updates = Updates(100)
    fit(network, defenses.get("unsecured"), [updates])
    began = [np.array(each) for each in loop.trainable_variables]
    expected = []
    for number in range(STEPS):
        rows = slice(number * SIZE, (number + 1) * SIZE)
        image, label = DATA[0][rows], DATA[1][rows]
        with tf.GradientTape() as tape:
            logits = loop(image, training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
            loss = tf.reduce_mean(loss) + sum(loop.losses)
        gradients = tape.gradient(loss, loop.trainable_variables)
        for variable, gradient in zip(loop.trainable_variables, gradients, strict=True):
            variable.assign_sub(0.1 * gradient)
        squares = [np.sum(np.square(each.numpy(), dtype=float)) for each in gradients]
        moved = [
            np.sum(np.square(np.array(now) - before, dtype=float))
            for now, before in zip(loop.trainable_variables, began, strict=True)
        ]
        wrong = np.mean(np.argmax(logits, axis=1) != label)
        expected.append([number + 1, np.sqrt(sum(squares)), np.sqrt(sum(moved)), wrong])
    (found,) = updates.ledger.updates
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "arguments", "each"),
    [
        ("standard", {"num_steps": 2}, 1),
        ("free", {"replays": 2, "batch_size": SIZE}, 2),
        ("yopo", {"num_passes": 2, "num_steps": 2}, 1),
        ("adv_ibp", {"clean_epochs": 0, "attacked_epochs": 0, "ramp_epochs": 1}, 1),
    ],
)
def test_every_order_is_measured_and_trains_what_it_trained(name, arguments, each):
    def network():
        return models.get("digits_mlp", input_shape=(4, 4, 1), num_classes=3)

    facts = {"steps_per_epoch": STEPS, "total_epochs": 2} if name == "adv_ibp" else {}
    made = [defenses.get(name, epsilon=0.1, **arguments, **facts) for _ in range(2)]
    updates = Updates(100)
    trainer, history = fit(network(), made[0], [updates])
    alone, _ = fit(network(), made[1])
    for one, other in zip(trainer.network.weights, alone.network.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    (rows,) = updates.ledger.updates
    assert rows[:, 0].tolist() == list(range(1, 1 + each * STEPS))
    assert (rows[:, 1:3] > 0).all()
    began = network().trainable_variables
    moved = [a - b for a, b in zip(trainer.network.trainable_variables, began, strict=True)]
    assert rows[-1, 2] == pytest.approx(float(tf.linalg.global_norm(moved)), rel=1e-5)
    if each == 1:
        assert 1 - rows[:, 3].mean() == pytest.approx(history["accuracy"][0], abs=1e-6)


def test_moved_weights_and_scaled_losses_are_those_of_the_update():
    """AWP is undone before the distance is taken; a scaled loss has the gradient of the plain."""
    plain = keras.optimizers.SGD(0.1)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=64.0)
    scaled.dynamic_growth_steps = 1  # it doubles after each update
    found = []
    for optimizer in (plain, scaled):
        updates, network = Updates(100), mlp()
        defense = defenses.get("standard", epsilon=0.1, num_steps=1)
        defense = dataclasses.replace(defense, perturbation=WeightPerturbation(0.05))
        fit(network, defense, [updates], optimizer=optimizer)
        found.append(updates.ledger.updates[0])
        moved = [
            a - b
            for a, b in zip(network.trainable_variables, mlp().trainable_variables, strict=True)
        ]
        assert found[-1][-1, 2] == pytest.approx(float(tf.linalg.global_norm(moved)), rel=1e-5)
    np.testing.assert_allclose(*found, rtol=1e-4)


def fed(updates, rows):
    """Gives the callback one row a batch, as a trainer would."""
    for number, row in enumerate(rows, start=1):
        updates._model = types.SimpleNamespace(step=number)
        updates.on_train_batch_end(number - 1, {"updates": np.float32([row])})


def test_the_first_and_the_last_stay(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path / "events"))
    path = tmp_path / "updates.npz"
    updates = Updates(3, path=path, writer=writer, total=10)
    logs = {"updates": np.zeros([1, 3]), "loss": 1.0}
    fed(updates, [[number, 2.0 * number, 0.5] for number in range(1, 11)])
    updates.on_epoch_end(0, logs)
    writer.close()
    assert logs == {"loss": 1.0}
    kept = [1, 2, 3, 8, 9, 10]
    with np.load(path) as arrays:
        assert arrays["update"].tolist() == kept
        np.testing.assert_array_equal(arrays["gradient_norm"], kept)
        np.testing.assert_array_equal(arrays["distance"], 2.0 * np.array(kept))
        assert int(arrays["count"]) == 3
    kind, values = read(tmp_path / "events")["update/distance"]
    assert kind == "scalars"
    assert list(values) == kept
    view = analysis.updates(analysis.Recording(tmp_path))
    assert view["first_update"].tolist() == [1, 2, 3]
    assert view["last_update"].tolist() == [8, 9, 10]
    said = view_captions.of_view("updates", {"views": {}}, view)
    assert said.startswith("Updates 1 to 3: the gradient's norm is 2 in the median, 50.0 % are")
    figure = training_plots.updates(view, "a title")
    assert len(figure.axes) == 6
    line = figure.axes[5].lines[0]
    np.testing.assert_allclose(line.get_xydata(), [(8, 50), (9, 50), (10, 50)])


def test_a_short_run_has_first_ones_only(tmp_path):
    updates = Updates(30, path=tmp_path / "updates.npz")
    fed(updates, [[1.0, 2.0, 0.5]] * 4)
    updates.on_epoch_end(0, {})
    view = analysis.updates(analysis.Recording(tmp_path))
    assert not len(view["last_update"])
    assert len(training_plots.updates(view, "a title").axes) == 3


def test_a_ledger_goes_on_counting():
    updates = Updates(2)
    fed(updates, [[1.0, 2.0, 0.5]] * 5)
    updates.on_epoch_end(0, {})
    ledger = Ledger()
    ledger.deserialize(updates.ledger.serialize())
    again = Updates(2, ledger)
    again._model = types.SimpleNamespace(step=6)
    again.on_train_batch_end(5, {"updates": np.float32([[3.0, 3.0, 0.0]])})
    again.on_epoch_end(1, {})
    assert ledger.updates[0][:, 0].tolist() == [1, 2, 5, 6]


def test_a_trainer_that_was_compiled_without_is_measured_too():
    trainer, _ = fit(mlp(), defenses.get("unsecured"))
    updates = Updates(4)
    trainer.fit(*DATA, batch_size=SIZE, verbose=0, callbacks=[updates])
    assert updates.ledger.updates[0][:, 0].tolist() == [4, 5, 6]


def test_mistakes(tmp_path):
    refused(lambda: Updates(0), rule="count", right="1", received="0")
    recording = analysis.Recording(tmp_path)
    refused(lambda: analysis.updates(recording), rule="measured", right="log", received="none")
    (tmp_path / "updates.npz").write_bytes(b"broken")
    refused(recording.updates, rule="readable", right="undamaged", received="updates.npz")


@pytest.mark.slow
def test_two_replicas_measure_what_one_measures(program):
    found = printed(program, "tests.training.two_replica_updates")
    for name, rows in found["one"].items():
        np.testing.assert_allclose(found["two"][name], rows, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_a_killed_run_measures_what_a_whole_one_does(program, npz, undisturbed, tmp_path):
    broken = tmp_path / "broken"
    fields = {"evaluation__attacks": "('clean',)", **small_run.NO_PICTURES}
    flags = small_run.flags(broken, npz=npz, **fields)
    saved = "fosc_tf.callbacks.saving:Saving.on_train_batch_end"
    assert program.run(*flags, before=faults.killed(saved, call=7, when="after")).code == -9
    assert program.run(*flags).code == 0
    expected, received = (analysis.Recording(each).updates() for each in (undisturbed, broken))
    assert expected["update"].tolist() == [1, 2, 3, 4, 9, 10, 11, 12]
    for name, values in expected.items():
        np.testing.assert_array_equal(received[name], values, err_msg=name)
