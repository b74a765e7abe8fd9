"""The FOSC of an epoch's measured examples, and of no others, reaches file and TensorBoard."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.callbacks import FoscHistogram
from fosc_tf.training.ledger import Ledger
from tests import tensorboard_events
from tests.callbacks.stand_in import stand_in

NAN = float("nan")


@pytest.fixture
def made(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path / "tensorboard"))
    callback = FoscHistogram(tmp_path / "fosc", writer, Ledger())
    callback.set_model(stand_in())
    return callback


def batch(callback, *values):
    values = tf.constant(values)
    logs = {"loss": 1.0, "fosc_of_examples": values, "loss_of_examples": values + 1.0}
    callback.on_train_batch_end(0, logs)
    return logs


def test_asks_the_trainer_for_the_values(made):
    assert made.model.reports_fosc


def test_takes_the_values_out_of_the_logs(made):
    assert batch(made, 0.1, 0.2) == {"loss": 1.0}


def test_epoch_is_written_without_what_was_not_measured(made, tmp_path):
    batch(made, 0.1, 0.2, 0.3)
    batch(made, NAN, NAN, NAN)
    batch(made, 0.4, NAN, 0.5)
    logs = {"loss": 1.0, "fosc_of_examples": tf.constant([0.5])}
    made.on_epoch_end(3, logs)
    made.writer.flush()
    assert logs == {"loss": 1.0}
    losses = np.load(tmp_path / "fosc" / "epoch_0003_loss.npy")
    np.testing.assert_array_equal(losses, np.float32([1.1, 1.2, 1.3, 1.4, 1.5]))
    values = np.load(tmp_path / "fosc" / "epoch_0003.npy")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.float32([0.1, 0.2, 0.3, 0.4, 0.5]))
    kind, histograms = tensorboard_events.read(tmp_path / "tensorboard")["fosc_of_examples"]
    assert kind == "histograms"
    assert list(histograms) == [4]
    # Rows are (left, right, count).
    assert histograms[4][:, 2].sum() == 5
    assert histograms[4][0, 0] == pytest.approx(0.1)
    assert histograms[4][-1, 1] == pytest.approx(0.5)


def test_next_epoch_starts_empty(made, tmp_path):
    batch(made, 0.1)
    made.on_epoch_end(0, {})
    batch(made, 0.9)
    made.on_epoch_end(1, {})
    np.testing.assert_array_equal(np.load(tmp_path / "fosc" / "epoch_0001.npy"), np.float32([0.9]))


def test_values_of_the_epoch_under_way_are_in_the_ledger(made):
    batch(made, 0.1)
    batch(made, 0.2)
    restored = Ledger()
    restored.deserialize(made.ledger.serialize())
    np.testing.assert_array_equal(np.concatenate(restored.fosc), np.float32([0.1, 0.2]))


def test_training_without_an_attack_writes_nothing(made, tmp_path):
    made.on_train_batch_end(0, {"loss": 1.0})
    made.on_epoch_end(0, {"loss": 1.0})
    assert not (tmp_path / "fosc").exists()
