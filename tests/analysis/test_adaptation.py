"""What was adapted to hard and to easy examples, from files that a person can redo."""

import numpy as np
import pytest

from fosc_tf.analysis import Recording, adaptation
from fosc_tf.show import training_plots, view_captions
from tests.data.three_parts import refused

N = 40


def recorded(folder, epochs=2, **adapted):
    """Writes losses that fall with the id, shuffled; ids from N on are held out."""
    (folder / "fosc").mkdir()
    for epoch in range(epochs):
        ids = np.random.default_rng(epoch).permutation(N).astype(np.int64)
        loss = (N - ids).astype(np.float32)
        for suffix, values in (("", 0 * loss), ("_loss", loss), ("_id", ids)):
            np.save(folder / "fosc" / f"epoch_{epoch:04d}{suffix}.npy", values)
    facts = {"label": np.zeros(N + 5, np.int32), "trained_on": np.arange(N + 5) < N}
    np.savez(folder / "adapted.npz", **facts, **adapted)
    return Recording(folder)


def test_a_radius_that_grows_with_ease(tmp_path):
    arrays = adaptation(recorded(tmp_path, radius=np.arange(N + 5) / 100))
    assert arrays["count"].tolist() == [4] * 10
    np.testing.assert_allclose(arrays["radius"], 0.04 * np.arange(10) + 0.015)
    assert arrays["correlation_radius"] == pytest.approx(1.0)
    said = view_captions.of_view("adaptation", {"views": {"adaptation": ""}}, arrays)
    assert said.startswith("Radius: 0.015 on average of the hardest tenth, 0.375 of the easiest")
    figure = training_plots.adaptation(arrays, "a title")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["radius, correlation 1.00"]


def test_a_target_is_its_share_of_the_label_and_zeros_are_the_label(tmp_path):
    target = np.zeros([N + 5, 3], np.float32)
    target[:4] = [0.2, 0.5, 0.3]
    target[4:8] = [0.6, 0.2, 0.2]
    arrays = adaptation(recorded(tmp_path, target=target))
    np.testing.assert_allclose(arrays["target"], [0.2, 0.6] + [1.0] * 8, rtol=1e-6)
    np.testing.assert_allclose(arrays["target_right"], [0.0] + [1.0] * 9)
    assert arrays["correlation_target"] > 0
    figure = training_plots.adaptation(arrays, "a title")
    assert len(figure.axes) == 2


def test_nothing_adapted_or_no_losses(tmp_path):
    refused(
        lambda: adaptation(Recording(tmp_path)), rule="must adapt", right="iat", received="none"
    )
    recording = recorded(tmp_path, epochs=0, radius=np.ones(N + 5))
    refused(lambda: adaptation(recording), rule="losses must be", right="", received="")
    (tmp_path / "adapted.npz").write_bytes(b"broken")
    refused(recording.adapted, rule="must be readable", right="undamaged", received="adapted.npz")
