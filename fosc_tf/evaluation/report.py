"""The report of a run: one HTML page that needs nothing else, a Markdown twin, a leaderboard row.

write_report(content, folder)      # report.html, report.md and model_info.json in the work folder
"""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jinja2

from fosc_tf import files
from fosc_tf.evaluation import pictures


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG and the sentence under it."""

    png: bytes
    caption: str

    @property
    def data(self) -> str:
        """The picture in base64."""
        return base64.b64encode(self.png).decode()


@dataclasses.dataclass(frozen=True)
class Section:
    """Pictures under one heading."""

    title: str
    pictures: tuple[Picture, ...]


@dataclasses.dataclass(frozen=True)
class Content:
    """What a report tells; anything not measured is empty.

    Attributes:
        record: the content of `run.json`.
        rows: the rows of `results.json`, transfer rows with a `surrogate`.
        history: the rows of `history.json`.
        findings: dicts of `checks.Finding`.
        sweeps: rows of `sweep` by the name of the network.
        num_classes: of the dataset.
        sections: further pictures.
    """

    record: dict[str, Any]
    rows: Sequence[dict[str, Any]]
    history: Sequence[dict[str, Any]]
    findings: Sequence[dict[str, Any]]
    sweeps: dict[str, Sequence[dict[str, Any]]]
    num_classes: int
    sections: tuple[Section, ...] = ()


def write_report(content: Content, folder: pathlib.Path) -> pathlib.Path:
    """Writes `report.html`, `report.md` and `model_info.json` into `folder`; returns the page."""
    facts = _facts(content)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fosc_tf.evaluation", "."),
        autoescape=lambda name: "html" in (name or ""),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    for name in ("report.html", "report.md"):
        files.write(folder / name, environment.get_template(f"{name}.j2").render(facts))
    files.write(folder / "model_info.json", json.dumps(model_info(content), indent=1) + "\n")
    return folder / "report.html"


def model_info(content: Content) -> dict[str, Any]:
    """Returns the row that RobustBench keeps of a model; empty where nothing was measured."""
    config = content.record["config"]
    kept = [row for row in content.rows if "surrogate" not in row]
    name = "best" if any(row["checkpoint"] == "best" for row in kept) else "last"
    accuracy = {
        row["attack"]: f"{100 * row['accuracy']:.2f}" for row in kept if row["checkpoint"] == name
    }
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
        "clean_acc": accuracy.get("clean", ""),
        "reported": "",
        "autoattack_acc": accuracy.get("autoattack", ""),
    }


def _facts(content: Content) -> dict[str, Any]:
    """Returns the template's words."""
    record, config = content.record, content.record["config"]
    own = [row for row in content.rows if "surrogate" not in row]
    attacks = list(dict.fromkeys(row["attack"] for row in own))
    best = max(
        (row for row in content.history if "held_out_robust" in row),
        key=lambda row: row["held_out_robust"],
        default=None,
    )
    return {
        "title": f"{config['defense']['name']} on {config['data']['name']}",
        "subtitle": f"{config['model']['name']}, {len(content.history)} epochs, "
        f"seed {config['seed']}, {record.get('updated', '')}",
        "attacks": attacks,
        "headline": _headline(own, attacks),
        "best_epoch": None if best is None else best["epoch"] + 1,
        "epsilon": f"{config['evaluation']['epsilon']:.4g}",
        "norm": config["evaluation"]["norm"],
        "parameters": [
            (attack, _in_words(next(r for r in own if r["attack"] == attack)["parameters"]))
            for attack in attacks
        ],
        "stages": [
            {"network": row["checkpoint"], "attack": row["attack"], "text": _after(row)}
            for row in own
            if "after" in row
        ],
        "transfer": [
            row | {"accuracy": f"{100 * row['accuracy']:.2f}"}
            for row in content.rows
            if "surrogate" in row
        ],
        "findings": content.findings,
        "sections": [*_own_sections(content), *content.sections],
        "command": f"python {record['command']}",
        "record": _record(record),
        "config": json.dumps(config, indent=1),
    }


def _headline(rows: Sequence[dict[str, Any]], attacks: Sequence[str]) -> list[dict[str, Any]]:
    lines = []
    for name in dict.fromkeys(row["checkpoint"] for row in rows):
        mine = {row["attack"]: row for row in rows if row["checkpoint"] == name}
        cells = [f"{100 * mine[a]['accuracy']:.2f}" if a in mine else "" for a in attacks]
        lines.append({"name": name, "cells": cells, "n": next(iter(mine.values()))["n"]})
    return lines


def _after(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {100 * value:.2f}" for name, value in row["after"].items())


def _own_sections(content: Content) -> list[Section]:
    sections = []
    if content.sweeps:
        config = content.record["config"]
        png = pictures.sweep_plot(
            content.sweeps, content.num_classes, config["evaluation"]["epsilon"]
        )
        attack = config["report"]["sweep_attack"]
        caption = f"Accuracy under {attack} against the radius of the test."
        sections.append(Section("Against epsilon", (Picture(png, caption),)))
    if content.history:
        png = pictures.training_curves(content.history)
        caption = (
            "Training: accuracies, attack gradients spent on each example, and FOSC, by epoch."
        )
        sections.append(Section("Training", (Picture(png, caption),)))
    return sections


def _record(record: dict[str, Any]) -> list[tuple[str, str]]:
    seconds = ", ".join(f"{part} {value:.0f} s" for part, value in record["seconds"].items())
    rows = [
        ("started", record["started"]),
        ("wall time", seconds),
        ("machine", _in_words(record["machine"])),
        ("versions", _in_words(record["versions"])),
        ("data", _in_words(record.get("data", {}))),
        ("weights, SHA-256", _in_words(record.get("exported", {}))),
    ]
    return [(name, text) for name, text in rows if text]


def _in_words(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in facts.items() if value is not None)


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_in_words(value)})"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
