"""Names that would be marks, commands or formulas are shown as they are."""

import io
import xml.etree.ElementTree

import matplotlib.figure
import numpy as np
import pytest
from rich.console import Console

from fosc_tf.errors import UserError, visible
from fosc_tf.show import accuracy_plots, attack_plots, markdown, screen, style, table

NAMES = [
    "a|b",
    "_a_",
    "*a*",
    "`a`",
    "a\nb",
    "[bold]a[/]",
    ":warning:",
    "\x1b[31ma",
    "\udce9",
    "$a_b$",
]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("digits_dynamic,seed=0", "digits_dynamic,seed=0"),
        ("a|b", "a\\|b"),
        ("_a_b_", "\\_a_b\\_"),
        ("*a* `b` [c](d)", "\\*a\\* \\`b\\` \\[c\\](d)"),
        ("a\nb\x1b\\", "a\\\\nb\\\\x1b\\\\"),
        ("65.00 ± 6.45", "65.00 ± 6.45"),
    ],
)
def test_cells(text, shown):
    assert markdown.cell(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a|*b*", "`a|*b*`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("a\nb", "`a\\nb`")],
)
def test_code(text, shown):
    assert markdown.code(text) == shown


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leaves_a_table_of_markdown_whole(tmp_path, name):
    row = {"checkpoint": name, "attack": "clean", "accuracy": 0.5, "n": 8, "parameters": {}}
    table.write([row, row | {"surrogate": name}], tmp_path)
    lines = (tmp_path / "results.md").read_text().splitlines()
    cells = [line.replace("\\|", "").split(" | ") for line in lines if line.startswith("|")]
    assert [len(row) for row in cells] == [3, 3, 3, 4, 4, 4]
    assert cells[2] == [f"| {markdown.cell(name)}".replace("\\|", ""), "50.00", "8 |"]


@pytest.mark.parametrize("name", NAMES)
def test_a_terminal_shows_names_as_they_are(name):
    console = Console(file=io.StringIO(), width=300, force_terminal=True, color_system=None)
    screen.show_table(("run", name), [(name, "1")], 1, console)
    finding = {"checkpoint": name, "name": name, "passed": False, "value": name, "meaning": name}
    screen.show_findings([finding], console)
    written = console.file.getvalue()
    assert written.count(visible(name)) == 8
    assert "\x1b[31m" not in written


@pytest.mark.parametrize("name", NAMES)
def test_an_error_is_three_lines_whatever_it_quotes(name):
    error = UserError("a rule", name, f"received {name}")
    assert str(error).count("\n") == 2
    assert error.received == f"received {visible(name)}"


@pytest.mark.parametrize("name", [*NAMES, "$", "$\\frac{$", "_hidden"])
def test_pictures_show_names_as_they_are(name):
    row = {"attack": "pgd-20", "accuracy": 0.5, "parameters": {"epsilon": 0.1}}
    figure = accuracy_plots.against_epsilon({name: [row], "b": [row]}, 10, 0.1)
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [text.strip() for text in shown] == [visible(name), "b", "chance", "evaluation epsilon"]
    arrays = {"network": np.array([name]), "num_steps": np.array([20]), "divisor": np.array([6.0])}
    arrays["accuracy"] = np.array([[0.5]])
    title = f"{visible(name)}: examples"
    for each in (figure, attack_plots.cross_table(arrays, title)):
        assert isinstance(each, matplotlib.figure.Figure)
        xml.etree.ElementTree.fromstring(style.encoded(each, "svg"))
    text = style.encoded(each, "svg").decode()
    if name.startswith("$"):
        assert visible(name).replace("&", "&amp;") in text
