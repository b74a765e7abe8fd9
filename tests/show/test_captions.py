"""Sentences under pictures say the numbers that were drawn, epochs counted from 1."""

from __future__ import annotations

import numpy as np

from fosc_tf.show import captions, view_captions

HISTORY = [
    {"epoch": 0, "accuracy": 0.2, "gradients": 2.0, "fosc": 0.1, "threshold": 0.5}
    | {"held_out_robust": 0.25},
    {"epoch": 1, "accuracy": 0.4, "gradients": 6.0, "fosc": 0.2, "threshold": 0.25}
    | {"held_out_robust": 0.75},
    {"epoch": 2, "accuracy": 0.5, "gradients": 10.0, "fosc": 0.3, "threshold": 0.0}
    | {"held_out_robust": 0.5},
]


def test_courses_have_a_beginning_and_an_end():
    assert captions.of_accuracies(HISTORY) == (
        "Held out, attacked: 25.0 % in epoch 1, 50.0 % in epoch 3; training, attacked: 20.0 % in "
        "epoch 1, 50.0 % in epoch 3. The best network is that of epoch 2."
    )
    assert captions.of_cost(HISTORY) == (
        "Attack gradients per example: 2.0 in epoch 1, 10.0 in epoch 3; 6.0 on average."
    )
    assert captions.of_convergence(HISTORY) == (
        "Mean FOSC of the training attacks: 0.10 nats in epoch 1, 0.30 nats in epoch 3; threshold "
        "c_t: 0.50 nats in epoch 1, 0.00 nats in epoch 3."
    )


def test_a_single_epoch_is_told_once():
    assert captions.of_cost(HISTORY[:1]) == (
        "Attack gradients per example: 2.0 in epoch 1; 2.0 on average."
    )


def sweep(*points):
    return [{"parameters": {"epsilon": e}, "accuracy": a} for e, a in points]


def test_a_sweep_begins_is_at_epsilon_and_reaches_chance():
    own = sweep((0.0, 0.9), (0.1, 0.5), (0.2, 0.1), (0.4, 0.0))
    facts = {"attack": "pgd-20", "epsilon": 0.1, "num_classes": 10}
    assert captions.of_sweep({"own": own}, **facts) == (
        "90.0 % right at epsilon 0, 50.0 % under pgd-20 at 0.1; chance (10 %) is reached at 0.2."
    )
    both = captions.of_sweep({"own": own, "other": own[:2]}, **facts)
    assert both.startswith("own: 90.0 %")
    assert both.endswith(
        "other: 90.0 % right at epsilon 0, 50.0 % under pgd-20 at 0.1; chance (10 %) is not "
        "reached."
    )


def test_examples_are_counted():
    label, clean, taken = np.array([[1, 2, 3], [1, 2, 0], [1, 0, 0]])
    told = captions.of_examples(label, clean, taken)
    assert told.startswith(
        "Of the first 3 test images the network gets 2 right, and 1 under PGD-20."
    )


def test_views():
    row = {"upper": 0.1, "n": 98, "accuracy_correlation": None, "loss_correlation": 0.927}
    summary = {"examples": 360, "fosc": {"ball": {"correlations": [row, row]}}, "views": {"x": "X"}}
    assert view_captions.of_view("bins", summary, {}) == (
        "Ball: 98 of 360 images end with FOSC in [0, 0.1]; its correlation over the bins is "
        "undefined with accuracy and +0.927 with the loss."
    )
    assert view_captions.of_view("x", summary, {}) == "X."
    arrays = {
        "hit": np.array([[True, True, True], [True, False, True]]),
        "fosc_ball": np.array([[0.2, 0.8, 0.4], [0.1, 0.4, 0.1]]),
    }
    assert view_captions.of_view("trace", summary, arrays) == (
        "1 of 3 images are misclassified at the end. Their mean ball FOSC begins at 0.80 and ends "
        "at 0.40 nats. That of the others begins at 0.30 and ends at 0.10 nats."
    )
    arrays = {
        "network": np.array(["own"]),
        "num_steps": np.array([20, 20, 1]),
        "divisor": np.array([1.0, 6.0, 6.0]),
        "accuracy": np.array([[0.6, 0.5, 0.7]]),
    }
    assert view_captions.of_view("cross_table", summary, arrays) == (
        "own: the strongest setting, 20 steps of ε/6, leaves 50.0 %, and the weakest, 1 step of "
        "ε/6, 70.0 %."
    )
    arrays = {"step": np.array([0, 1]), "accuracy": np.array([0.9, 0.4])}
    arrays |= {"loss_mean": np.array([0.25, 2.0]), "fosc_ball_mean": np.array([0.5, 0.125])}
    assert view_captions.of_view(
        "step_curves", summary, arrays | {"fosc_box_mean": np.zeros(2)}
    ) == (
        "Over 1 step accuracy goes from 90.0 to 40.0 %, the mean loss from 0.25 to 2.00 nats, mean "
        "ball FOSC from 0.50 to 0.12, box FOSC from 0.00 to 0.00."
    )
    arrays = {"epoch": np.array([0, 4]), "share": np.array([0.09, 0.25]), "upper": np.array(0.1)}
    assert view_captions.of_view("fosc_by_epoch", summary, arrays) == (
        "Training attacks that ended with FOSC in [0, 0.1] nats: 9 % in epoch 1, 25 % in epoch 5."
    )
    arrays |= {"gradients": np.array([2.0, 11.0]), "frozen": np.array([np.nan, np.nan])}
    assert view_captions.of_view("course", summary, arrays) == (
        "Attack gradients per example: 2.0 in epoch 1, 11.0 in epoch 5; FOSC in [0, 0.1]: 9.0 % "
        "in epoch 1, 25.0 % in epoch 5."
    )
    grid = np.array([0.0, 0.5, 1.0])
    arrays = {"setting": np.array(["own"]), "epoch": np.array([5]), "fosc_grid": grid}
    arrays |= {"fosc_density": np.array([[0.0, 2.0, 1.0]]), "loss_grid": grid}
    arrays["loss_density"] = np.full([1, 3], np.nan)
    assert view_captions.of_view("last_epoch", summary, arrays) == (
        "own, epoch 6: most examples are near FOSC 0.50 nats."
    )
