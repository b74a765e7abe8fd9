"""The same numbers on screen, in JSON and in Markdown."""

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from fosc_tf import files
from fosc_tf.show import accuracy_plots, columns, style, table
from fosc_tf.sweeps import summary
from tests.program import ROOT


def row(checkpoint, attack, accuracy, n=360, epsilon=0.2, **more):
    return {
        "checkpoint": checkpoint,
        "attack": attack,
        "accuracy": accuracy,
        "n": n,
        "parameters": {"seed": 0} if attack == "clean" else {"seed": 0, "epsilon": epsilon},
    } | more


ROWS = [
    row("last", "clean", 0.98765),
    row("last", "pgd-20", 0.5),
    row("best", "clean", 1.0),
    row("best", "pgd-20", 0.512345),
]
TRANSFER = [
    row("last", "fgsm", 0.75, surrogate="standard"),
    row("last", "pgd-20", 0.875, surrogate="standard"),
    row("last", "pgd-20", 0.625, surrogate="[b]other"),
    row("best", "pgd-20", 0.8125, surrogate="standard"),
]


def on_screen(show):
    """Returns the cells of each line of the tables that `show` prints."""
    console = Console(file=io.StringIO(), width=200)
    show(console)
    lines = console.file.getvalue().replace("┃", "│").splitlines()
    return [[word.strip() for word in line.split("│")[1:-1]] for line in lines if "│" in line]


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
    assert on_screen(lambda console: table.show(ROWS, console)) == [
        ["checkpoint", "clean %", "pgd-20 %", "n"],
        ["last", "98.77", "50.00", "360"],
        ["best", "100.00", "51.23", "360"],
    ]


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


def test_transfer_has_a_table_of_its_own(tmp_path):
    # Before and behind the white-box rows: neither may overwrite the other.
    rows = [*TRANSFER[:2], *ROWS, *TRANSFER[2:]]
    table.write(rows, tmp_path, "Seed: 0")
    assert (tmp_path / "results.md").read_text() == (
        "| checkpoint | clean % | pgd-20 % | n |\n"
        "| --- | --- | --- | --- |\n"
        "| last | 98.77 | 50.00 | 360 |\n"
        "| best | 100.00 | 51.23 | 360 |\n"
        "\n"
        "Transfer: attacks crafted on the surrogate:\n"
        "\n"
        "| checkpoint | surrogate | fgsm % | pgd-20 % | n |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| last | standard | 75.00 | 87.50 | 360 |\n"
        "| last | \\[b\\]other |  | 62.50 | 360 |\n"
        "| best | standard |  | 81.25 | 360 |\n"
        "\n"
        "Seed: 0\n"
    )
    assert table.read(tmp_path) == rows
    assert on_screen(lambda console: table.show(rows, console)) == [
        ["checkpoint", "clean %", "pgd-20 %", "n"],
        ["last", "98.77", "50.00", "360"],
        ["best", "100.00", "51.23", "360"],
        ["checkpoint", "surrogate", "fgsm %", "pgd-20 %", "n"],
        ["last", "standard", "75.00", "87.50", "360"],
        ["last", "[b]other", "", "62.50", "360"],
        ["best", "standard", "", "81.25", "360"],
    ]


def test_every_epsilon_has_its_column(tmp_path):
    rows = [
        *ROWS,
        row("last", "pgd-20", 0.75, epsilon=0.1),
        row("best", "pgd-20", 0.25, epsilon=0.3),
        row("last", "pgd-20", 0.875, epsilon=0.1, surrogate="standard"),
    ]
    table.write(rows, tmp_path)
    lines = (tmp_path / "results.md").read_text().splitlines()
    header = "| checkpoint | clean % | pgd-20 % | pgd-20 at 0.1 % | pgd-20 at 0.3 % | n |"
    assert lines[0] == header
    assert lines[2] == "| last | 98.77 | 50.00 | 75.00 |  | 360 |"
    assert lines[3] == "| best | 100.00 | 51.23 |  | 25.00 | 360 |"
    # The run's first epsilon, not that of the transfer rows alone.
    assert lines[7] == "| checkpoint | surrogate | pgd-20 at 0.1 % | n |"
    assert lines[9] == "| last | standard | 87.50 | 360 |"


def test_epsilons_that_four_digits_do_not_tell_apart_are_written_in_full():
    epsilons = (0.2, 8 / 255, 0.03137, 4 / 255)
    rows = [{"attack": "clean"}, *(row("last", "fgsm", 1.0, epsilon=e) for e in epsilons)]
    assert [each["column"] for each in columns.labelled(rows)] == [
        *("clean", "fgsm", "fgsm at 0.03137254901960784", "fgsm at 0.03137", "fgsm at 0.01569")
    ]


def test_n_is_a_span_where_attacks_differ(tmp_path):
    rows = [
        row("last", "clean", 0.9, n=10000),
        row("last", "pgd-20@1000", 0.5, n=1000),
        row("last", "cw-linf@2000", 0.5, n=2000),
        row("best", "clean", 0.9, n=10000),
    ]
    table.write(rows, tmp_path)
    lines = (tmp_path / "results.md").read_text().splitlines()
    assert lines[2] == "| last | 90.00 | 50.00 | 50.00 | 1000 to 10000 |"
    assert lines[3] == "| best | 90.00 |  |  | 10000 |"


@pytest.fixture
def runs(tmp_path):
    """Label and folder of two seeds at 0.2 and 0.1, and of a run of another first epsilon."""

    def run(label, seed, rows):
        folder = tmp_path / f"{label},seed={seed}"
        folder.mkdir()
        (folder / "results.json").write_text(json.dumps(rows))
        (folder / "history.json").write_text(
            '[{"epoch": 0, "gradients": 2, "held_out_robust": 0.5}]'
        )
        (folder / "times.json").write_text('[{"wall": 4.0, "cpu": 9.0}]')
        return label, folder

    def both(first, second):
        return [
            row("last", "clean", 0.9),
            row("last", "pgd-20", first),
            row("last", "pgd-20", second, epsilon=0.1),
            row("last", "pgd-20", 0.75, surrogate="standard"),
        ]

    return [
        run("a", 0, both(0.25, 0.5)),
        run("a", 1, both(0.75, 0.5)),
        run("b", 0, [row("last", "pgd-20", 0.125, epsilon=0.1)]),
    ]


def test_a_sweep_sums_up_each_epsilon_alone(runs):
    rows = summary.rows(runs)
    names = ("label", "attack", "epsilon", "column", "accuracy", "seeds")
    assert [tuple(each[name] for name in names) for each in rows] == [
        ("a", "clean", None, "clean", 0.9, 2),
        ("a", "pgd-20", 0.2, "pgd-20", 0.5, 2),
        ("a", "pgd-20", 0.1, "pgd-20 at 0.1", 0.5, 2),
        ("a", "pgd-20", 0.2, "black-box pgd-20", 0.75, 2),
        ("b", "pgd-20", 0.1, "pgd-20", 0.125, 1),
    ]
    # By hand: 0.25 and 0.75 have deviation 0.5 / sqrt(2), their mean the error 0.25.
    assert rows[1]["standard_error"] == pytest.approx(0.25)
    assert rows[2]["standard_error"] == 0.0
    costs = ["gradients", "training s", "CPU s", "seeds"]
    assert on_screen(lambda console: summary.show(rows, console)) == [
        ["run", "epsilon", "checkpoint", "clean %", "pgd-20 %", "pgd-20 at 0.1 %"]
        + ["black-box pgd-20 %", *costs],
        ["a", "0.2", "last", "90.00 ± 0.00", "50.00 ± 25.00", "50.00 ± 0.00"]
        + ["75.00 ± 0.00", "2.00", "4", "9", "2"],
        ["b", "0.1", "last", "", "12.50", "", "", "2.00", "4", "9", "1"],
    ]


def test_runs_of_one_label_at_different_epsilons_are_not_one_mean(runs):
    rows = summary.rows([("same", folder) for _, folder in runs[:1] + runs[2:]])
    assert [(each["column"], each["accuracy"], each["seeds"]) for each in rows] == [
        ("clean", 0.9, 1),
        ("pgd-20", 0.25, 1),
        # 0.5 and 0.125, both at epsilon 0.1
        ("pgd-20 at 0.1", 0.3125, 2),
        ("black-box pgd-20", 0.75, 1),
    ]
    cells = on_screen(lambda console: summary.show(rows, console))
    assert cells[1][-1] == "1 to 2"


def test_the_picture_of_a_sweep_tells_epsilons_apart(runs, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(accuracy_plots, "of_runs", drawn.extend)
    monkeypatch.setattr(style, "encoded", lambda figure: b"picture")
    summary.write(summary.rows(runs), runs, tmp_path)
    own = ["clean", "pgd-20", "pgd-20 at 0.1", "black-box pgd-20"]
    assert [each["attack"] for each in drawn] == [*own, "pgd-20"]
    names = ["a at epsilon 0.2"] * 4 + ["b at epsilon 0.1"]
    assert [each["label"] for each in drawn] == names
    kept = json.loads((tmp_path / "sweep.json").read_text())
    assert [each["attack"] for each in kept] == ["clean", *["pgd-20"] * 4]


def test_a_summary_needs_no_tensorflow():
    code = "import sys, fosc_tf.sweeps.summary; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
