"""Files that are made once, whole or not at all."""

import numpy as np
import pytest

from fosc_tf.analysis.store import Store


def test_arrays_are_computed_once_for_what_they_are_made_of(tmp_path):
    store, calls = Store(tmp_path / "analysis"), []

    def compute():
        calls.append(1)
        return {"x": np.arange(3), "name": np.array("é")}

    for made_of in ({"step": 1}, {"step": 1}, {"step": 2}):
        arrays = store.arrays("view", compute, made_of=made_of)
        np.testing.assert_array_equal(arrays["x"], [0, 1, 2])
        assert set(arrays) == {"x", "name"}
    assert len(calls) == 2


def test_a_damaged_file_is_made_anew(tmp_path):
    store = Store(tmp_path)
    store.arrays("view", lambda: {"x": np.ones(2)}, made_of={})
    content = (tmp_path / "view.npz").read_bytes()
    (tmp_path / "view.npz").write_bytes(content[: len(content) // 2])
    assert store.arrays("view", lambda: {"x": np.zeros(2)}, made_of={})["x"].sum() == 0


def test_a_failure_leaves_the_file_of_before(tmp_path):
    store = Store(tmp_path)
    store.arrays("view", lambda: {"x": np.ones(2)}, made_of={"step": 1})
    before = (tmp_path / "view.npz").read_bytes()
    with pytest.raises(ZeroDivisionError):
        store.arrays("view", lambda: {"x": 1 / 0}, made_of={"step": 2})
    assert (tmp_path / "view.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["view.npz"]
