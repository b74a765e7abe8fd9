"""A report shows what was proved of the weights that are there, and of no others."""

import json
import types

import numpy as np
import pytest

from fosc_tf.errors import UserError
from fosc_tf.runs import certification, reporting

ROWS = [
    {"checkpoint": "last", "attack": "clean", "accuracy": 0.9, "n": 10},
    {
        **{"checkpoint": "last", "method": "ibp", "accuracy": 0.5, "alone": None},
        **{"asked": 9, "n": 10, "seconds": 0.1, "parameters": {"epsilon": 0.1}},
    },
]


@pytest.fixture
def record(tmp_path):
    (tmp_path / certification.FILE).write_text(json.dumps(ROWS))
    np.savez(tmp_path / certification.ARRAYS)
    return types.SimpleNamespace(folder=tmp_path, content={"certified": {"last": "aa"}})


def test_proofs_of_the_weights_that_are_there(record):
    (section,) = reporting._proofs(record, "last", "aa")
    assert [line[1] for line in section.lines] == ["clean", "proved: ibp"]
    assert section.opened


def test_proofs_of_other_weights_are_left_out(record):
    assert reporting._proofs(record, "last", "bb") == []


def test_a_damaged_file_is_told(record):
    (record.folder / certification.FILE).write_text(json.dumps([{"checkpoint": "last"}]))
    with pytest.raises(UserError, match="--mode=certify once more"):
        reporting._proofs(record, "last", "aa")
