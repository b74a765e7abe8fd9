"""Pictures that can be read: titles within them, however long a run's name is."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fosc_tf.show import style

NAME = "mnist_dynamic,feasible=ball,seed=0"
TITLES = {
    "short": "FOSC",
    "long": f"{NAME}: training examples (FOSC of its training: ball), epoch by epoch",
    "one word": "mnist_dynamic,feasible=ball,c_max=0.5," * 5,
    "wide letters": "MNIST WITH WWW " * 9,
}


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_a_title_is_within_its_picture(title, columns):
    with style.applied():
        figure, panels = style.panels(1, columns, title)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        (text,) = figure.texts
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        # The panels keep their height.
        inches = panels[0][0].get_window_extent(renderer).height / figure.dpi
        assert inches > 1.7


@pytest.mark.parametrize("kind", [style.looks, style.marks])
def test_lines_and_points_of_one_picture_differ(kind):
    assert len({tuple(each.values()) for each in kind(28)}) == 28
