"""What stands in the picture of losses and climbs."""

import io

import numpy as np
import PIL.Image
import pytest

from fosc_tf.show import landscape_plots, style


def view(highest):
    grid = np.linspace(-1, 1, 5, dtype=np.float32)
    x, y = np.meshgrid(grid, grid)
    return {
        "x": grid,
        "y": grid,
        "loss": highest * (x + y + 2) / 4,
        "name": np.array(["PGD-2", "_PGD-40"]),
        "path_0": np.array([[0, 0], [0.3, 0.1], [0.5, 0.2]]),
        "height_0": np.array([0.1, 0.2, 0.346]),
        "off_0": np.array(0.0),
        "path_1": np.stack([np.linspace(0, 0.6, 41), np.zeros(41)], axis=1),
        "height_1": np.linspace(0.1, 0.5, 41),
        "off_1": np.array(0.0),
    }


def test_climbs_are_drawn_with_their_last_loss():
    figure = landscape_plots.landscapes({"epoch 1": view(1.0), "epoch 10": view(4.0)}, "A digit")
    one, other = figure.axes
    (bar,) = other.child_axes
    assert [axes.get_title("left") for axes in (one, other)] == ["epoch 1", "epoch 10"]
    texts = [text.get_text().strip() for text in one.get_legend().get_texts()]
    assert texts == ["PGD-2: loss 0.35", "_PGD-40: loss 0.50"]
    drawn = [line.get_xydata() for line in one.lines]
    assert any(np.array_equal(xy, view(1.0)["path_0"]) for xy in drawn)
    assert any(np.array_equal(xy, view(1.0)["path_1"]) for xy in drawn)
    # One scale for both: up to the highest loss of any.
    assert bar.get_ylim()[1] >= 4.0


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_everything_is_within_the_picture(columns):
    views = {f"epoch {i}": view(1.0) for i in range(columns)}
    figure = landscape_plots.landscapes(views, "A digit")
    # As it is written, in the layout of its one drawing.
    picture = PIL.Image.open(io.BytesIO(style.encoded(figure)))
    ink = np.asarray(picture.convert("L")) < 250
    edges = (ink[:2], ink[-2:], ink[:, :2], ink[:, -2:])
    assert ink.any()
    assert not any(edge.any() for edge in edges)


def test_equal_arrays_give_equal_bytes():
    one, equal = (
        style.encoded(landscape_plots.landscapes({"a": view(1.0)}, "A digit")) for _ in range(2)
    )
    assert one == equal


def test_a_flat_loss_is_drawn_too():
    flat = view(0.0)
    assert style.encoded(landscape_plots.landscapes({"flat": flat}, "A digit"))
