"""Every number of the result tables comes from a saved run record."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from fosc_tf.fields import flat
from fosc_tf.sweeps import summary
from tests.program import ROOT

RESULTS = ROOT / "results"
SWEEPS = sorted(path.parent for path in RESULTS.glob("*/sweep.json"))
PAGES = [RESULTS / "README.md", ROOT / "README.md"]


def records(sweep: pathlib.Path) -> list[tuple[str, pathlib.Path]]:
    """Returns label and folder of each run that a sweep has left behind."""
    folders = sorted(path.parent for path in sweep.glob("*/results.json"))
    return [(folder.name.rpartition(",seed=")[0], folder) for folder in folders]


def lines(text: str) -> dict[tuple[str, str], str]:
    """Returns the lines of a sweep's table by run and checkpoint."""
    cells = [line.split(" | ") for line in text.splitlines()[2:]]
    return {(row[0], row[1]): " | ".join(row) for row in cells}


def test_there_are_results():
    assert SWEEPS


def test_no_record_names_a_folder_of_its_machine():
    absolute = re.compile(r"(?<![\w.])/\w+/\w")
    for path in RESULTS.rglob("*.json"):
        assert not absolute.search(path.read_text()), path


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda path: path.name)
def test_a_sweeps_table_follows_from_its_records(sweep, tmp_path):
    runs = records(sweep)
    found = summary.rows(runs)
    summary.write(found, runs, tmp_path)
    kept = json.loads((sweep / "sweep.json").read_text())

    def by_name(row):
        return row["label"], row["checkpoint"], row["column"]

    assert sorted(found, key=by_name) == sorted(kept, key=by_name)
    made, written = (tmp_path / "sweep.md").read_text(), (sweep / "sweep.md").read_text()
    assert made.splitlines()[:2] == written.splitlines()[:2]
    assert lines(made) == lines(written)


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda path: path.name)
def test_the_records_are_of_the_runs_that_they_stand_for(sweep):
    for label, folder in records(sweep):
        record = json.loads((folder / "run.json").read_text())
        seed = int(folder.name.rpartition("=")[2])
        assert record["config"]["seed"] == seed
        experiment, *chosen = re.split(r",(?![^(]*\))", label)
        assert f"configs/{experiment}.py" in record["command"]
        fields = {
            f"{name.rpartition('.')[2]}={tuple(value) if isinstance(value, list) else value}"
            for name, value in flat(record["config"]).items()
        }
        assert set(chosen) <= fields
        assert record["trained"]
        config = record["config"]
        # Free passes over the images once for all replays of a batch.
        epochs = config["total_epochs"] // config["defense"].get("replays", 1)
        for name in ("history.json", "times.json"):
            assert len(json.loads((folder / name).read_text())) == epochs


def quoted(page: pathlib.Path) -> list[tuple[str, str, dict[str, str]]]:
    """Returns sweep, label and cells by column of each table line that names a run of a sweep.

    Such a table follows a line `<!-- results/mnist -->`; its lines begin with a label or one run.
    """
    found = []
    parts = re.split(r"<!-- results/(\w+) -->\n", page.read_text())
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        table = re.match(r"\s*((?:\|.*\n)+)", text)[1].splitlines()
        header, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
        for row in rows[1:]:
            if row[0].startswith("`"):
                found.append((name, row[0].strip("`"), dict(zip(header[1:], row[1:], strict=True))))
    return found


def measured(sweep: pathlib.Path, name: str) -> tuple[list[dict], dict[str, str]]:
    """Returns rows and costs of a label, its mean over seeds, or of one run, `LABEL,seed=N`.

    They are those of the network after the last epoch.
    """
    folder = sweep / name
    if folder.is_dir():
        rows = summary.rows([(name, folder)])
        last = json.loads((folder / "history.json").read_text())[-1]
        further = {"last FOSC": f"{last['fosc']:.2f}"} if "fosc" in last else {}
    else:
        kept = json.loads((sweep / "sweep.json").read_text())
        rows, further = [row for row in kept if row["label"] == name], {}
    rows = [row for row in rows if row["checkpoint"] == "last"]
    assert rows, name
    return rows, further | {
        "gradients": f"{rows[0]['gradients']:.2f}",
        "training s": f"{rows[0]['seconds']:,.0f}",
        "CPU s": f"{rows[0]['cpu_seconds']:,.0f}",
        "seeds": str(rows[0]["seeds"]),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_pages_quote_the_records(page):
    found = quoted(page)
    assert found
    for sweep in {sweep for sweep, _, _ in found}:
        kept = json.loads((RESULTS / sweep / "sweep.json").read_text())
        assert {row["label"] for row in kept} <= {name for _, name, _ in found}
    for sweep, name, cells in found:
        rows, costs = measured(RESULTS / sweep, name)
        own = {row["column"]: row for row in rows}
        for column, cell in cells.items():
            if column in costs:
                assert cell == costs[column], (name, column)
            else:
                assert cell == summary._cell(own.get(column)), (name, column)
