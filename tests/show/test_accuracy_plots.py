"""What stands in the pictures of accuracies."""

from __future__ import annotations

import numpy as np
import pytest

from fosc_tf.show import accuracy_plots, style
from fosc_tf.show.panel import image_panel


def test_every_network_of_a_sweep_is_drawn():
    number = len(style.COLOURS) + 1
    curves = {
        f"network {i}": [
            {"parameters": {"epsilon": e}, "accuracy": (i + e) / 10} for e in (0.0, 1.0)
        ]
        for i in range(number)
    }
    (axes,) = accuracy_plots.against_epsilon(curves, 10, 0.25).axes
    *lines, chance, radius = axes.lines
    assert [line.get_label() for line in lines] == list(curves)
    assert lines[-1].get_xdata() == pytest.approx([0.0, 1.0])
    assert lines[-1].get_ydata() == pytest.approx([70.0, 80.0])
    assert (chance.get_label(), radius.get_label()) == ("chance", "evaluation epsilon")
    assert list(radius.get_xdata()) == [0.25, 0.25]


def test_long_labels_push_nothing_out_of_the_picture():
    label = "digits_standard,precision=mixed_bfloat16,jit_compile=False"
    row = {"label": label, "checkpoint": "last", "accuracy": 0.5, "standard_error": 0.1}
    figure = accuracy_plots.of_runs([row | {"attack": name} for name in ("clean", "pgd-20")])
    with style.applied():
        figure.draw_without_rendering()
        (width, height), found = figure.get_size_inches(), figure.get_tightbbox()
    assert 0 <= found.x0 < found.x1 <= width
    assert 0 <= found.y0 < found.y1 <= height


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_between_their_class_and_what_they_are_taken_for(channels):
    image = np.random.default_rng(0).random([3, 8, 8, channels], np.float32)
    image_adv = np.clip(image + 0.1, 0, 1)
    figure, equal = (
        accuracy_plots.of_images(image, image_adv, [7, 1, 4], np.array([7, 3, 4]), 0.1)
        for _ in range(2)
    )
    (axes,) = figure.axes
    (drawn,) = axes.images
    panel = image_panel(image, image_adv, 0.1)
    np.testing.assert_array_equal(np.atleast_3d(drawn.get_array()), panel)
    (taken,) = axes.child_axes
    above, below = axes.get_xticklabels(), taken.get_xticklabels()
    assert [text.get_text() for text in above] == ["7", "1", "4"]
    assert [text.get_text() for text in below] == ["7", "3", "4"]
    right, wrong = style.COLOURS[2], style.COLOURS[1]
    assert [text.get_color() for text in below] == [right, wrong, right]
    assert style.encoded(figure) == style.encoded(equal)


@pytest.mark.filterwarnings("error")
def test_runs_without_a_last_network_make_a_picture_that_says_so():
    row = {"label": "a", "attack": "clean", "accuracy": 0.5, "standard_error": None}
    for rows in ([], [row | {"checkpoint": "best"}]):
        figure = accuracy_plots.of_runs(rows)
        assert not figure.legends
        assert "no run" in figure.axes[0].texts[0].get_text()
        assert style.encoded(figure)
    figure = accuracy_plots.of_runs([row | {"checkpoint": "last"}])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["a"]


def test_classes_may_have_names():
    image = np.zeros([2, 8, 8, 1], np.float32)
    names = ("cat", "dog")
    figure = accuracy_plots.of_images(image, image, [0, 1], np.array([1, 1]), 0.1, names)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["cat", "dog"]
    assert [text.get_text() for text in axes.child_axes[0].get_xticklabels()] == ["dog", "dog"]
