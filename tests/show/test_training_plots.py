"""What stands in the pictures of training."""

from __future__ import annotations

import numpy as np
import pytest

from fosc_tf.show import style, training_plots


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


ARRAYS = {
    "epoch": np.array([0]),
    "upper": np.array(0.1),
    "share": np.array([0.5]),
    "gradients": np.array([2.0]),
    "threshold": np.array([np.nan]),
    "frozen": np.array([np.nan]),
}


def test_a_single_epoch_has_one_whole_number():
    row = {"epoch": 0, "accuracy": 0.5, "gradients": 2.0, "fosc": 0.1}
    figures = [training_plots.course(ARRAYS, "Title"), *training_plots.history([row]).values()]
    figures.append(training_plots.costs({"standard": [course(0.5)]}))
    assert len(figures) == 5
    for figure in figures:
        axes = figure.axes[0]
        (line,) = axes.lines
        assert list(line.get_xdata()) == [1]
        assert list(axes.get_xticks()) == [1]
        assert line.get_marker() not in ("", "None", None)


def test_epochs_are_counted_from_one_in_every_picture():
    arrays = ARRAYS | {
        name: np.array([0.5, 0.5]) for name in ("share", "gradients", "threshold", "frozen")
    }
    figure = training_plots.course(arrays | {"epoch": np.array([0, 1])}, "Title")
    for axes in figure.axes:
        assert list(axes.lines[0].get_xdata()) == [1, 2]
    grid, density = np.array([0.0, 1.0]), np.array([[1.0, 0.0]])
    figure = training_plots.fosc_by_epoch(
        ARRAYS | {"epoch": np.array([4]), "grid": grid, "density": density}, "Title"
    )
    (text,) = figure.legends[0].get_texts()
    assert text.get_text() == "epoch 5: 50 % in [0, 0.1]"
    parts = {"fosc_grid": grid, "loss_grid": grid, "fosc_density": density, "loss_density": density}
    figure = training_plots.last_epoch(
        {"setting": np.array(["own"]), "epoch": np.array([4]), **parts}, "Title"
    )
    assert figure.legends[0].get_texts()[0].get_text() == "own, epoch 5"


def test_no_tick_says_epoch_0():
    rows = [{"epoch": epoch, "accuracy": 0.5} for epoch in range(30)]
    (figure,) = training_plots.history(rows).values()
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert 0 < low < 1
    assert 30 < high < 31


@pytest.mark.parametrize("peak", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("lines", [1, 3, 8])
def test_the_legend_of_densities_hides_no_curve(peak, lines):
    grid = np.linspace(0, 1, 201)
    densities = [np.exp(-(((grid - peak) / 0.1) ** 2))] * lines
    arrays = {"epoch": np.arange(lines), "share": np.ones(lines), "upper": np.array(0.1)}
    arrays |= {"grid": grid, "density": np.array(densities)}
    figure = training_plots.fosc_by_epoch(arrays, "a title")
    with style.applied():
        figure.draw_without_rendering()
    (axes,) = figure.axes
    (legend,) = figure.legends
    assert [each.get_text() for each in legend.get_texts()] == [
        f"epoch {number}: 100 % in [0, 0.1]" for number in range(1, lines + 1)
    ]
    assert legend.get_window_extent().y1 < axes.get_tightbbox().y0


def test_a_setting_is_named_once_below_both_densities():
    grid, density = np.array([0.0, 1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    arrays = {"setting": np.array(["own", "other"]), "epoch": np.array([0, 2])}
    for name in ("fosc", "loss"):
        arrays |= {f"{name}_grid": grid, f"{name}_density": density}
    (legend,) = training_plots.last_epoch(arrays, "a title").legends
    assert [each.get_text() for each in legend.get_texts()] == ["own, epoch 1", "other, epoch 3"]


def test_a_history_has_pictures_of_what_is_known():
    rows = [{"epoch": epoch, "accuracy": 0.5, "held_out_clean": 0.75} for epoch in range(3)]
    (figure,) = training_plots.history(rows).values()
    assert [line.get_label() for line in figure.axes[0].lines] == [
        "held out, clean",
        "training, attacked",
    ]
    # Below the axes, where it hides no line.
    assert figure.axes[0].get_legend() is None
    assert len(figure.legends) == 1
    assert training_plots.history([]) == {}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("histories", [{}, {"unsecured": [[{"epoch": 0}]]}])
def test_costs_of_nobody_are_empty_and_say_so(histories):
    figure = training_plots.costs(histories)
    assert not figure.legends
    assert [len(axes.texts) for axes in figure.axes] == [1, 1]
    assert [list(axes.get_xticks()) for axes in figure.axes] == [[], []]
