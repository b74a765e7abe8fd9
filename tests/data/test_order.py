import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.data import steps_per_epoch
from fosc_tf.data.order import index_batches
from tests.data.three_parts import refused

N, BATCH, STEPS = 23, 5, 4


def stream(**arguments):
    arguments = {"seed": 7, "epochs": 3} | arguments
    batches = index_batches(N, BATCH, **arguments).as_numpy_iterator()
    return [(int(epoch), int(position), index.tolist()) for epoch, position, index in batches]


def test_each_epoch_is_a_permutation_less_its_remainder():
    whole = stream()
    steps = [(epoch, position) for epoch, position, _ in whole]
    assert steps == [(e, p) for e in range(3) for p in range(STEPS)]
    for epoch in range(3):
        rows = [row for e, _, index in whole if e == epoch for row in index]
        assert len(set(rows)) == STEPS * BATCH
        assert set(rows) <= set(range(N))
        assert rows != sorted(rows)


def test_epochs_and_seeds_differ():
    whole = stream()
    orders = [[index for e, _, index in whole if e == epoch] for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert whole == stream()
    assert whole != stream(seed=8)


def test_order_is_pinned():
    # A run recorded today must be repeatable after an upgrade.
    assert stream(seed=0)[0] == (0, 0, [9, 3, 7, 19, 16])


@pytest.mark.parametrize(("epoch", "position"), [(0, 3), (1, 0), (1, 2), (2, 4), (3, 0)])
def test_a_stream_from_anywhere_is_the_rest_of_the_whole(epoch, position):
    rest = stream(start_epoch=epoch, start_position=position)
    assert rest == stream()[epoch * STEPS + position :]


def test_an_end_of_epoch_is_the_start_of_the_next():
    assert stream(start_epoch=0, start_position=STEPS) == stream(start_epoch=1)


def test_cardinality():
    assert len(index_batches(N, BATCH, seed=0, epochs=3, start_epoch=1, start_position=3)) == 5
    endless = index_batches(N, BATCH, seed=0, start_epoch=1, start_position=3)
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY
    taken = endless.take(6).as_numpy_iterator()
    assert [(int(e), int(p)) for e, p, _ in taken] == [(1, 3), *((2, p) for p in range(4)), (3, 0)]


def test_positions_of_the_images_are_spread_evenly():
    counts = np.zeros((8, 8))
    for epoch, _, index in index_batches(8, 8, seed=0, epochs=800).as_numpy_iterator():
        counts[np.arange(8), index] += 1
        assert epoch < 800
    # 100 expected in each cell; the standard deviation is 9.4 and there are 64 cells.
    assert np.all(np.abs(counts - 100) < 40)


def test_steps_per_epoch():
    assert steps_per_epoch(23, 5) == 4
    assert steps_per_epoch(20, 5) == 4
    assert steps_per_epoch(5, 5) == 1
    refused(
        lambda: steps_per_epoch(4, 5),
        rule="batch_size must not exceed",
        right="at most 4",
        received="batch_size=5",
    )
    refused(lambda: steps_per_epoch(4, 0), rule="batch_size", right="batch_size=1", received="=0")


def test_a_start_outside_the_run_is_refused():
    refused(
        lambda: stream(start_position=STEPS + 1),
        rule="within the training run",
        right="start_position of at most 4",
        received="start_position=5",
    )
    refused(
        lambda: stream(start_epoch=4),
        rule="within the training run",
        right="start_epoch of at most 3",
        received="start_epoch=4",
    )
    refused(lambda: stream(epochs=-1), rule="epochs", right="epochs=0", received="epochs=-1")
    refused(lambda: stream(seed=-1), rule="seed", right="seed=0", received="seed=-1")
    refused(lambda: stream(seed=2**63), rule="below 2**63", right="seed=0", received="seed=922")
    refused(
        lambda: stream(start_epoch=-1), rule="start_epoch", right="start_epoch=0", received="=-1"
    )
    refused(
        lambda: stream(start_position=0.5),
        rule="start_position",
        right="start_position=0",
        received="=0.5",
    )
