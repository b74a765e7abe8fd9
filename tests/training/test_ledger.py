"""The ledger goes through its bytes unchanged, those of older checkpoints too."""

import io

import numpy as np

from fosc_tf.training.ledger import Ledger


def test_everything_comes_back():
    ledger, copy = Ledger(), Ledger()
    ledger.rows.append({"epoch": 0, "loss": 2.5})
    ledger.best = ledger.rows[0]
    ledger.fosc = [np.float32([1]), np.float32([2, 3])]
    ledger.loss = [np.float32([4]), np.float32([5, 6])]
    copy.deserialize(ledger.serialize())
    assert copy.rows == ledger.rows
    assert copy.best == ledger.best
    np.testing.assert_array_equal(np.concatenate(copy.fosc), [1, 2, 3])
    np.testing.assert_array_equal(np.concatenate(copy.loss), [4, 5, 6])


def test_without_recorded_losses_they_are_unknown():
    file, ledger = io.BytesIO(), Ledger()
    text = np.array('{"rows": [], "best": null}')
    np.savez_compressed(file, text=text, fosc=np.float32([1, 2]))
    ledger.deserialize(file.getvalue())
    np.testing.assert_array_equal(ledger.fosc[0], [1, 2])
    np.testing.assert_array_equal(ledger.loss[0], [np.nan, np.nan])
