"""What is put into the ledger comes out of its bytes."""

import numpy as np

from fosc_tf.training.ledger import Ledger
from fosc_tf.training.stopwatch import Seconds


def round_trip(ledger):
    restored = Ledger()
    restored.deserialize(ledger.serialize())
    return restored


def test_empty():
    restored = round_trip(Ledger())
    assert restored.rows == []
    assert restored.best is None
    assert restored.times == []
    assert restored.spent == Seconds(0.0, 0.0)
    assert np.concatenate(restored.fosc).size == 0


def test_rows_best_and_values():
    ledger = Ledger()
    # 0.1 has no finite binary form: it must come back the same double.
    ledger.rows = [{"epoch": 0, "loss": 0.1}, {"epoch": 1, "loss": 1e-30, "held_out_robust": 0.3}]
    ledger.best = ledger.rows[1]
    ledger.fosc = [np.float32([0.1, 2.5]), np.float32([-1e-7])]
    restored = round_trip(ledger)
    assert restored.rows == ledger.rows
    assert restored.best == ledger.best
    values = np.concatenate(restored.fosc)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.float32([0.1, 2.5, -1e-7]))


def test_a_summary_counts_epochs():
    ledger = Ledger()
    ledger.rows, ledger.times = [{"gradients": 2.0}], [Seconds(3.0, 3.0)]
    assert ledger.summary() == "1 epoch in 3 s, 2.00 attack gradients per example"
    ledger.rows, ledger.times = [{}, {}], 2 * [Seconds(3.0, 3.0)]
    assert ledger.summary() == "2 epochs in 6 s, no attack gradients per example"


def test_equal_ledgers_have_equal_bytes():
    ledger = Ledger()
    ledger.rows = [{"epoch": 0}]
    assert ledger.serialize() == round_trip(ledger).serialize()


def test_restored_ledger_goes_on():
    ledger = Ledger()
    ledger.fosc = [np.float32([1.0])]
    restored = round_trip(round_trip(ledger))
    restored.fosc.append(np.float32([2.0]))
    np.testing.assert_array_equal(np.concatenate(restored.fosc), np.float32([1.0, 2.0]))


def test_everything_comes_back():
    ledger, copy = Ledger(), Ledger()
    ledger.rows.append({"epoch": 0, "loss": 2.5})
    ledger.best = ledger.rows[0]
    ledger.fosc = [np.float32([1]), np.float32([2, 3])]
    ledger.loss = [np.float32([4]), np.float32([5, 6])]
    ledger.times, ledger.spent = [Seconds(1.5, 2.5)], Seconds(0.25, 0.5)
    copy.deserialize(ledger.serialize())
    assert copy.rows == ledger.rows
    assert copy.best == ledger.best
    np.testing.assert_array_equal(np.concatenate(copy.fosc), [1, 2, 3])
    np.testing.assert_array_equal(np.concatenate(copy.loss), [4, 5, 6])
    assert copy.times == ledger.times
    assert copy.spent.plus(Seconds(1.0, 1.0)) == Seconds(1.25, 1.5)
