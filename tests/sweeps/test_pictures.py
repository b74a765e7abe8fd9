"""What stands in the pictures of a sweep."""

from __future__ import annotations

import numpy as np
import pytest

from fosc_tf.sweeps import pictures


@pytest.fixture
def panels(monkeypatch):
    """Returns both panels of the courses of one label."""
    monkeypatch.setattr(pictures, "_png", lambda figure: figure)

    def draw(*runs):
        return pictures.courses({"standard": runs}).axes

    return draw


def course(*robust):
    """A run with 2 attack gradients in each epoch; no accuracy where None is given."""
    return [
        {"gradients": 2.0} | ({} if one is None else {"held_out_robust": one}) for one in robust
    ]


def test_accuracy_stands_over_what_it_cost(panels):
    left, right = panels(course(0.1, 0.3), course(0.3, 0.5))
    np.testing.assert_array_equal(left.lines[0].get_xydata(), [(1, 2), (2, 2)])
    np.testing.assert_allclose(right.lines[0].get_xydata(), [(2, 20), (4, 40)])
    assert not right.texts


def test_epochs_without_accuracy_leave_no_gap(panels):
    # As with held_out_every=2: every other epoch is known.
    _, right = panels(course(None, 0.2, None, 0.4))
    np.testing.assert_allclose(right.lines[0].get_xydata(), [(4, 20), (8, 40)])


def test_a_single_point_is_seen(panels):
    _, right = panels(course(None, 0.2, None))
    (line,) = right.lines
    np.testing.assert_allclose(line.get_xydata(), [(4, 20)])
    assert line.get_marker() not in ("", "None", None)


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_panel_without_accuracy_says_so(panels, nothing):
    left, right = panels(course(nothing, nothing))  # as with held_out=0
    assert left.lines
    assert not right.lines
    assert "no held-out robust accuracy" in right.texts[0].get_text()


def test_long_labels_push_nothing_out_of_the_picture(monkeypatch):
    def drawn(figure):
        figure.draw_without_rendering()
        return figure.get_size_inches(), figure.get_tightbbox()

    monkeypatch.setattr(pictures, "_png", drawn)
    label = "digits_standard,precision=mixed_bfloat16,jit_compile=False"
    row = {"label": label, "checkpoint": "last", "accuracy": 0.5, "standard_error": 0.1}
    rows = [row | {"attack": name} for name in ("clean", "pgd-20")]
    (width, height), found = pictures.accuracies(rows)
    assert 0 <= found.x0 < found.x1 <= width
    assert 0 <= found.y0 < found.y1 <= height
