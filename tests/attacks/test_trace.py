"""A trace is, row by row, what shorter attacks of the same seed find; for linf to the bit."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, fosc_above, trace
from fosc_tf.errors import UserError
from tests.models.small_networks import images_for, small

STEPS = 5


def attack(num_steps=STEPS, **arguments):
    return PGD(epsilon=0.2, step_size=0.07, num_steps=num_steps, **arguments)


@pytest.fixture(scope="module")
def batch():
    network = small("digits_mlp", seed=1)
    label = np.random.default_rng(2).integers(0, 10, 16)
    return network, images_for(network, 16), tf.constant(label, tf.int32)


def traced(made, batch):
    network, image, label = batch
    seen = tf.function(lambda: trace(made, network, image, label, seed=3, step=4), autograph=False)
    return seen()


def test_every_row_is_the_end_of_a_shorter_attack(batch):
    network, image, label = batch
    seen = traced(attack(), batch)
    for num_steps, feasible in ((1, "ball"), (2, "box"), (4, "ball"), (STEPS, "box")):
        shorter = attack(num_steps, feasible=feasible)
        found = shorter(network, image, label, seed=3, step=4, final_fosc=True)
        fosc = seen.fosc_ball if feasible == "ball" else seen.fosc_box
        np.testing.assert_array_equal(fosc[num_steps], found.fosc)
        np.testing.assert_array_equal(seen.loss[num_steps], found.loss)
        logits = network(found.image, training=False)
        np.testing.assert_array_equal(seen.hit[num_steps], np.argmax(logits, 1) == label)
    np.testing.assert_array_equal(seen.image, found.image)


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_other_norms_climb_the_same_way(batch, norm):
    network, image, label = batch
    seen = traced(attack(norm=norm), batch)
    found = attack(norm=norm)(network, image, label, seed=3, step=4, final_fosc=True)
    # The same sums in another graph: equal up to their rounding.
    np.testing.assert_allclose(seen.image, found.image, atol=1e-6)
    np.testing.assert_allclose(seen.fosc_ball[-1], found.fosc, rtol=1e-4)


def test_the_first_row_is_the_start(batch):
    network, image, label = batch
    seen = traced(attack(start="clean"), batch)
    logits = network(image, training=False)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
    np.testing.assert_allclose(seen.loss[0], loss, rtol=1e-6)
    assert seen.loss.shape == (STEPS + 1, 16)


def test_box_is_never_above_ball(batch):
    seen = traced(attack(), batch)
    assert np.all(seen.fosc_box.numpy() <= seen.fosc_ball.numpy() + 1e-6)


@pytest.mark.parametrize("changed", [{"gate": fosc_above(0.1)}, {"num_steps": lambda step: 3}])
def test_only_a_fixed_climb_of_everyone_has_a_trace(batch, changed):
    network, image, label = batch
    with pytest.raises(UserError, match="fixed number of steps"):
        trace(attack(**changed), network, image, label)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"image": lambda image: image * 255}, "image must lie in [0, 1]"),
        ({"image": lambda image: (image * 255).astype("uint8")}, "image must hold floats"),
        ({"label": lambda label: label + 10}, "label must lie in its range"),
        ({"seed": lambda _: None}, "seed must be a whole number"),
    ],
)
def test_mistakes_are_those_of_the_attack(batch, change, rule):
    network, image, label = batch
    given = {"image": np.array(image), "label": np.array(label), "seed": 0}
    ((name, wrong),) = change.items()
    given[name] = wrong(given[name])
    with pytest.raises(UserError) as caught:
        trace(attack(), network, **given)
    assert rule in caught.value.rule


def test_a_trace_without_a_function_is_the_same(batch):
    network, image, label = batch
    eager = trace(attack(), network, np.array(image, "float64"), label, seed=3, step=4)
    np.testing.assert_allclose(eager.loss, traced(attack(), batch).loss, rtol=1e-5)
