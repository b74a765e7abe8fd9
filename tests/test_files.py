"""Files whole or not at all, links that are not followed, and JSON that may be damaged."""

import json

import pytest

from fosc_tf import export, files
from fosc_tf.errors import UserError
from fosc_tf.runs import trained
from fosc_tf.show import table
from tests.data.three_parts import refused

RESULT = {"checkpoint": "last", "attack": "clean", "accuracy": 0.5, "n": 8, "parameters": {}}
CHECK = {"checkpoint": "last", "name": "a", "passed": True, "value": "1", "meaning": "b"}
ROWS = {
    "results.json": [RESULT, RESULT | {"surrogate": "b", "parameters": {"epsilon": 0.1}}],
    "checks.json": [CHECK],
    "history.json": [{"epoch": 0, "loss": 2.3}],
    "times.json": [{"epoch": 0, "wall": 1.5, "cpu": 2}],
}
DAMAGED = {
    "empty": b"",
    "truncated": b'[{"epoch": 0, "lo',
    "binary": b"\x80\x00\xff",
    "null": b"null",
    "number": b"3",
    "object": b"{}",
    "list of numbers": b"[1, 2]",
    "row without keys": b"[{}]",
    "nested": b"[" * 100_000,
    "long number": b"[" + b"9" * 5000 + b"]",
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_read_as_they_were_written(tmp_path, name):
    files.write(tmp_path / name, json.dumps(ROWS[name]))
    assert table.read(tmp_path, name) == ROWS[name]


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("name", ROWS)
def test_a_damaged_file_is_named_in_three_parts(tmp_path, name, damage):
    (tmp_path / name).write_bytes(DAMAGED[damage])
    with pytest.raises(UserError, match=f"{name} must be the JSON") as caught:
        table.read(tmp_path, name)
    assert caught.value.received.startswith(str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == DAMAGED[damage]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_without_one_of_its_keys_is_damaged(tmp_path, name):
    needed = set(ROWS[name][0]) - {"loss"} - ({"epoch"} if name == "times.json" else set())
    for key in needed:
        rows = [{other: row[other] for other in row if other != key} for row in ROWS[name]]
        (tmp_path / name).write_text(json.dumps(rows))
        with pytest.raises(UserError, match="must be the JSON"):
            table.read(tmp_path, name)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"data": 3}', "[" * 100_000])
def test_damaged_notes_of_an_export(tmp_path, content):
    (tmp_path / "export.json").write_text(content)
    with pytest.raises(UserError, match=r"export\.json must be the JSON") as caught:
        export.about(tmp_path)
    assert "--mode=export" in caught.value.right


def test_a_folder_where_a_file_should_be(tmp_path):
    (tmp_path / "results.json").mkdir()
    with pytest.raises(UserError, match="must be the JSON"):
        table.read(tmp_path)


@pytest.mark.parametrize("name", ["a.json", "a.json.unfinished"])
def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path, name):
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / name).symlink_to(theirs)
    files.write(tmp_path / "a.json", "ours")
    assert theirs.read_text() == "theirs"
    assert (tmp_path / "a.json").read_text() == "ours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "theirs"]


def test_names_that_are_no_text_are_written_as_they_can_be(tmp_path):
    files.write(tmp_path / "a", "caf\udce9")
    assert (tmp_path / "a").read_text() == "caf\\udce9"


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        (int, 3, "3"),
        ((int, None), None, "3"),
        ([int], [], [1, "2"]),
        ([int, ...], [1], []),
        ({"a": int}, {"a": 1, "b": "2"}, {"b": 1}),
        ({...: int}, {"a": 1}, {"a": 1, "b": "2"}),
        ({"a": ({"b": [str]}, None)}, {}, {"a": {"b": [1]}}),
    ],
)
def test_forms(tmp_path, form, right, wrong):
    (tmp_path / "a").write_text(json.dumps(right))
    assert files.read_json(tmp_path / "a", form, "") == right
    (tmp_path / "a").write_text(json.dumps(wrong))
    with pytest.raises(UserError):
        files.read_json(tmp_path / "a", form, "")


@pytest.mark.parametrize("path", [None, 5, "", ["runs"]])
def test_what_is_no_path(path):
    refused(
        lambda: files.local(path),
        rule="path must be a path",
        right="path=runs/",
        received=f"path={path!r}",
    )


@pytest.mark.parametrize(
    "path", ["s3://bucket/run", "gs://bucket/run", "hdfs://host:9000/run", "https://host/run"]
)
def test_an_address_is_no_path_of_this_machine(path):
    for call in (
        lambda: files.local(path, "--workdir"),
        lambda: export.load(path),
        lambda: trained.load(path),
    ):
        refused(call, rule="of this machine", right="mounted here", received=path)


def test_home_is_where_the_shell_would_put_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # Windows
    assert files.local("~/runs/a") == tmp_path / "runs" / "a"
    assert files.local(tmp_path / "a:b") == tmp_path / "a:b"
    assert files.local("a:b").name == "a:b"  # runs/digits:b, say
