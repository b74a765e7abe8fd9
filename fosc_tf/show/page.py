"""The report of a run: one HTML page that needs nothing else, a Markdown twin, a leaderboard row.

write_report(content, folder)      # report.html, report.md and model_info.json in the work folder
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from typing import Any

import jinja2

from fosc_tf import files
from fosc_tf.choice import best_of
from fosc_tf.errors import visible
from fosc_tf.readable import amount
from fosc_tf.show import accuracy_plots, captions, columns, markdown, table, training_plots
from fosc_tf.show.columns import Rows, percent
from fosc_tf.show.headline import headline, strongest_first
from fosc_tf.show.picture import Picture, Section


@dataclasses.dataclass(frozen=True)
class Content:
    """What a report tells; anything not measured is empty.

    Attributes:
        record: the content of `run.json`.
        rows: the rows of `results.json`, transfer rows with a `surrogate`.
        history: the rows of `history.json`.
        findings: the rows of `checks.json`.
        sweeps: rows of several epsilons by the name of the network.
        num_classes: of the dataset.
        sections: further pictures.
    """

    record: dict[str, Any]
    rows: Rows
    history: Rows
    findings: Rows
    sweeps: dict[str, Rows]
    num_classes: int
    sections: tuple[Section, ...] = ()


def write_report(content: Content, folder: pathlib.Path) -> pathlib.Path:
    """Writes `report.html`, `report.md` and `model_info.json` into `folder`; returns the page."""
    facts = _facts(content)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fosc_tf.show", "."),
        autoescape=lambda name: "html" in (name or ""),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"percent": percent, "in_words": _in_words, "unbroken": _unbroken}
    environment.filters |= {"cell": markdown.cell, "code": markdown.code}
    for form in ("html", "md"):
        text = environment.get_template(f"page.{form}.j2").render(facts)
        files.write(folder / f"report.{form}", text)
    files.write(folder / "model_info.json", json.dumps(model_info(content), indent=1) + "\n")
    return folder / "report.html"


def model_info(content: Content) -> dict[str, Any]:
    """Returns the row that RobustBench keeps of a model; empty where nothing was measured."""
    config = content.record["config"]
    kept = [
        row
        for row in columns.labelled(content.rows)
        if "surrogate" not in row and row["column"] == row["attack"]
    ]
    name = "best" if any(row["checkpoint"] == "best" for row in kept) else "last"
    own = [row for row in kept if row["checkpoint"] == name]
    (clean, _), (autoattack, examples) = _of_most(own, "clean"), _of_most(own, "autoattack")
    return {
        "link": "",
        "name": f"{config['defense']['name']} ({name} epoch)",
        "authors": "",
        "additional_data": False,
        "number_forward_passes": 1,
        "dataset": config["data"]["name"],
        "venue": "",
        "architecture": config["model"]["name"],
        "eps": f"{config['evaluation']['epsilon']:.6g}",
        "norm": config["evaluation"]["norm"],
        "clean_acc": clean,
        "reported": "",
        "autoattack_acc": autoattack,
        "autoattack_examples": examples,
    }


def by_epsilon(sweeps: dict[str, Rows]) -> list[dict[str, Any]]:
    """Returns network (its name), epsilon, accuracy in 0..1 and n of each row of a sweep."""
    return [
        {"network": name, "epsilon": columns.epsilon(row)}
        | {field: row[field] for field in ("accuracy", "n")}
        for name, rows in sweeps.items()
        for row in rows
    ]


def _of_most(rows: Rows, attack: str) -> tuple[str, int | str]:
    """Returns accuracy and n on the most examples, be it "autoattack" or "autoattack@1000"."""
    found = [row for row in rows if row["attack"].partition("@")[0] == attack]
    most = max(found, key=lambda row: row["n"], default=None)
    return (percent(most["accuracy"]), most["n"]) if most else ("", "")


def _facts(content: Content) -> dict[str, Any]:
    """Returns the templates' words."""
    record, config = content.record, content.record["config"]
    rows = columns.labelled(content.rows)
    own = [row for row in rows if "surrogate" not in row]
    accuracies = table.white_box(strongest_first(content.rows))
    flags = [each for each in content.findings if not each["passed"]]
    best = best_of(content.history)
    ended = "" if "trained" in record else "; its training has not come to its end"
    return {
        "title": f"{config['defense']['name']} on {config['data']['name']}",
        "subtitle": f"{config['model']['name']}, {amount(len(content.history), 'epoch')}, "
        f"seed {config['seed']}, {_date(record.get('updated', ''))}{ended}",
        "headline": headline(content.rows, config["evaluation"]),
        "attacks": accuracies.columns,
        "accuracies": accuracies.lines,
        "best_epoch": None if best is None else best["epoch"] + 1,
        "epsilon": f"{config['evaluation']['epsilon']:.4g}",
        "several_epsilons": any(row["column"] != row["attack"] for row in rows),
        "norm": config["evaluation"]["norm"],
        "parameters": {row["column"]: row["parameters"] for row in reversed(own)},
        "stages": [row for row in own if "after" in row],
        "transfer": [row for row in rows if "surrogate" in row],
        "findings": [*flags, *(each for each in content.findings if each["passed"])],
        "flags": len(flags),
        "sections": [*_own_sections(content), *content.sections],
        "command": visible(record["command"]),
        "record": _record(record),
        "config": json.dumps(config, indent=1),
    }


def _own_sections(content: Content) -> list[Section]:
    sections, config = [], content.record["config"]
    if content.sweeps:
        facts = {"num_classes": content.num_classes, "epsilon": config["evaluation"]["epsilon"]}
        figure = accuracy_plots.against_epsilon(content.sweeps, **facts)
        attack = config["report"]["sweep_attack"]
        caption = captions.of_sweep(content.sweeps, attack=attack, **facts)
        lines = tuple(
            (row["network"], f"{row['epsilon']:.4g}", percent(row["accuracy"]), str(row["n"]))
            for row in by_epsilon(content.sweeps)
        )
        header = ("network", "epsilon", "accuracy %", "n")
        sections.append(Section("Against epsilon", (Picture(figure, caption),), header, lines))
    words = {
        "accuracy": captions.of_accuracies,
        "gradients": captions.of_cost,
        "fosc": captions.of_convergence,
        "linearity": captions.of_linearity,
        "lipschitz": captions.of_lipschitz,
    }
    pictures = tuple(
        Picture(figure, words[name](content.history))
        for name, figure in training_plots.history(content.history).items()
    )
    if pictures:
        sections.append(Section("Training", pictures))
    return sections


def _date(text: str) -> str:
    """Returns "2026-01-02 04:05 UTC" for "2026-01-02T04:05:06+00:00"."""
    found = re.fullmatch(r"(\d+-\d+-\d+)T(\d+:\d+):.+\+00:00", text)
    return f"{found[1]} {found[2]} UTC" if found else text


def _record(record: dict[str, Any]) -> list[tuple[str, str]]:
    seconds = ", ".join(f"{part} {value:.0f} s" for part, value in record["seconds"].items())
    evaluated = record.get("evaluated") or {}  # None while it is written anew
    same = evaluated.get("versions", record["versions"]) == record["versions"]
    here = {name: record[name] for name in ("machine", "versions")}
    elsewhere = [each for each in record.get("trained_with") or [] if each != each | here]
    rows = [
        ("started", record.get("started") or ""),
        ("wall time", seconds),
        ("machine", _in_words(record["machine"])),
        ("versions", _in_words(record["versions"])),
        *(("trained on", _in_words(each)) for each in elsewhere),
        ("versions of the evaluation", "" if same else _in_words(evaluated["versions"])),
        ("data", _in_words(record.get("data") or {})),
        ("evaluated data", f"sha256 {evaluated['data']}" if "data" in evaluated else ""),
        ("weights, SHA-256", _in_words(record.get("exported") or {})),
    ]
    return [(name, text) for name, text in rows if text]


def _in_words(facts: Any, outer: str = "{}") -> str:
    """Returns "cores 2, gpus (name T4)"."""
    if isinstance(facts, dict):
        known = [(name, value) for name, value in facts.items() if value is not None]
        return outer.format(", ".join(f"{name} {_in_words(each, '({})')}" for name, each in known))
    return f"{facts:.6g}" if isinstance(facts, float) else str(facts)


def _unbroken(text: str) -> str:
    """Returns the text with numbers that keep their unit on their line."""
    return re.sub(r"(?<=\d) (?=%|nats)", "\N{NO-BREAK SPACE}", text)
