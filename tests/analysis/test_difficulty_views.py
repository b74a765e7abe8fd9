"""Groups, hardest images and overfitting, from files that a person can redo."""

import json

import keras
import numpy as np
import pytest

from fosc_tf.analysis import (
    Recording,
    difficulty_distances,
    difficulty_of_run,
    feature_norms,
    groups_by_epoch,
    hardest,
    overfitting,
)
from fosc_tf.show import difficulty_plots, view_captions
from tests.data.three_parts import refused

N = 20


def recorded(folder, losses, *, sha256="5e1f", error=None):
    """Writes the run of these losses [epochs, n]; every fourth id is wrong by default."""
    (folder / "losses").mkdir(parents=True)
    wrong = np.arange(losses.shape[1]) % 4 == 0 if error is None else error
    for epoch, loss in enumerate(np.float32(losses)):
        np.savez(folder / "losses" / f"epoch_{epoch:04d}.npz", loss=loss, error=wrong)
    (folder / "run.json").write_text(json.dumps({"data": {"sha256": sha256}}))
    rows = [
        {"epoch": epoch, "accuracy": 0.5 + 0.2 * epoch, "held_out_robust": robust}
        for epoch, robust in enumerate((0.4, 0.6, 0.5)[: len(losses)])
    ]
    (folder / "history.json").write_text(json.dumps(rows))
    return folder


def test_groups_by_hand(tmp_path):
    losses = np.stack([np.arange(N, 0, -1), np.arange(N, 0, -1) / 2.0])  # id 0 is the hardest
    recording = Recording(recorded(tmp_path / "run", losses))
    arrays = groups_by_epoch(recording, np.arange(N, dtype=float))
    assert arrays["count"].tolist() == [2] * 10
    np.testing.assert_allclose(arrays["loss"][0], np.arange(19.5, 0, -2))
    np.testing.assert_allclose(arrays["loss"][1], np.arange(19.5, 0, -2) / 2)
    np.testing.assert_allclose(arrays["error"][0], [0.5, 0] * 5)
    np.testing.assert_allclose(arrays["norm"], np.arange(0.5, 20, 2))
    np.testing.assert_allclose(arrays["training_error"], [0.5, 0.3])
    np.testing.assert_allclose(arrays["held_out_error"], [0.6, 0.4])
    assert len(difficulty_plots.groups(arrays, "title").axes) == 3
    assert np.isnan(groups_by_epoch(recording)["norm"]).all()
    said = view_captions.of_view("groups", {"views": {"groups": ""}}, arrays)
    assert "hardest tenth from 19.50 to 9.75 nats" in said


def test_hardest_and_easiest_of_each_class(tmp_path):
    losses = np.arange(N, 0, -1.0)[None]
    losses[0, 1] = np.nan
    recording = Recording(recorded(tmp_path / "run", losses))
    image = np.arange(N, dtype=np.uint8).reshape(N, 1, 1, 1)
    arrays = hardest(recording, image, np.arange(N) % 2, each=2)
    assert arrays["id"].tolist() == [[0, 2, 16, 18], [3, 5, 17, 19]]
    np.testing.assert_allclose(arrays["image"][..., 0, 0, 0], arrays["id"] / 255)
    assert (np.diff(arrays["difficulty"]) > 0).all()
    few = hardest(recording, image, np.arange(N), each=2)  # of class 1 none is known
    assert few["id"][1].tolist() == [-1] * 4
    assert (few["image"][1] == 1).all()
    assert difficulty_plots.hardest(arrays, "title").axes
    refused(
        lambda: hardest(recording, image[1:], np.arange(N - 1)),
        rule="same training set",
        right="19",
        received="20",
    )


def test_overfitting_by_hand(tmp_path):
    recording = Recording(recorded(tmp_path / "run", np.ones([3, N])))
    arrays = overfitting(recording)
    np.testing.assert_allclose(arrays["gap"], [0.1, 0.1, 0.4])
    assert (arrays["best"], arrays["last"]) == (1, 2)
    said = view_captions.of_view("overfitting", {"views": {"overfitting": ""}}, arrays)
    assert "60.0 % in epoch 2, the best, and 50.0 % in epoch 3, the last, 10.0 points" in said
    assert len(difficulty_plots.overfitting(arrays, "title").axes) == 2
    (tmp_path / "none").mkdir()
    refused(
        lambda: overfitting(Recording(tmp_path / "none")),
        rule="held-out images under attack",
        right="held_out",
        received="none",
    )


def test_distances_between_runs(tmp_path):
    random = np.random.default_rng(0)
    one = random.uniform(size=[2, 4000])
    others = {"one": one, "reverse": -one, "random": random.uniform(size=[2, 4000])}
    runs = [recorded(tmp_path / name, losses) for name, losses in others.items()]
    found = difficulty_distances(runs)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 0)
    assert found[0, 1] == pytest.approx(0.5, abs=1e-6)
    assert found[0, 2] == pytest.approx(1 / 3, abs=0.01)


def test_first_epochs_may_be_dropped_and_errors_counted(tmp_path):
    rising = np.arange(4.0)
    run = recorded(tmp_path / "run", np.stack([-9 * rising, rising]), error=rising > 1)
    assert difficulty_of_run(run).tolist() == [0.125, 0.375, 0.625, 0.875]
    assert difficulty_of_run(run, first_epoch=1).tolist() == [0.875, 0.625, 0.375, 0.125]
    assert difficulty_of_run(run, of="error").tolist() == [0.75, 0.75, 0.25, 0.25]


def test_another_data_set_or_nothing_recorded(tmp_path):
    run = recorded(tmp_path / "run", np.ones([1, 5]))
    other = recorded(tmp_path / "other", np.ones([1, 5]), sha256="abcd")
    rule, none = "that of the same training set", tmp_path / "none"
    calls = (
        (lambda: difficulty_of_run(run, num_examples=6), rule, "6 examples", "5 examples"),
        (lambda: difficulty_of_run(run, sha256="abcd"), rule, "abcd", "5e1f"),
        (lambda: difficulty_distances([run, other]), rule, "5e1f", "abcd"),
        (lambda: difficulty_of_run(run, first_epoch=1), "were recorded", "most 0", "=1"),
        (lambda: difficulty_of_run(none), "have recorded the losses", "log.losses", "none"),
    )
    for call, rule, right, received in calls:
        refused(call, rule=rule, right=right, received=received)


def test_feature_norms_are_those_before_the_last_layer():
    image = keras.Input((2, 2, 1))
    features = keras.layers.Dense(3, activation="relu")(keras.layers.Flatten()(image))
    network = keras.Model(image, keras.layers.Dense(2)(features))
    x = np.random.default_rng(0).integers(0, 256, [5, 2, 2, 1]).astype(np.uint8)
    kernel, bias = network.layers[-2].get_weights()
    by_hand = np.maximum(x.reshape(5, 4) / 255 @ kernel.astype(float) + bias, 0)
    found = feature_norms(network, x, batch_size=2)
    np.testing.assert_allclose(found, np.linalg.norm(by_hand, axis=1), rtol=1e-5)
    flat = keras.Model(image, keras.layers.Flatten()(image))
    refused(lambda: feature_norms(flat, x), rule="last dense", right="Dense", received="Functional")
