"""FOSC and loss of an epoch hold the same examples, resumed as if never interrupted."""

import numpy as np
import tensorflow as tf

from fosc_tf.callbacks import FoscHistogram
from fosc_tf.training.ledger import Ledger

NAN = np.nan
# Three batches; the second one was measured only in part and so counts nothing.
BATCHES = (
    ([0.1, 0.2], [1.0, 2.0]),
    ([NAN, NAN], [3.0, NAN]),
    ([0.3, NAN, 0.4], [5.0, NAN, 6.0]),
)


def histogram(folder, ledger):
    return FoscHistogram(folder, tf.summary.create_noop_writer(), ledger)


def feed(callback, batches):
    for fosc, loss in batches:
        logs = {"fosc_of_examples": np.float32(fosc), "loss_of_examples": np.float32(loss)}
        callback.on_train_batch_end(0, logs)
        assert logs == {}


def test_both_hold_the_same_examples(tmp_path):
    callback = histogram(tmp_path, Ledger())
    feed(callback, BATCHES)
    callback.on_epoch_end(4, {})
    np.testing.assert_array_equal(
        np.load(tmp_path / "epoch_0004.npy"), np.float32([1, 2, 3, 4]) / 10
    )
    np.testing.assert_array_equal(np.load(tmp_path / "epoch_0004_loss.npy"), [1, 2, 5, 6])


def test_resumed_is_uninterrupted(tmp_path):
    ledger, resumed = Ledger(), Ledger()
    feed(histogram(tmp_path, ledger), BATCHES[:2])
    resumed.deserialize(ledger.serialize())
    callback = histogram(tmp_path, resumed)
    feed(callback, BATCHES[2:])
    callback.on_epoch_end(0, {})
    np.testing.assert_array_equal(np.load(tmp_path / "epoch_0000_loss.npy"), [1, 2, 5, 6])


def test_an_epoch_without_measurements_leaves_no_file(tmp_path):
    ledger = Ledger()
    ledger.deserialize(Ledger().serialize())
    histogram(tmp_path / "fosc", ledger).on_epoch_end(0, {})
    assert not (tmp_path / "fosc").exists()
