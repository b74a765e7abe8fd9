"""The same numbers on screen, in JSON and in Markdown."""

import io
import json

import pytest
from rich.console import Console

from fosc_tf import files
from fosc_tf.evaluation import table


def row(checkpoint, attack, accuracy, n=360):
    return {
        "checkpoint": checkpoint,
        "attack": attack,
        "accuracy": accuracy,
        "n": n,
        "parameters": {"epsilon": 0.1},
    }


ROWS = [
    row("last", "clean", 0.98765),
    row("last", "pgd-20", 0.5),
    row("best", "clean", 1.0),
    row("best", "pgd-20", 0.512345),
]


def test_json_is_the_rows(tmp_path):
    table.write(ROWS, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text()) == ROWS
    assert table.read(tmp_path) == ROWS


def test_markdown_table_and_note(tmp_path):
    table.write(ROWS, tmp_path, "Seed: 0")
    assert (tmp_path / "results.md").read_text() == (
        "| checkpoint | clean % | pgd-20 % | n |\n"
        "| --- | --- | --- | --- |\n"
        "| last | 98.77 | 50.00 | 360 |\n"
        "| best | 100.00 | 51.23 | 360 |\n"
        "\n"
        "Seed: 0\n"
    )


def test_screen():
    console = Console(file=io.StringIO(), width=100)
    table.show(ROWS, console)
    lines = console.file.getvalue().splitlines()
    cells = [[word.strip() for word in line.split("│")[1:-1]] for line in lines]
    assert ["last", "98.77", "50.00", "360"] in cells
    assert ["best", "100.00", "51.23", "360"] in cells


def test_attack_that_a_checkpoint_lacks_is_left_blank(tmp_path):
    table.write([*ROWS, row("best", "cw-linf", 0.25)], tmp_path)
    lines = (tmp_path / "results.md").read_text().splitlines()
    assert lines[2] == "| last | 98.77 | 50.00 |  | 360 |"
    assert lines[3] == "| best | 100.00 | 51.23 | 25.00 | 360 |"


def test_files_are_replaced_whole(tmp_path, monkeypatch):
    table.write(ROWS, tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    monkeypatch.setattr(files.os, "replace", lambda *paths: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        table.write(ROWS[:1], tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before
