"""The criterion C of Amata against loops written out."""

import importlib.util
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.analysis import Control, Grid, Hamiltonian, Trials, controls, criterion, score
from fosc_tf.attacks import PGD
from fosc_tf.schedules import Clock, annealed_steps, path_step
from tests.attacks import toys
from tests.data.three_parts import refused

EPSILON, GAMMA = 0.2, 0.04
NETWORKS = {"mlp": lambda: toys.mlp(gain=3.0), "batch norm": toys.with_batch_norm_and_dropout}
OWN = {"epsilon": EPSILON, "num_steps": 2, "step_size": 0.1}
HAS_OPTUNA = importlib.util.find_spec("optuna") is not None
with_optuna = pytest.mark.skipif(not HAS_OPTUNA, reason="the extra optuna is not installed")


def batches(number=3, size=6):
    return [(toys.images(size, seed=i), toys.labels(size, seed=i)) for i in range(number)]


def by_hand(network, num_steps, step_size, gamma=GAMMA):
    """Returns the mean over batches of the squared gradient norm, less the price, in loops."""
    squares = []
    for image, label in batches():
        image_adv = image
        for _ in range(num_steps):
            _, gradient = toys.loss_and_gradient(network, image_adv, label)
            ahead = image_adv + step_size * np.sign(gradient)
            ahead = np.minimum(np.maximum(ahead, image - EPSILON), image + EPSILON)
            image_adv = np.clip(ahead, 0.0, 1.0).astype("float32")
        with tf.GradientTape() as tape:
            logits = network(image_adv, training=False)
            chosen = tf.gather(tf.nn.log_softmax(logits), label, batch_dims=1)
            loss = -tf.reduce_mean(chosen)
        slopes = tape.gradient(loss, network.trainable_variables)
        squares.append(sum(np.sum(np.square(each.numpy(), dtype=np.float64)) for each in slopes))
    return np.mean(squares) - gamma * num_steps


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_the_criterion_is_that_of_loops_written_out(make):
    network = make()
    sizes = (0.05, 0.15)
    wanted = {(k, size): by_hand(network, k, size) for k in (1, 2, 3) for size in sizes}
    own = by_hand(network, 2, 0.1)
    best = max(wanted, key=wanted.get)
    before = toys.snapshot(network)
    found = criterion(network, batches(), search=Grid(3, step_sizes=sizes), **OWN)
    toys.assert_same(toys.snapshot(network), before)
    assert set(found.values) == set(wanted)
    for control, value in wanted.items():
        assert found.values[control] == pytest.approx(value, rel=1e-5, abs=1e-5)
    assert found.best == best
    assert found.own == pytest.approx(own, rel=1e-5, abs=1e-5)
    assert found.value == pytest.approx(wanted[best] - own, rel=1e-5, abs=1e-5)


def test_the_mean_is_over_batches_and_the_maximum_over_settings_of_that_mean():
    network, search = toys.mlp(gain=3.0), Grid(3, step_sizes=(0.05, 0.15))
    each = [criterion(network, [batch], search=search, **OWN) for batch in batches()]
    found = criterion(network, batches(), search=search, **OWN)
    for control, value in found.values.items():
        mean = np.mean([one.values[control] for one in each])
        assert value == pytest.approx(mean, rel=1e-5)
    assert found.value <= np.mean([one.value for one in each]) + 1e-6


def test_it_is_zero_for_the_best_setting_and_above_for_all_others():
    network, search = toys.mlp(gain=3.0), Grid(4)
    values = criterion(network, batches(), search=search, **OWN).values
    assert len(values) == 4 * 8
    c = {
        control: criterion(
            network, batches(), epsilon=EPSILON, **control._asdict(), search=lambda _: values
        ).value
        for control in values
    }
    best = max(values, key=values.get)
    assert c[best] == 0.0
    assert all(value > 0.0 for control, value in c.items() if values[control] < values[best])
    assert max(c.values()) > 0.0


def test_a_setting_better_than_all_that_were_tried_is_below_zero():
    network = toys.mlp(gain=3.0)
    few = Grid(1, step_sizes=(0.01,))
    strong = {"epsilon": EPSILON, "num_steps": 4, "step_size": 0.2}
    assert criterion(network, batches(), search=few, gamma=0.0, **strong).value < 0.0


def test_the_lengths_of_a_grid_reach_from_an_eighth_of_epsilon_to_epsilon():
    values = Grid(1)(Hamiltonian(toys.mlp(), batches(1), epsilon=0.4))
    assert [size for _, size in values] == pytest.approx(np.linspace(0.05, 0.4, 8))


def test_a_path_has_one_length_and_leaves_out_steps_beyond_the_ball():
    network = toys.mlp(gain=3.0)
    search = Grid(4, path_length=0.6)
    found = criterion(network, batches(), search=search, **OWN)
    assert list(found.values) == [(2, 0.3), (3, pytest.approx(0.2)), (4, 0.15)]
    for (k, size), value in found.values.items():
        assert value == pytest.approx(by_hand(network, k, size), rel=1e-5)


def test_a_price_moves_the_best_setting_to_fewer_steps():
    network, search = toys.mlp(gain=3.0), Grid(6, step_sizes=(0.04,))
    free, dear = (
        criterion(network, batches(), search=search, gamma=gamma, **OWN) for gamma in (0.0, 100.0)
    )
    assert dear.best.num_steps == 1 < free.best.num_steps
    for control, value in free.values.items():
        assert dear.values[control] == pytest.approx(value - 100.0 * control.num_steps, rel=1e-6)


def test_random_starts_are_those_of_the_attack():
    network, (image, label) = toys.mlp(gain=3.0), batches(1)[0]
    worth = Hamiltonian(network, [(image, label)], epsilon=EPSILON, start="uniform", seed=5)
    attack = PGD(epsilon=EPSILON, step_size=0.05, num_steps=3)
    image_adv = attack(network, image, label, seed=5).image
    with tf.GradientTape() as tape:
        logits = network(image_adv, training=False)
        loss = keras.losses.sparse_categorical_crossentropy(label, logits, from_logits=True)
        loss = tf.reduce_mean(loss)
    slopes = tape.gradient(loss, network.trainable_variables)
    square = sum(np.sum(np.square(each)) for each in slopes)
    assert worth(Control(3, 0.05)) == pytest.approx(square - 3 * GAMMA, rel=1e-5)
    other = Hamiltonian(network, [(image, label)], epsilon=EPSILON, start="uniform", seed=6)
    assert other(Control(3, 0.05)) != worth(Control(3, 0.05))


def test_weights_may_change_between_calls():
    network, other = NETWORKS["batch norm"](), toys.with_batch_norm_and_dropout(seed=1)
    worth = Hamiltonian(network, batches(), epsilon=EPSILON)
    first = worth(Control(2, 0.1))
    network.set_weights(other.get_weights())
    again = worth(Control(2, 0.1))
    assert again == pytest.approx(by_hand(other, 2, 0.1), rel=1e-5)
    assert again != pytest.approx(first, rel=1e-3)


def test_frozen_weights_do_not_count():
    network = toys.mlp(gain=3.0)
    whole = Hamiltonian(network, batches(), epsilon=EPSILON)(Control(1, 0.1))
    network.layers[1].trainable = False
    part = Hamiltonian(network, batches(), epsilon=EPSILON)(Control(1, 0.1))
    assert part < whole
    assert part == pytest.approx(by_hand(network, 1, 0.1), rel=1e-5)


@with_optuna
def test_trials_find_what_a_grid_finds_in_a_small_space():
    network, path = toys.mlp(gain=3.0), {"path_length": 0.3}
    grid = criterion(network, batches(), search=Grid(3, **path), **OWN)
    tpe = criterion(network, batches(), search=Trials(25, 3, **path), **OWN)
    assert tpe.best == grid.best
    assert tpe.value == pytest.approx(grid.value, rel=1e-6)
    assert set(tpe.values) <= set(grid.values)


@with_optuna
def test_trials_are_as_many_as_asked_and_repeat_themselves():
    worth = Hamiltonian(toys.mlp(gain=3.0), batches(), epsilon=EPSILON)
    first, again, other = (Trials(6, 5, seed=seed)(worth) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert len(first) == 6
    for steps, size in first:
        assert 1 <= steps <= 5
        assert EPSILON / 8 <= size <= EPSILON


def test_trials_without_optuna_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    refused(
        lambda: criterion(toys.mlp(), batches(1), search=Trials(2, 2), **OWN),
        rule="need optuna, an extra",
        right='pip install "fosc-tf[optuna]"',
        received="Error",
    )


def test_a_schedule_on_one_network_is_searched_once():
    network, search, asked = toys.mlp(gain=3.0), Grid(3, step_sizes=(0.05, 0.15)), []

    def counting(worth):
        asked.append(worth)
        return search(worth)

    schedule = [(1, 0.15), (2, 0.1), (1, 0.15)]
    found = score(schedule, network, batches(), epsilon=EPSILON, search=counting)
    each = [
        criterion(network, batches(), epsilon=EPSILON, num_steps=k, step_size=a, search=search)
        for k, a in schedule
    ]
    assert found.epoch == (0, 1, 2)
    assert [one.value for one in found.found] == pytest.approx([one.value for one in each])
    assert found.value == pytest.approx(np.mean([one.value for one in each]))
    assert len(asked) == 1


def test_a_schedule_over_the_networks_of_its_training():
    search = Grid(2, step_sizes=(0.1,))
    networks = [toys.mlp(seed=seed, gain=3.0) for seed in (0, 1)]

    def one_that_changes():
        network = keras.models.clone_model(networks[0])
        for epoch, trained in zip((0, 2), networks, strict=True):
            network.set_weights(trained.get_weights())
            yield epoch, network

    schedule = [(1, 0.2), (9, 0.01), (2, 0.05)]
    found = score(schedule, one_that_changes(), iter(batches()), epsilon=EPSILON, search=search)
    wanted = [
        criterion(network, batches(), epsilon=EPSILON, num_steps=k, step_size=a, search=search)
        for network, (k, a) in zip(networks, (schedule[0], schedule[2]), strict=True)
    ]
    by_epoch = dict(zip((0, 2), networks, strict=True))
    again = score(schedule, by_epoch, batches(), epsilon=EPSILON, search=search)
    assert again.value == pytest.approx(found.value, rel=1e-6)
    assert found.epoch == (0, 2)
    assert [one.value for one in found.found] == pytest.approx([one.value for one in wanted])
    assert found.value == pytest.approx(np.mean([one.value for one in wanted]))


def test_the_settings_of_amata():
    clock = Clock(7)
    steps = annealed_steps(least=2, most=10, total_epochs=4, clock=clock)
    found = controls(steps, path_step(0.4, steps), total_epochs=4, clock=clock)
    assert [control.num_steps for control in found] == [2, 4, 6, 8]
    sizes = [control.step_size for control in found]
    assert sizes == pytest.approx([0.2, 0.1, 0.4 / 6, 0.05])
    assert controls(10, 0.01, total_epochs=2, clock=clock) == [(10, 0.01), (10, 0.01)]


def judged(**changed):
    values = {"network": toys.mlp(), "batches": batches(1), "search": Grid(1), **OWN} | changed
    return criterion(values.pop("network"), values.pop("batches"), **values)


MISTAKES = {
    "no batch": ({"batches": []}, "must not be empty", "at least one batch", "no batch"),
    "no weights": (
        {"network": toys.Linear(np.ones(16))},
        "gradient of the weights",
        "trainable weights",
        "Linear",
    ),
    "price": ({"gamma": -1.0}, "costs something", "gamma=0.04", "gamma=-1"),
    "steps": ({"num_steps": 0}, "num_steps must be", "num_steps=1", "num_steps=0"),
    "length": ({"step_size": 0.5}, "at most 2 * epsilon", "0.05", "step_size=0.5"),
    "grid": ({"search": Grid(0)}, "most_steps must be", "most_steps=1", "most_steps=0"),
    "no length": ({"search": Grid(1, ())}, "at least one step size", "(0.1,)", "none"),
    "two ways": (
        {"search": Grid(1, (0.1,), path_length=0.1)},
        "says the step sizes itself",
        "path_length=0.4",
        "step_sizes=(0.1,)",
    ),
    "path": ({"search": Grid(1, path_length=2.0)}, "2 * epsilon", "0.2667", "path_length=2"),
    "trials": ({"search": Trials(0, 1)}, "number must be", "number=1", "number=0"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(mistake):
    changed, rule, right, received = mistake
    refused(lambda: judged(**changed), rule=rule, right=right, received=received)


def test_mistakes_in_a_schedule_are_told():
    def asked(schedule, networks):
        return score(schedule, networks, batches(1), epsilon=EPSILON, search=Grid(1))

    network = toys.mlp()
    for schedule, networks, rule in (
        ([], network, "at least one epoch"),
        ([(1, 0.1)], [(1, network)], "the epoch of every network"),
        ([(1, 0.1)], [], "judged on a network"),
    ):
        refused(lambda s=schedule, n=networks: asked(s, n), rule=rule, right="", received="")
