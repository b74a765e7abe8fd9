import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import carlini_wagner
from fosc_tf.attacks.autoattack import APGD, TargetedAPGD
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.autoattack.ascent import Ascent, judge, record
from fosc_tf.attacks.slope import Slope
from fosc_tf.errors import UserError
from tests.attacks.autoattack import small_networks as small


def state_at_checkpoint(**changes):
    """Four steps since the last checkpoint; f(x_k) = 1, f_max = 3 since just now."""
    values = {
        "image": [[1.0]],
        "before": [[0.5]],
        "loss": [1.0],
        "step_size": [0.8],
        "best": [[2.0]],
        "best_gradient": [[7.0]],
        "best_loss": [3.0],
        "rises": [3],
        "halved": [False],
        "best_loss_then": [2.0],
    }
    return Ascent(**{name: tf.constant(value) for name, value in (values | changes).items()})


HERE = Slope(tf.constant([[0.0, 1.0]]), tf.constant([1.0]), tf.constant([[-5.0]]))


@pytest.mark.parametrize(
    ("changes", "halves"),
    [
        ({}, False),  # 3 of 4 rises are 75 %, and f_max has changed
        ({"rises": [2]}, True),
        ({"best_loss_then": [3.0]}, True),  # neither eta nor f_max have changed
        ({"best_loss_then": [3.0], "halved": [True]}, False),  # eta has
    ],
)
def test_halving_by_hand(changes, halves):
    state, gradient = judge(state_at_checkpoint(**changes), HERE, tf.constant(4))
    assert state.step_size.numpy() == pytest.approx([0.4 if halves else 0.8])
    assert state.halved.numpy() == [halves]
    # After halving, the climb goes on from x_max with the gradient known there.
    assert state.image.numpy() == [[2.0 if halves else 1.0]]
    assert gradient.numpy() == [[7.0 if halves else -5.0]]
    assert state.loss.numpy() == [3.0 if halves else 1.0]
    assert state.rises.numpy() == [0]
    assert state.best_loss_then.numpy() == [3.0]


def test_between_checkpoints_nothing_is_judged():
    before = state_at_checkpoint(rises=[0])
    state, gradient = judge(before, HERE, tf.constant(0))
    assert gradient is not None
    assert state.step_size.numpy() == pytest.approx([0.8])
    assert state.rises.numpy() == [0]
    assert state.best_loss_then.numpy() == [2.0]


def test_record_counts_rises_and_keeps_the_best():
    state = record(state_at_checkpoint(loss=[0.5], best_loss=[0.9]), HERE)
    assert state.rises.numpy() == [4]
    assert state.best_loss.numpy() == [1.0]
    assert state.best.numpy() == [[1.0]]
    assert state.best_gradient.numpy() == [[-5.0]]
    state = record(state_at_checkpoint(loss=[1.5]), HERE)
    assert state.rises.numpy() == [3]
    assert state.best_loss.numpy() == [3.0]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_best_loss_is_the_largest_seen_and_the_climb_stays_inside(norm):
    network = small.convolutional()
    image = tf.constant(small.grey_images(6, seed=1, shape=(8, 8, 1)))
    label = tf.constant(small.predicted(network, image))
    attack = APGD(epsilon=0.05, norm=norm, num_steps=12)
    row = tf.range(6)
    problem = Problem(row, image, label, row, row, tf.cast(row, tf.uint64))
    state = attack.start(network, problem)
    seen = np.full(6, -np.inf)
    for done in range(12):
        assert float(tf.reduce_max(attack.ball.distance(state.image, image))) <= 0.05 + 1e-6
        best_before = state.best_loss.numpy()
        state, _, _ = attack.step(network, problem, state, tf.constant(done))
        assert np.all(state.best_loss.numpy() >= best_before)
        # state.loss is f at the point just looked at, or f_max right after a halving.
        seen = np.maximum(seen, state.loss.numpy())
        np.testing.assert_array_equal(state.best_loss, seen)
    assert np.all(state.step_size.numpy() < 0.1)


def test_the_first_step_is_two_epsilon_without_momentum():
    network, weight = small.random_linear(2, seed=3)
    image = small.grey_images(1, seed=0)
    label = small.predicted(network, image)
    attack = APGD(epsilon=0.01, num_steps=3)
    row = tf.range(1)
    problem = Problem(row, tf.constant(image), tf.constant(label), row, row, tf.zeros(1, tf.uint64))
    state = attack.start(network, problem)
    state, _, _ = attack.step(network, problem, state, tf.constant(0))
    # From anywhere in the ball 2 * epsilon reaches its far corner.
    uphill = np.sign(weight[:, 1 - label[0]] - weight[:, label[0]]).reshape(image.shape)
    np.testing.assert_allclose(state.image, image + 0.01 * uphill, atol=1e-6)


@pytest.mark.parametrize(
    ("attack", "classes"),
    [
        (APGD(epsilon=0.01, num_steps=10), 2),
        (APGD(epsilon=0.04, norm="l2", num_steps=20), 2),
        (TargetedAPGD(epsilon=0.01, num_steps=20), 5),
    ],
    ids=["ce-linf", "ce-l2", "targeted"],
)
def test_breaks_exactly_the_linear_examples_within_reach(attack, classes):
    network, weight = small.random_linear(classes, seed=classes)
    image = small.grey_images(200, seed=5)
    label = small.predicted(network, image)
    away = small.distances(weight, image, label, dual=1 if attack.norm == "linf" else 2)
    # Rounding may decide for those on the edge.
    clear = np.abs(away / attack.epsilon - 1.0) > 0.01
    image, label, away = image[clear], label[clear], away[clear]
    within = away < attack.epsilon
    assert 20 < within.sum() < len(within) - 20
    found = attack(network, image, label, seed=0)
    np.testing.assert_array_equal(small.predicted(network, found.image) != label, within)
    np.testing.assert_array_equal(found.loss.numpy() > 0, within)
    assert float(tf.reduce_max(attack.ball.distance(found.image, image))) <= attack.epsilon + 1e-6


def test_cost_is_one_gradient_a_step_and_three_looks():
    network, _ = small.random_linear(2, seed=7)
    counting = small.Counting(network)
    image = small.grey_images(8, seed=0)
    label = small.predicted(network, image)
    attack = APGD(epsilon=1e-6, num_steps=9)
    outcome = small.searched(attack, counting, image, label)
    assert not outcome.broken.any()
    np.testing.assert_array_equal(outcome.num_gradients, np.full(8, 9))
    # The clean look, 9 gradients, a look at the last point and one at the image returned.
    assert int(counting.images) == 8 * (1 + 9 + 1 + 1)


def test_broken_examples_cost_nothing_more():
    network, _ = small.random_linear(2, seed=7)
    counting = small.Counting(network)
    image = small.grey_images(8, seed=0)
    label = small.predicted(network, image)
    wrong = label.copy()
    wrong[:3] = 1 - label[:3]
    outcome = small.searched(APGD(epsilon=0.4, num_steps=50), counting, image, wrong)
    assert outcome.broken.all()
    np.testing.assert_array_equal(outcome.num_gradients[:3], 0)
    np.testing.assert_array_equal(outcome.image[:3], image[:3])
    # All others fall at the second look at the latest; 5 rows are looked at once more at the end.
    spent = outcome.num_gradients.sum()
    assert np.all(outcome.num_gradients <= 2)
    assert int(counting.images) == 8 + spent + 5


def test_compiles_once_for_all_batch_sizes():
    network, _ = small.random_linear(2, seed=7)
    counting = small.Counting(network)
    image = small.grey_images(9, seed=0)
    label = small.predicted(network, image)
    attack = APGD(epsilon=0.01, num_steps=3)
    attack.search(counting, image, label)
    traces = counting.traces
    for size in (1, 4, 7):
        attack.search(counting, image[:size], label[:size], seed=size)
    assert counting.traces == traces


def test_changes_no_variable():
    network = small.convolutional()
    before = [np.array(variable) for variable in network.variables]
    image = small.grey_images(4, seed=1, shape=(8, 8, 1))
    APGD(epsilon=0.1, num_steps=3)(network, image, small.predicted(network, image))
    for old, new in zip(before, network.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(new))


def test_averages_over_passes():
    steep, shallow = (small.linear([[s, 0.0]] * 16) for s in (3.0, 1.0))
    turn = tf.Variable(0)

    def alternating(image, training):
        turn.assign_add(1)
        first = steep(image, training=training)
        return tf.where(turn % 2 == 0, first, shallow(image, training=training))

    image = small.grey_images(2, seed=0)
    attack = APGD(epsilon=0.1, passes=2, num_steps=2)
    logits = attack.compiled(attack.logits, alternating, image)
    np.testing.assert_allclose(logits[:, 0], 2.0 * image.sum(axis=(1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": 8}, "epsilon must lie in"),
        ({"epsilon": "8/255"}, "epsilon must be a number"),
        ({"epsilon": 0.1, "norm": "l0"}, "linf"),
        ({"epsilon": 0.1, "num_steps": 0}, "num_steps must be a whole number"),
        ({"epsilon": 0.1, "restarts": 1.5}, "restarts must be a whole number"),
        ({"epsilon": 0.1, "loss": "hinge"}, "attack loss"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        APGD(**arguments)
    assert error.value.rule
    assert error.value.right
    assert error.value.received


@pytest.mark.parametrize(
    ("attack", "classes"),
    [(APGD(epsilon=0.1, loss="dlr"), 2), (TargetedAPGD(epsilon=0.1), 3)],
)
def test_too_few_classes(attack, classes):
    network, _ = small.random_linear(classes, seed=0)
    image = small.grey_images(2, seed=0)
    with pytest.raises(UserError, match="needs at least"):
        attack(network, image, small.predicted(network, image))


def test_numbers_of_numpy_and_names_of_functions():
    assert APGD(epsilon=0.1, num_steps=np.array(3)).parameters()["num_steps"] == 3
    assert APGD(epsilon=0.1, loss=rising).name == "apgd-rising"  # no address, which changes
    assert APGD(epsilon=0.1, loss=carlini_wagner(10)).name == "apgd-cw_10"
    assert APGD(epsilon=0.1, loss=lambda logits, label: logits[:, 0], name="mine").name == "mine"


def rising(logits, label):
    return logits[:, 0]
