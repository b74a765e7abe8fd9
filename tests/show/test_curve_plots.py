"""What stands in the pictures of weights that move."""

import numpy as np

from fosc_tf.show import curve_plots, style

GRID = np.linspace(0.0, 1.0, 5)


def test_loss_and_error_along_curve_and_line():
    names = [f"{path}_{images}" for path in ("curve", "line") for images in ("clean", "attacked")]
    arrays = {"t": GRID}
    for number, name in enumerate(names):
        arrays |= {f"{name}_loss": number + GRID, f"{name}_error": 0.1 * number + 0 * GRID}
    figure = curve_plots.connectivity(arrays, "Two seeds")
    for axes, kind, scale in zip(figure.axes, ("loss", "error"), (1, 100), strict=True):
        for line, name in zip(axes.lines, names, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), scale * arrays[f"{name}_{kind}"])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[1:3] == ["curve, attacked", "straight line, clean"]
    assert style.encoded(figure)
    only = {name: arrays[name] for name in ("t", "curve_clean_loss", "curve_clean_error")}
    assert len(curve_plots.connectivity(only, "Clean").axes[0].lines) == 1


def test_cosines_of_each_direction():
    arrays = {"distance": GRID, "cosine": 1 - GRID, "standard_error": 0.01 + 0 * GRID}
    arrays |= {"error_plus": GRID / 2, "error_minus": GRID / 4}
    figure = curve_plots.perturbation_cosine({"random": arrays}, "Turning")
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), 1 - GRID)
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), 37.5 * GRID)
    assert style.encoded(figure)
