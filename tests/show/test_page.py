"""The report holds what was measured, needs nothing from elsewhere, and leaves out what is not."""

from __future__ import annotations

import base64
import dataclasses
import html.parser
import io
import json
import shutil

import matplotlib.image
import numpy as np
import pytest

from fosc_tf.show.page import Content, by_epsilon, model_info, write_report
from fosc_tf.show.picture import Picture, Section
from tests import small_run

RECORD = {
    "config": {
        "seed": 3,
        "data": {"name": "digits"},
        "model": {"name": "digits_cnn"},
        "defense": {"name": "dynamic"},
        "evaluation": {"epsilon": 0.2, "norm": "linf"},
        "report": {"sweep_attack": "pgd-7"},
    },
    "command": "python main.py '--config.data.npz=<a & b>.npz'",
    "started": "2026-01-02T03:04:05+00:00",
    "updated": "2026-01-02T04:05:06+00:00",
    "seconds": {"train": 85.4},
    "machine": {"cores": 2},
    "versions": {"keras": "3.9"},
    "exported": {"last": "abc123"},
    "trained": 12,
}


def row(checkpoint, attack, accuracy, **more):
    return {
        "checkpoint": checkpoint,
        "attack": attack,
        "accuracy": accuracy,
        "n": 360,
        "parameters": {"seed": 3, "epsilon": 0.2, "restarts": None},
    } | more


ROWS = [
    row("last", "clean", 0.9583),
    row("last", "autoattack", 0.5972, after={"clean": 0.9583, "apgd-ce": 0.6083}),
    row("best", "clean", 0.9611),
    row("best", "autoattack", 0.6),
    row("last", "pgd-20", 0.8417, surrogate="digits_<standard>"),
]
HISTORY = [
    {"epoch": epoch, "accuracy": 0.5, "gradients": 4.0, "fosc": 0.3, "held_out_robust": robust}
    for epoch, robust in enumerate([0.1, 0.4, 0.4])
]
FINDINGS = [
    {"checkpoint": "last", "name": "logits", "passed": True, "value": "a", "meaning": "softmax"},
    {"checkpoint": "best", "name": "noise", "passed": False, "value": "b", "meaning": "masked"},
]
SWEEPS = {
    "own": [
        {"attack": "pgd-7", "parameters": {"epsilon": e}, "accuracy": 1 - e, "n": 64}
        for e in (0.0, 0.5, 1.0)
    ],
    "<other>": [
        {"attack": "clean", "parameters": {"epsilon": 0.0}, "accuracy": 0.8125, "n": 16},
    ],
}
FURTHER = [
    row("last", "autoattack", 0.7531, parameters={"epsilon": 0.1}),
    row("best", "autoattack", 0.7642, parameters={"epsilon": 0.1}),
    row("last", "pgd-20", 0.8753, surrogate="x", parameters={"epsilon": 0.1}),
]
EMPTY = Content(RECORD, [], [], [], {}, 10)


class Page(html.parser.HTMLParser):
    """Text, headings, pictures, lines of tables and every address of a page."""

    def __init__(self, text):
        super().__init__()
        self.words, self.headings, self.addresses, self._tag = [], [], [], ""
        self.lines, self._in_cell = [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._tag = tag
        if tag == "tr":
            self.lines.append([])
        elif tag in ("td", "th"):
            self.lines[-1].append("")
            self._in_cell = True
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self._in_cell:
            self.lines[-1][-1] += data
        if self._tag != "style" and data.strip():
            self.words.append(" ".join(data.split()))
        if self._tag in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())


@pytest.fixture
def png():
    file = io.BytesIO()
    matplotlib.image.imsave(file, np.zeros([3, 5, 3]), format="png")
    return file.getvalue()


@pytest.fixture
def full(png):
    section = Section("Further", (Picture(png, "A picture."),))
    return Content(RECORD, ROWS, HISTORY, FINDINGS, SWEEPS, 10, (section,))


def test_the_page_holds_everything_and_needs_nothing(full, png, tmp_path):
    path = write_report(full, tmp_path)
    assert path == tmp_path / "report.html"
    text = path.read_text()
    page = Page(text)
    assert page.headings == [
        "dynamic on digits",
        *("Accuracy", "Threat model", "Attacks", "After each stage", "Transfer", "Checks"),
        *("Against epsilon", "Training", "Further", "To repeat it"),
    ]
    for word in (
        *("95.83", "59.72", "96.11", "60.00", "84.17", "360"),
        *("clean 95.83, apgd-ce 60.83", "seed 3, epsilon 0.2", "digits_<standard>"),
        *("pass", "flag", "masked", "train 85 s", "cores 2", "keras 3.9", "last abc123"),
        "python main.py '--config.data.npz=<a & b>.npz'",
        *("right without attack", "right under autoattack, the only attack", "ε = 0.2"),
        "1 of 2 raised a flag",
    ):
        assert word in page.words, word
    # The first of the two best epochs, counted from 1.
    assert "(epoch 2)" in " ".join(page.words)
    for outside in ("url(", "@import", "http", "fetch(", "<link"):
        assert outside not in text
    assert len(page.addresses) == 5
    for address in page.addresses:
        kind, _, data = address.partition(",")
        assert kind == "data:image/png;base64"
        matplotlib.image.imread(io.BytesIO(base64.b64decode(data)), format="png")
    assert base64.b64decode(page.addresses[-1].partition(",")[2]) == png


def test_flags_come_first_and_open_the_list(full, tmp_path):
    text = write_report(full, tmp_path).read_text()
    assert "<details open><summary>1 of 2 raised a flag" in text
    verdicts = [line[0] for line in Page(text).lines if line[0] in ("pass", "flag")]
    assert verdicts == ["flag", "pass"]
    passed = dataclasses.replace(full, findings=FINDINGS[:1])
    text = write_report(passed, tmp_path).read_text()
    assert "<details><summary>All 1 passed" in text
    assert "<details open>" not in text


def test_the_command_is_selected_whole_and_copied(full, tmp_path):
    text = write_report(full, tmp_path).read_text()
    assert "user-select: all" in text
    # The button is there for those who run scripts, and knows a second way to copy.
    assert '<button type="button" id="copy" hidden>' in text
    assert "navigator.clipboard" in text
    assert 'execCommand("copy")' in text


def test_a_number_keeps_its_unit_on_its_line(full, png, tmp_path):
    told = Section("Views", (Picture(png, "From 95.0 to 59.2 %, 0.30 nats, a share in %."),))
    content = dataclasses.replace(full, sections=(told,))
    page = write_report(content, tmp_path).read_text()
    assert "<figcaption>From 95.0 to 59.2\xa0%, 0.30\xa0nats, a share in %.<" in page


def test_a_section_of_sentences_and_numbers(full, tmp_path):
    told = Section("Sizes", (), ("layer", "n"), (("a", "1,000"), ("b", "2.5")), sentences=("5 %.",))
    content = dataclasses.replace(full, sections=(told,))
    page = write_report(content, tmp_path).read_text()
    assert "<p>5\xa0%.</p>" in page
    assert '<td>a</td><td class="number">1,000</td>' in page
    assert '<th>layer</th><th class="number">n</th>' in page
    text = (tmp_path / "report.md").read_text()
    assert "Sizes: 5 %.\n\n| layer | n |\n| --- | --- |\n" in text


def test_a_picture_knows_how_wide_it_must_be(full, png, tmp_path):
    file = io.BytesIO()
    matplotlib.image.imsave(file, np.zeros([10, 1000, 3]), format="png")
    broad, small = Picture(file.getvalue(), "B."), Picture(png, "S.")
    assert (small.size, small.broad) == ((5, 3), False)
    assert (broad.size, broad.broad, broad.least_width) == ((1000, 10), True, 650)
    section = Section("Two", (broad, small))
    text = write_report(dataclasses.replace(full, sections=(section,)), tmp_path).read_text()
    assert text.count("min-width:650px") == 1


def test_markdown_holds_the_same_numbers(full, tmp_path):
    write_report(full, tmp_path)
    lines = (tmp_path / "report.md").read_text().splitlines()
    for line in (
        "last network: 95.83 % right without attack, 59.72 % right under autoattack, the only "
        "attack, ε = 0.2 radius of the ball, linf, n = 360 test images. 1 of 2 checks raised a "
        "flag.",
        "| network | clean % | autoattack % | n |",
        "| last | 95.83 | 59.72 | 360 |",
        "| best | 96.11 | 60.00 | 360 |",
        "Threat model: linf ball of radius 0.2 over pixels in [0, 1], white box.",
        "| last | digits\\_\\<standard\\> | pgd-20 | 84.17 |",
        "| network | epsilon | accuracy % | n |",
        "| own | 0.5 | 50.00 | 64 |",
        "| \\<other\\> | 0 | 81.25 | 16 |",
        "| pass | last | logits | a |",
        "| FLAG | best | noise | b |",
        "- wall time: train 85 s",
    ):
        assert line in lines, line


def test_the_row_of_a_leaderboard_is_that_of_the_best_network(full, tmp_path):
    write_report(full, tmp_path)
    info = json.loads((tmp_path / "model_info.json").read_text())
    assert info["clean_acc"] == "96.11"
    assert info["autoattack_acc"] == "60.00"
    assert (info["name"], info["eps"], info["norm"]) == ("dynamic (best epoch)", "0.2", "linf")
    last = [each for each in ROWS if each["checkpoint"] == "last"]
    info = model_info(dataclasses.replace(full, rows=last))
    assert (info["name"], info["clean_acc"]) == ("dynamic (last epoch)", "95.83")


def test_a_leaderboard_knows_how_many_examples_autoattack_saw(full):
    few = [row("last", "clean", 0.96, n=10000), row("last", "autoattack@1000", 0.5234, n=1000)]
    fewer = row("last", "autoattack@500", 0.51, n=500)
    names = ("clean_acc", "autoattack_acc", "autoattack_examples")
    for rows, known in (
        ([fewer, *few], ("96.00", "52.34", 1000)),
        ([*few, row("last", "autoattack", 0.5511, n=10000)], ("96.00", "55.11", 10000)),
        ([row("last", "autoattack", 0.5511, n=10000), *few], ("96.00", "55.11", 10000)),
        # Another attack, and what it is not measured by: transfer and other epsilons.
        ([few[0], row("last", "autoattack-rand", 0.5)], ("96.00", "", "")),
        ([few[0], few[1] | {"surrogate": "x"}], ("96.00", "", "")),
        ([row("last", "pgd-20", 0.5), FURTHER[0]], ("", "", "")),
        ([*few, FURTHER[0] | {"n": 10000}], ("96.00", "52.34", 1000)),
    ):
        info = model_info(dataclasses.replace(full, rows=rows))
        assert tuple(info[name] for name in names) == known


def test_every_epsilon_has_its_column(full, tmp_path):
    rows = [*ROWS, *FURTHER]
    rows[0] = row("last", "clean", 0.9583, n=1000, parameters={"seed": 3})
    page = Page(write_report(dataclasses.replace(full, rows=rows), tmp_path).read_text())
    for line in (
        ["network", "clean", "autoattack", "autoattack at 0.1", "n"],
        ["last", "95.83", "59.72", "75.31", "360 to 1000"],
        ["best", "96.11", "60.00", "76.42", "360"],
        ["autoattack at 0.1", "epsilon 0.1"],
        ["last", "digits_<standard>", "pgd-20", "84.17"],
        ["last", "x", "pgd-20 at 0.1", "87.53"],
    ):
        assert line in page.lines, line
    lines = (tmp_path / "report.md").read_text().splitlines()
    for line in (
        "| network | clean % | autoattack % | autoattack at 0.1 % | n |",
        "| last | 95.83 | 59.72 | 75.31 | 360 to 1000 |",
        "| best | 96.11 | 60.00 | 76.42 | 360 |",
        "| last | x | pgd-20 at 0.1 | 87.53 |",
        "Threat model: linf ball of radius 0.2 over pixels in [0, 1], white box; where an attack "
        "is named with a radius, that one holds instead.",
    ):
        assert line in lines, line
    info = json.loads((tmp_path / "model_info.json").read_text())
    assert (info["clean_acc"], info["autoattack_acc"]) == ("96.11", "60.00")


def test_the_numbers_of_the_sweep_stand_under_its_plot(full, tmp_path):
    assert by_epsilon(SWEEPS) == [
        {"network": "own", "epsilon": 0.0, "accuracy": 1.0, "n": 64},
        {"network": "own", "epsilon": 0.5, "accuracy": 0.5, "n": 64},
        {"network": "own", "epsilon": 1.0, "accuracy": 0.0, "n": 64},
        {"network": "<other>", "epsilon": 0.0, "accuracy": 0.8125, "n": 16},
    ]
    page = Page(write_report(full, tmp_path).read_text())
    start = page.lines.index(["network", "epsilon", "accuracy %", "n"])
    assert page.lines[start + 1 : start + 5] == [
        ["own", "0", "100.00", "64"],
        ["own", "0.5", "50.00", "64"],
        ["own", "1", "0.00", "64"],
        ["<other>", "0", "81.25", "16"],
    ]


@pytest.mark.parametrize(
    ("evaluated", "told"),
    [
        ({}, {}),
        (None, {}),
        ({"data": "0f1e"}, {"evaluated data": "sha256 0f1e"}),
        ({"versions": {"keras": "3.9"}}, {}),
        ({"versions": {"keras": "3.8"}}, {"versions of the evaluation": "keras 3.8"}),
    ],
)
def test_data_and_versions_of_the_evaluation(full, tmp_path, evaluated, told):
    record = RECORD | {"evaluated": evaluated, "data": {"sha256": "abcd"}}
    write_report(dataclasses.replace(full, record=record), tmp_path)
    lines = (tmp_path / "report.md").read_text().splitlines()
    assert "- versions: keras 3.9" in lines
    assert "- data: sha256 abcd" in lines
    assert [line for line in lines if "evaluat" in line and line.startswith("- ")] == [
        f"- {name}: {text}" for name, text in told.items()
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [({}, []), ({"machine": {"cores": 64}}, ["- trained on: versions (keras 3.9), "])],
)
def test_where_it_was_trained_if_elsewhere(full, tmp_path, changed, told):
    trained_with = {name: RECORD[name] for name in ("versions", "machine")} | changed
    record = RECORD | {"trained_with": [trained_with]}
    write_report(dataclasses.replace(full, record=record), tmp_path)
    lines = (tmp_path / "report.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("- trained on")] == [
        line + "machine (cores 64)" for line in told
    ]


def test_what_was_not_measured_is_left_out(tmp_path):
    page = Page(write_report(EMPTY, tmp_path).read_text())
    assert page.headings[1:] == ["Accuracy", "Threat model", "Attacks", "To repeat it"]
    assert page.addresses == []
    assert "data" not in page.words
    info = json.loads((tmp_path / "model_info.json").read_text())
    assert (info["clean_acc"], info["autoattack_acc"]) == ("", "")


def test_a_run_is_reported_from_one_command(program, npz, undisturbed, tmp_path):
    work = shutil.copytree(undisturbed, tmp_path / "work")
    fields = {"evaluation__check_examples": 8, "report__sweep_examples": 8}
    ended = program.run(*small_run.flags(work, npz=npz, mode="report", **fields))
    assert ended.code == 0, ended.err
    page = Page((work / "report.html").read_text())
    assert page.headings == [
        "dynamic on digits",
        *("Accuracy", "Threat model", "Attacks", "Checks", "Against epsilon", "Training"),
        *("Adversarial examples", "FOSC views", "What was learned", "To repeat it"),
    ]
    for each in json.loads((work / "results.json").read_text()):
        assert f"{100 * each['accuracy']:.2f}" in page.words
    numbers = json.loads((work / "epsilons.json").read_text())
    # Clean and eight epsilons, from a quarter of 8 / 255 to five times it.
    assert [each["epsilon"] * 255 for each in numbers] == pytest.approx(
        [0, 2, 4, 6, 8, 12, 16, 24, 40]
    )
    assert {(each["network"], each["n"]) for each in numbers} == {("work", 8)}
    assert ["work", "0.1569", f"{100 * numbers[-1]['accuracy']:.2f}", "8"] in page.lines
    (weights,) = [word for word in page.words if word.startswith("last ") and len(word) > 64]
    assert json.loads((work / "export" / "export.json").read_text())["weights_sha256"] in weights
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
