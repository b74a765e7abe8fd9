"""What stands in the pictures of training."""

from __future__ import annotations

import numpy as np
import pytest

from fosc_tf.show import training_plots


def panels(*runs):
    """Returns both panels of the costs of one label."""
    return training_plots.costs({"standard": runs}).axes


def course(*robust):
    """A run with 2 attack gradients in each epoch; no accuracy where None is given."""
    return [
        {"gradients": 2.0} | ({} if one is None else {"held_out_robust": one}) for one in robust
    ]


def test_accuracy_stands_over_what_it_cost():
    left, right = panels(course(0.1, 0.3), course(0.3, 0.5))
    np.testing.assert_array_equal(left.lines[0].get_xydata(), [(1, 2), (2, 2)])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [(2, 20), (4, 40)])
    assert not right.texts


def test_epochs_without_accuracy_leave_no_gap():
    # As with held_out_every=2: every other epoch is known.
    _, right = panels(course(None, 0.2, None, 0.4))
    np.testing.assert_allclose(right.lines[0].get_xydata(), [(4, 20), (8, 40)])


def test_a_single_point_is_seen():
    _, right = panels(course(None, 0.2, None))
    (line,) = right.lines
    np.testing.assert_allclose(line.get_xydata(), [(4, 20)])
    assert line.get_marker() not in ("", "None", None)


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_panel_without_accuracy_says_so(nothing):
    left, right = panels(course(nothing, nothing))  # as with held_out=0
    assert left.lines
    assert not right.lines
    assert "no held-out robust accuracy" in right.texts[0].get_text()
