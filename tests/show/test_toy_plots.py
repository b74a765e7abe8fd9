"""What stands in the pictures of problems that can be solved on paper."""

import numpy as np

from fosc_tf.analysis import GaussianMixture, kink
from fosc_tf.show import style, toy_plots


def test_a_kink_is_drawn_beside_the_clean_loss():
    figure = toy_plots.kinks(kink(), "One weight")
    assert [axes.get_title("left") for axes in figure.axes] == ["epsilon 0.6", "epsilon 1.2"]
    clean, attacked = figure.axes[1].lines
    np.testing.assert_array_equal(clean.get_ydata(), kink()["clean"])
    np.testing.assert_array_equal(attacked.get_ydata(), kink()["loss"][1])
    assert figure.axes[0].get_ylim()[1] > kink()["loss"].max()  # none is cut
    assert style.encoded(figure) == style.encoded(toy_plots.kinks(kink(), "One weight"))


def test_errors_of_a_mixture_are_lines_and_points():
    model = GaussianMixture(radii=(2.0, 3.0), probabilities=(0.5, 0.5), dimension=60)
    errors = {
        name: (
            model.closed_form(component, 6, (0.0, 0.5, 1.0), repeats=3),
            model.simulate(component, 6, (0.0, 0.5, 1.0), repeats=3, tests=50),
        )
        for component, name in enumerate(("hard", "easy"))
    }
    figure = toy_plots.mixture_errors(errors, "Two components")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["hard", "easy"]
    drawn = [line.get_ydata() for line in axes.lines]
    for exact, seen in errors.values():
        assert any(np.array_equal(y, 100 * exact.mean) for y in drawn)
        assert any(np.array_equal(y, 100 * seen.mean) for y in drawn)
    assert style.encoded(figure)
