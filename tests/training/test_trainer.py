"""The template step against loops written out, and what it logs.

With learning rate 0 the network stays what it is, so every number an epoch logs can be had from
the attack alone, called at steps 0, 1, 2, ...
"""

import ast
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf import defenses
from fosc_tf.attacks import PGD, Mixed, fosc_above
from fosc_tf.objectives import adversarial
from fosc_tf.training import AdversarialTrainer, CoupledSGD
from fosc_tf.types import Defense
from tests.attacks.toys import (
    NUM_CLASSES,
    SHAPE,
    Counted,
    assert_same,
    images,
    labels,
    loss_and_gradient,
    mlp,
    snapshot,
    with_batch_norm_and_dropout,
)

SIZE, STEPS = 8, 3
IMAGE, LABEL = images(SIZE * STEPS), labels(SIZE * STEPS)
ROWS = [slice(SIZE * step, SIZE * step + SIZE) for step in range(STEPS)]


def pairs(image=IMAGE, label=LABEL):
    return tf.data.Dataset.from_tensor_slices((image, label)).batch(SIZE, drop_remainder=True)


def trained(network, defense, data=None, *, rate=0.1, epochs=1, **arguments):
    """Returns the trainer and its history after training."""
    trainer = AdversarialTrainer(network, defense, **arguments)
    trainer.compile(optimizer=CoupledSGD(rate, momentum=0.9, coupled_weight_decay=0.01))
    history = trainer.fit(pairs() if data is None else data, epochs=epochs, verbose=0)
    return trainer, history.history


def dynamic(**arguments):
    settings = {"epsilon": 0.3, "num_steps": 4, "steps_per_epoch": STEPS, "c_max": 1.0}
    return defenses.get("dynamic", **(settings | {"control_epochs": 2} | arguments))


def standard():
    return defenses.get("standard", epsilon=0.3, num_steps=3)


# Order of the parts


@pytest.mark.parametrize("make", [standard, dynamic, lambda: defenses.get("unsecured")])
def test_equals_a_loop_written_out(make):
    network, twin = mlp(gain=1.5), mlp(gain=1.5)
    trained(network, make(), seed=7, epochs=2)
    defense = make()
    velocity = [np.zeros_like(weight) for weight in twin.get_weights()]
    for step in range(2 * STEPS):
        image, label = IMAGE[ROWS[step % STEPS]], LABEL[ROWS[step % STEPS]]
        if defense.attack is not None:
            image = defense.attack(twin, image, label, seed=7, step=step).image
        with tf.GradientTape() as tape:
            logits = twin(image, training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
            loss = tf.reduce_sum(loss) / SIZE
        gradient = tape.gradient(loss, twin.trainable_variables)
        for weight, g, v in zip(twin.trainable_variables, gradient, velocity, strict=True):
            v[...] = 0.9 * v - 0.1 * (g.numpy() + 0.01 * weight.numpy())
            weight.assign_add(v)
    for one, other in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_batch_norm_statistics_move_once_a_step_and_at_the_images_trained_on():
    network, twin = with_batch_norm_and_dropout(), with_batch_norm_and_dropout()
    before = snapshot(network.layers[1])
    trained(network, standard(), pairs().take(1), seed=5)
    found = standard().attack(twin, IMAGE[:SIZE], LABEL[:SIZE], seed=5, step=0).image
    hidden = twin.layers[0](found).numpy()
    _, _, mean, variance = (np.array(variable) for variable in network.layers[1].variables)
    # Keras' momentum is 0.99, the statistics start at 0 and 1.
    np.testing.assert_allclose(mean, 0.01 * hidden.mean(axis=(0, 1, 2)), atol=1e-6)
    spread = hidden.var(axis=(0, 1, 2))
    np.testing.assert_allclose(variance, 0.99 + 0.01 * spread, atol=1e-6)
    clean = twin.layers[0](IMAGE[:SIZE]).numpy()
    assert np.abs(mean - 0.01 * clean.mean(axis=(0, 1, 2))).max() > 1e-4
    assert np.any(before[0] != network.layers[1].variables[0].numpy())


def test_evaluate_is_clean_and_changes_nothing():
    network = with_batch_norm_and_dropout()
    trainer, _ = trained(network, dynamic())
    before = snapshot(network)
    found = trainer.evaluate(pairs(), verbose=0, return_dict=True)
    logits = network(IMAGE, training=False).numpy()
    assert found.keys() == {"loss", "accuracy"}
    np.testing.assert_allclose(found["accuracy"], np.mean(logits.argmax(axis=1) == LABEL))
    np.testing.assert_allclose(
        found["loss"], loss_and_gradient(network, IMAGE, LABEL)[0].mean(), rtol=1e-5
    )
    assert_same(before, snapshot(network))
    np.testing.assert_allclose(trainer.predict(IMAGE, verbose=0), logits, atol=1e-6)


def order_changers():
    """Returns {class: methods it overrides} of every subclass of the trainer in the package."""
    found = {}
    for path in pathlib.Path(fosc_tf.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases = {
                    base.attr if isinstance(base, ast.Attribute) else base.id
                    for base in node.bases
                    if isinstance(base, ast.Attribute | ast.Name)
                }
                if bases & {"AdversarialTrainer", *found}:
                    found[node.name] = {
                        part.name for part in node.body if isinstance(part, ast.FunctionDef)
                    }
    return found


def test_only_few_trainers_change_the_order():
    """A new defense should not need one; whoever adds one adds it here."""
    known = {"ReplayTrainer", "FirstLayerTrainer", "TwoObjectiveTrainer"}
    found = order_changers()
    assert set(found) == known
    kept = {"fit", "compile", "test_step", "attack", "record", "metrics", "call"}
    for name, methods in found.items():
        assert not methods & kept, f"{name} may change the order only"


# Data


def test_pairs_dicts_and_arrays_train_the_same_network():
    networks = [mlp(gain=1.5) for _ in range(3)]
    trained(networks[0], standard())
    as_dict = {"image": IMAGE, "label": LABEL, "id": np.arange(len(IMAGE))}
    trained(networks[1], standard(), tf.data.Dataset.from_tensor_slices(as_dict).batch(SIZE))
    trainer = AdversarialTrainer(networks[2], standard())
    trainer.compile(optimizer=CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.01))
    trainer.fit(IMAGE, LABEL, batch_size=SIZE, shuffle=False, verbose=0)
    for other in networks[1:]:
        assert_same(networks[0].get_weights(), other.get_weights())
    as_dict = tf.data.Dataset.from_tensor_slices(as_dict).batch(SIZE)
    scores = [trainer.evaluate(data, verbose=0, return_dict=True) for data in (pairs(), as_dict)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("image", "label"),
    [("float64", "int64"), ("float32", "uint8"), ("float32", "int16")],
)
def test_any_width_of_numbers_is_right(image, label):
    plain, other = mlp(gain=1.5), mlp(gain=1.5)
    trained(plain, standard())
    trainer, _ = trained(other, standard(), pairs(IMAGE.astype(image), LABEL.astype(label)))
    assert_same(plain.get_weights(), other.get_weights())
    trainer.evaluate(pairs(IMAGE.astype(image), LABEL.astype(label)), verbose=0)


def test_seed_decides():
    networks = [mlp(gain=1.5) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        trained(network, standard(), seed=seed)
    assert_same(networks[0].get_weights(), networks[1].get_weights())
    assert np.any(networks[0].get_weights()[0] != networks[2].get_weights()[0])


# What is logged


def by_hand(network, defense, epoch, seed, final_fosc):
    """Returns what the attack finds on each batch of an epoch, with an unchanging network."""
    return [
        defense.attack(
            network,
            IMAGE[ROWS[i]],
            LABEL[ROWS[i]],
            seed=seed,
            step=STEPS * epoch + i,
            final_fosc=final_fosc(STEPS * epoch + i),
        )
        for i in range(STEPS)
    ]


def test_logged_numbers_are_those_of_the_attack():
    network = mlp(gain=1.5)
    _, history = trained(network, dynamic(), rate=0.0, epochs=3, seed=3, fosc_every=2)
    assert history.keys() == {"loss", "accuracy", "gradients", "fosc", "frozen", "threshold"}
    np.testing.assert_allclose(history["threshold"], [1.0, 0.5, 0.0])
    for epoch in range(3):
        found = by_hand(network, dynamic(), epoch, 3, lambda step: step % 2 == 0)
        image = np.concatenate([one.image for one in found])
        loss, _ = loss_and_gradient(network, image, LABEL)
        hit = network(image).numpy().argmax(axis=1) == LABEL
        np.testing.assert_allclose(history["loss"][epoch], loss.mean(), rtol=1e-5)
        np.testing.assert_allclose(history["accuracy"][epoch], hit.mean(), rtol=1e-6)
        spent = np.concatenate([one.num_gradients for one in found])
        np.testing.assert_allclose(history["gradients"][epoch], spent.mean(), rtol=1e-6)
        # Only batches measured whole count: steps 0, 2, 4, 6, 8.
        whole = [np.array(o.fosc) for o in found if np.all(np.isfinite(o.fosc))]
        np.testing.assert_allclose(history["fosc"][epoch], np.concatenate(whole).mean(), rtol=1e-5)
        # Frozen: stopped by the gate before step 4, whoever measured it.
        apart = by_hand(network, dynamic(), epoch, 3, lambda step: False)
        frozen = np.concatenate([np.isfinite(one.fosc) for one in apart])
        np.testing.assert_allclose(history["frozen"][epoch], frozen.mean(), atol=1e-7)
    assert history["frozen"][0] > history["frozen"][1] > history["frozen"][2] == 0.0
    assert history["gradients"][0] < history["gradients"][1] < history["gradients"][2]


def test_without_an_attack_there_is_nothing_to_log_of_it():
    network = mlp(gain=1.5)
    _, history = trained(network, defenses.get("unsecured"), rate=0.0)
    assert history.keys() == {"loss", "accuracy"}
    loss = loss_and_gradient(network, IMAGE, LABEL)[0]
    np.testing.assert_allclose(history["loss"], [loss.mean()], rtol=1e-5)


def test_fosc_every_zero_never_measures():
    _, history = trained(mlp(gain=1.5), standard(), fosc_every=0)
    assert history.keys() == {"loss", "accuracy", "gradients"}
    assert history["gradients"] == [3.0]


class Keeps(keras.callbacks.Callback):
    """Keeps what each step logs of single examples."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(np.array(logs["fosc_of_examples"]))


def test_fosc_of_each_example_is_reported_when_asked_for():
    network, keeps = mlp(gain=1.5), Keeps()
    trainer = AdversarialTrainer(network, dynamic(), seed=3, fosc_every=2)
    trainer.compile(optimizer=CoupledSGD(0.0))
    trainer.reports_fosc = True
    trainer.fit(pairs(), verbose=0, callbacks=[keeps])
    found = by_hand(network, dynamic(), 0, 3, lambda step: True)
    for step in (0, 2):
        np.testing.assert_allclose(keeps.seen[step], found[step].fosc, rtol=1e-5)
    assert np.all(np.isnan(keeps.seen[1]))


def test_frozen_counts_within_each_examples_own_budget():
    """A gate that stops everyone after one step, with budgets 0, 0, 1, 1, 2, 2, 2, 2: whoever had
    a second step to lose was frozen."""
    attack = PGD(epsilon=0.3, step_size=0.1, num_steps=Mixed(3), gate=fosc_above(np.inf))
    for fosc_every in (0, 1):
        defense = Defense(attack=attack, objective=adversarial)
        _, history = trained(mlp(), defense, rate=0.0, fosc_every=fosc_every)
        np.testing.assert_allclose(history["frozen"], [0.5])


# Cost


def test_one_trace_serves_all_epochs():
    """The step is traced once, whatever pattern of freezing the batches show."""
    network = Counted(mlp(gain=1.5))
    calls, steps = [], []

    def objective(network, batch, found, step):
        calls.append(1)
        return adversarial(network, batch, found, step)

    attack = dynamic().attack

    def counting(given, image, label, **options):
        network.network = given
        return attack(network, image, label, **options)

    counting.gate, counting.num_steps = attack.gate, attack.num_steps
    trainer = AdversarialTrainer(mlp(gain=1.5), Defense(attack=counting, objective=objective))
    trainer.compile(optimizer=CoupledSGD(0.1))
    for epoch in range(3):
        trainer.fit(pairs(images(24, seed=epoch)), verbose=0)
        steps.append((len(calls), network.calls))
    assert steps[0][0] == 1
    assert steps[0] == steps[1] == steps[2]


def test_examples_that_leave_the_batch_rule_out_xla():
    """On a GPU Keras would compile the step with XLA by default, which cannot do it."""
    for make, supported in ((dynamic, False), (standard, True)):
        trainer = AdversarialTrainer(mlp(), make())
        assert trainer.supports_jit is supported


# State


def test_a_measured_ceiling_is_kept_logged_and_saved(tmp_path):
    network = mlp(gain=1.5)
    trainer, history = trained(network, dynamic(c_max="auto"), epochs=2, seed=3)
    ceiling = float(trainer.defense_state[0])
    fresh = dynamic(c_max="auto")
    fresh.calibrate(mlp(gain=1.5), IMAGE[:SIZE], LABEL[:SIZE])
    np.testing.assert_allclose(ceiling, float(fresh.state[0]), rtol=1e-6)
    np.testing.assert_allclose(history["threshold"], [ceiling, ceiling / 2], rtol=1e-6)
    trainer.fit(pairs(), verbose=0)
    assert float(trainer.defense_state[0]) == ceiling
    assert any(variable is trainer.defense_state[0] for variable in trainer.variables)
    assert not any("c_max" in variable.name for variable in network.variables)
    trainer.save_weights(tmp_path / "trainer.weights.h5")
    again = AdversarialTrainer(mlp(), dynamic(c_max="auto"))
    again.load_weights(tmp_path / "trainer.weights.h5")
    assert float(again.defense_state[0]) == ceiling
    assert_same(network.get_weights(), again.network.get_weights())


def regularised(decay):
    keras.utils.set_random_seed(0)
    keep = keras.regularizers.L2(decay / 2)
    penalties = {"kernel_regularizer": keep, "bias_regularizer": keep}
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="tanh", **penalties),
            keras.layers.Dense(NUM_CLASSES, **penalties),
        ]
    )


def test_penalties_of_the_network_are_descended_and_not_attacked():
    """L2(w / 2) on every weight is the coupled decay w; neither enters the loss shown."""
    histories, networks = [], [regularised(0.01), regularised(0.0)]
    for network, decay in zip(networks, (0.0, 0.01), strict=True):
        trainer = AdversarialTrainer(network, standard())
        trainer.compile(optimizer=CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=decay))
        histories.append(trainer.fit(pairs(), epochs=2, verbose=0).history)
    for one, other in zip(networks[0].get_weights(), networks[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)


def test_half_precision_trains_and_counts_its_steps():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = with_batch_norm_and_dropout()
        trainer, history = trained(network, dynamic(), epochs=2)
    finally:
        keras.config.set_dtype_policy(policy)
    assert int(trainer.optimizer.iterations) == 2 * STEPS
    np.testing.assert_allclose(history["threshold"], [1.0, 0.5])
    assert np.all(np.isfinite(history["loss"] + history["fosc"]))
    assert all(variable.dtype == "float32" for variable in network.trainable_variables)
