"""What training recorded: which epochs, which values, and the views made of them."""

import json

import numpy as np
import pytest

from fosc_tf.analysis import Recording, course, fosc_by_epoch, last_epoch
from fosc_tf.analysis.training_views import chosen_epochs
from fosc_tf.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """A run of three epochs: two recorded with FOSC, the second also with its loss and ids."""
    (tmp_path / "fosc").mkdir()
    np.save(tmp_path / "fosc" / "epoch_0001.npy", np.float32([0.05, 0.1, 0.3, 0.5]))
    np.save(tmp_path / "fosc" / "epoch_0002.npy", np.float32([0.0, 0.05, 0.07, 0.4]))
    np.save(tmp_path / "fosc" / "epoch_0002_id.npy", np.int64([7, 3, 2**40, 0]))
    np.save(tmp_path / "fosc" / "epoch_0002_loss.npy", np.float32([1.0, 2.0, np.nan, 3.0]))
    rows = [{"epoch": 0, "loss": 2.3}, {"epoch": 1, "gradients": 4.0, "threshold": 0.5}]
    (tmp_path / "history.json").write_text(json.dumps(rows))
    return tmp_path


def test_recording_knows_its_epochs_and_values(folder):
    recording = Recording(folder)
    assert recording.epochs == [1, 2]
    np.testing.assert_allclose(recording.fosc(1), [0.05, 0.1, 0.3, 0.5])
    np.testing.assert_allclose(recording.loss(2), [1, 2, 3])
    assert recording.loss(1).size == 0


def test_recording_tells_whose_values_they_are(folder):
    recording = Recording(folder)
    assert recording.ids(2).tolist() == [7, 3, 2**40, 0]
    assert recording.ids(2).dtype == recording.ids(1).dtype == np.int64
    assert recording.ids(1).size == 0


def test_a_folder_without_records_is_empty(tmp_path):
    assert Recording(tmp_path).epochs == []
    assert Recording(tmp_path).history == []


def test_course_by_hand(folder):
    arrays = course(Recording(folder), upper=0.1)
    np.testing.assert_array_equal(arrays["epoch"], [0, 1, 2])
    np.testing.assert_allclose(arrays["share"], [np.nan, 0.5, 0.75])
    np.testing.assert_allclose(arrays["gradients"], [np.nan, 4, np.nan])
    np.testing.assert_allclose(arrays["threshold"], [np.nan, 0.5, np.nan])


def test_densities_by_epoch(folder):
    arrays = fosc_by_epoch(Recording(folder), [1, 2])
    assert arrays["density"].shape == (2, len(arrays["grid"]))
    np.testing.assert_array_equal(arrays["count"], [4, 4])
    np.testing.assert_allclose(arrays["share"], [0.5, 0.75])


def test_last_epoch_of_two_runs_with_and_without_loss(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "fosc").mkdir()
    np.save(other / "fosc" / "epoch_0000.npy", np.float32([0.1, 0.2]))
    arrays = last_epoch({"one": Recording(folder), "other": Recording(other)})
    assert arrays["setting"].tolist() == ["one", "other"]
    assert arrays["epoch"].tolist() == [2, 0]
    assert np.isfinite(arrays["fosc_density"]).all()
    assert np.isfinite(arrays["loss_density"][0]).all()
    assert np.isnan(arrays["loss_density"][1]).all()


@pytest.mark.parametrize(
    ("recorded", "wanted", "chosen"),
    [
        (list(range(120)), (), [9, 59, 99]),
        (list(range(30)), (), [1, 14, 24]),
        ([0, 1], (), [0, 1]),
        ([7], (), [7]),
        ([], (), []),
        (list(range(50)), (40, 3), [3, 40]),
    ],
)
def test_chosen_epochs(recorded, wanted, chosen):
    assert chosen_epochs(recorded, wanted) == chosen


def test_an_epoch_that_is_not_recorded_is_refused():
    with pytest.raises(UserError) as caught:
        chosen_epochs(list(range(30)), (5, 30))
    assert caught.value.right == "0 to 29"
    assert caught.value.received == "epoch 30"


def test_damaged_files_are_named(folder):
    (folder / "fosc" / "epoch_0001.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"epoch_0001\.npy"):
        Recording(folder).fosc(1)
    (folder / "history.json").write_text("[")
    with pytest.raises(UserError, match="JSON that a run wrote"):
        Recording(folder)
