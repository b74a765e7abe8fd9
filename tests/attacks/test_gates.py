"""Who may go on: the FOSC gate is exactly FOSC > c at the new point, from the second gradient on.

On a linear loss f(x) = w.x with sixteen w_i = 1 every step of 0.1 lowers c by 1.6, from
c = 0.3 * 16 = 4.8 at the clean image: 4.8, 3.2, 1.6, 0.
"""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, fosc, fosc_above
from fosc_tf.attacks.gates import from_start
from fosc_tf.types import Point
from tests.attacks.toys import Linear, images, labels, loss_and_gradient, mlp

MIDDLE = np.full((3, 4, 4, 1), 0.5, "float32")
UPWARD = np.zeros(3, "int32")  # the margin at label 0 is w.x


def climb(gate, num_steps, final_fosc=False, image=MIDDLE, **arguments):
    attack = PGD(
        epsilon=0.3,
        step_size=0.1,
        num_steps=num_steps,
        start="clean",
        loss="margin",
        gate=gate,
        **arguments,
    )
    return attack(Linear(np.ones(16)), image, UPWARD[: len(image)], final_fosc=final_fosc)


@pytest.mark.parametrize(
    ("threshold", "steps", "c"),
    [(9.0, 1, 3.2), (4.0, 1, 3.2), (3.0, 2, 1.6), (1.0, 3, 0.0), (0.5, 3, 0.0)],
)
def test_stops_after_the_first_step_that_reaches_the_threshold(threshold, steps, c):
    found = climb(fosc_above(threshold), num_steps=10)
    np.testing.assert_allclose(found.image, MIDDLE + 0.1 * steps, rtol=1e-6)
    np.testing.assert_allclose(found.fosc, [c] * 3, atol=1e-5)
    # One gradient at each point visited, the last of which tells that it is enough.
    np.testing.assert_array_equal(found.num_gradients, [steps + 1] * 3)
    np.testing.assert_allclose(found.loss, 16 * (0.5 + 0.1 * steps) * np.ones(3), rtol=1e-6)


@pytest.mark.parametrize(("threshold", "steps"), [(5.0, 0), (4.0, 1), (1.0, 3)])
def test_from_start_a_gate_may_stop_before_the_first_step(threshold, steps):
    found = climb(from_start(fosc_above(threshold)), num_steps=10)
    np.testing.assert_allclose(found.image, MIDDLE + 0.1 * steps, rtol=1e-6)
    np.testing.assert_array_equal(found.num_gradients, [steps + 1] * 3)
    assert found.stopped.numpy().all()


def test_who_climbs_to_the_end_spends_one_gradient_a_step():
    for num_steps in (1, 2, 3):
        found = climb(fosc_above(0.5), num_steps)
        np.testing.assert_array_equal(found.num_gradients, [num_steps] * 3)
        assert np.all(np.isnan(found.fosc))
        assert np.all(np.isnan(found.loss))
        asked = climb(fosc_above(0.5), num_steps, final_fosc=True)
        np.testing.assert_array_equal(asked.num_gradients, [num_steps + 1] * 3)
        np.testing.assert_allclose(asked.fosc, [4.8 - 1.6 * num_steps] * 3, atol=1e-5)
        np.testing.assert_array_equal(asked.image, found.image)


def test_final_fosc_costs_nothing_where_the_gate_has_measured_it():
    plain, asked = (climb(fosc_above(2.0), 10, final_fosc=final) for final in (False, True))
    for one, other in zip(plain, asked, strict=True):
        np.testing.assert_array_equal(one, other)


def test_everyone_takes_one_step_whatever_the_threshold():
    network, image, label = mlp(gain=3.0), images(8), labels(8)
    arguments = {"epsilon": 0.2, "step_size": 0.05}
    found = PGD(**arguments, num_steps=10, gate=fosc_above(np.inf))(network, image, label)
    one_step = PGD(**arguments, num_steps=1)(network, image, label)
    np.testing.assert_array_equal(found.image, one_step.image)
    np.testing.assert_array_equal(found.num_gradients, [2] * 8)


def test_only_box_sees_that_pixels_at_their_limit_have_converged():
    """White pixels cannot get lighter: c_box = 0 at once, while c_ball stays at 4.8 for ever."""
    white = np.ones((2, 4, 4, 1), "float32")
    box = climb(fosc_above(0.5), 10, image=white, feasible="box")
    np.testing.assert_array_equal(box.num_gradients, [2, 2])
    np.testing.assert_allclose(box.fosc, [0.0, 0.0], atol=1e-6)
    ball = climb(fosc_above(0.5), 10, image=white, final_fosc=True)
    np.testing.assert_array_equal(ball.num_gradients, [11, 11])
    np.testing.assert_allclose(ball.fosc, [4.8, 4.8], rtol=1e-6)


def point_with(fosc_values):
    blank = tf.zeros([len(fosc_values)])
    return Point(blank, blank, blank, blank, blank, tf.constant(fosc_values))


def test_the_decision_is_strictly_above():
    gate = fosc_above(0.5)
    below, above = np.nextafter(np.float32(0.5), [0, 1], dtype="float32")
    onward = gate(point_with([below, 0.5, above]), tf.constant(0, tf.int64))
    np.testing.assert_array_equal(onward, [False, False, True])


def test_the_threshold_may_be_a_schedule():
    gate = fosc_above(lambda step: 1.0 - 0.25 * tf.cast(step, tf.float32))
    onward = [bool(gate(point_with([0.6]), tf.constant(step, tf.int64))[0]) for step in range(4)]
    assert onward == [False, False, True, True]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_gradients_spent_are_those_that_an_ungated_trajectory_predicts(norm):
    """FOSC along plain PGD, measured apart from the core, tells when each example must stop."""
    network, image, label, num_steps = mlp(gain=4.0), images(24), labels(24), 8
    arguments = {"epsilon": 0.3 if norm == "linf" else 1.0, "norm": norm}
    arguments["step_size"] = arguments["epsilon"] / 4
    done = tf.Variable(0)
    plain = PGD(**arguments, num_steps=lambda _: done.read_value())
    path = []
    for steps in range(1, num_steps):
        done.assign(steps)
        found = plain(network, image, label, seed=2)
        _, gradient = loss_and_gradient(network, found.image, label)
        epsilon = arguments["epsilon"]
        path.append(fosc(found.image, image, gradient, epsilon=epsilon, norm=norm).numpy())
    path = np.array(path)  # [steps - 1, batch]
    threshold = float(np.median(path))
    assert np.abs(path - threshold).min() > 1e-6  # no decision hangs on rounding
    stops = path <= threshold
    expected = np.where(stops.any(axis=0), stops.argmax(axis=0) + 2, num_steps)
    assert len(set(expected)) > 3
    attack = PGD(**arguments, num_steps=num_steps, gate=fosc_above(threshold))
    found = attack(network, image, label, seed=2)
    np.testing.assert_array_equal(found.num_gradients, expected)
    stopped = stops.any(axis=0)
    at_stop = path[stops.argmax(axis=0), np.arange(24)]
    np.testing.assert_allclose(found.fosc.numpy()[stopped], at_stop[stopped], rtol=1e-3, atol=1e-5)


def test_a_gate_sees_where_its_examples_are():
    """A gate of one's own: stop whoever is misclassified, as friendly training does."""
    network, image = mlp(gain=4.0), images(24)
    label = np.argmax(network(image), axis=1).astype("int32")
    shapes = {}

    def still_right(point, step):
        del step
        shapes.update(
            logits=point.logits.shape.rank,
            gradient=point.gradient.shape.rank,
            loss=point.loss.dtype,
        )
        return tf.argmax(point.logits, axis=1, output_type=tf.int32) == point.label

    attack = PGD(epsilon=0.3, step_size=0.03, num_steps=10, gate=still_right)
    found = attack(network, image, label)
    fooled = np.argmax(network(found.image), axis=1) != label
    early = found.num_gradients.numpy() < 10
    assert 3 < early.sum() < 24
    assert np.all(fooled[early])
    assert shapes == {"logits": 2, "gradient": 4, "loss": tf.float32}
