"""The subnetworks of a run beside its exports: checked, replaced, told of in the report."""

import json
import os

import numpy as np
import pytest

from fosc_tf import subnetworks, tflite
from fosc_tf.errors import UserError
from fosc_tf.runs import reporting, shipping, trained
from tests import small_run
from tests.subnetworks.networks import digits, images, small

BOTH = [f"subnetwork{whose}.{kind}" for whose in ("", "_best") for kind in ("bin", "tflite")]
needs_converter = pytest.mark.skipif(
    not tflite.has_converter(), reason="this TensorFlow brings no TFLite converter"
)


def of(network, name="last"):
    """Returns what the report takes for the network of the folder."""
    return trained.Trained(None, network, 10, trained.fingerprint(network), None)


@needs_converter
def test_files_of_other_weights_are_replaced(tmp_path, capsys):
    for seed in (0, 1):
        network = small(seed=seed)
        rows = shipping.ship("last", network, tmp_path)
        shipping.write(rows, tmp_path)
        expected = network(images(), training=False)
        for loaded in (
            subnetworks.unpack(tmp_path / "subnetwork.bin"),
            tflite.load(tmp_path / "subnetwork.tflite"),
        ):
            found = loaded(images(), training=False)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    total = rows[-1]
    assert shipping.read(tmp_path) == rows
    assert total["checkpoint"] == "last"
    assert total["weights_sha256"] == trained.fingerprint(network)
    assert total["file_bytes"] == (tmp_path / "subnetwork.bin").stat().st_size
    assert total["tflite_bytes"] == (tmp_path / "subnetwork.tflite").stat().st_size
    assert total["dense_bytes"] == 4 * subnetworks.plain(network).count_params()
    assert sorted(os.listdir(tmp_path)) == ["sizes.json", "subnetwork.bin", "subnetwork.tflite"]
    assert "last subnetwork" in capsys.readouterr().out


@pytest.mark.parametrize("error", [UserError("a rule", "right", "this"), RuntimeError("differs")])
def test_where_no_tflite_file_can_be_made_none_of_before_is_left(
    error, tmp_path, monkeypatch, capsys
):
    def fails(*_):
        raise error

    (tmp_path / "subnetwork_best.tflite").write_text("of other weights")
    monkeypatch.setattr(tflite, "save", fails)
    rows = shipping.ship("best", small(), tmp_path)
    assert rows[-1]["tflite_bytes"] is None
    assert os.listdir(tmp_path) == ["subnetwork_best.bin"]
    assert "no subnetwork_best.tflite: " in capsys.readouterr().out


def test_another_network_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(subnetworks, "unpack", lambda _: small(seed=5))
    (tmp_path / "subnetwork.bin").write_text("earlier")
    with pytest.raises(RuntimeError, match=r"subnetwork.bin differ .* nothing was saved"):
        shipping.ship("last", small(), tmp_path)
    assert os.listdir(tmp_path) == ["subnetwork.bin"]
    assert (tmp_path / "subnetwork.bin").read_text() == "earlier"


@pytest.mark.parametrize("name", ["last", "ensemble"])
def test_what_is_no_small_network_has_no_files(name, tmp_path):
    assert shipping.ship(name, digits() if name == "last" else small(), tmp_path) == []
    shipping.write([], tmp_path)
    assert os.listdir(tmp_path) == []
    assert shipping.read(tmp_path) == []


def test_the_report_tells_of_the_weights_that_are_there(tmp_path):
    network, other = small(), small(seed=1)
    rows = subnetworks.sizes(other)
    files = {"tflite_bytes": 4321, "weights_sha256": trained.fingerprint(other)}
    kept = [{"checkpoint": "last"} | row for row in [*rows[:-1], rows[-1] | files]]
    shipping.write(kept, tmp_path)
    size, operations = reporting._subnetwork(tmp_path, "last", of(other))
    assert "The TFLite file has 4,321 bytes." in size.sentences[0]
    assert f"{rows[-1]['file_bytes']:,} bytes" in size.sentences[0]
    assert operations.lines[-1][0] == "total"
    size, _ = reporting._subnetwork(tmp_path, "last", of(network))
    assert "TFLite" not in size.sentences[0]
    assert reporting._subnetwork(tmp_path, "last", of(digits())) == []


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "sizes.json").write_text(json.dumps([{"checkpoint": "last", "layer": "conv"}]))
    with pytest.raises(UserError, match="--mode=export once more"):
        shipping.read(tmp_path)


@needs_converter
def test_a_run_ships_itself_and_again_where_files_are_missing(program, npz, tmp_path):
    work, fields = tmp_path / "work", {"subnetwork__rate": 0.8, "defense__c_max": 0.1}
    ended = program.run(*small_run.flags(work, npz=npz, **fields))
    assert ended.code == 0, ended.err
    before = {name: (work / name).read_bytes() for name in BOTH}
    assert {row["checkpoint"] for row in shipping.read(work)} == {"last", "best"}
    assert sorted(path.name for path in work.glob("subnetwork*")) == sorted(BOTH)
    for name in BOTH[:2]:
        (work / name).write_text("other")
    (work / "sizes.json").unlink()
    ended = program.run(*small_run.flags(work, npz=npz, mode="export", **fields))
    assert ended.code == 0, ended.err
    assert {name: (work / name).read_bytes() for name in BOTH} == before
    own = trained.load(work)
    (size, _) = reporting._subnetwork(work, "last", own)
    assert f"{len(before['subnetwork.tflite']):,} bytes" in size.sentences[0]
