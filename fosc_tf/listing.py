"""What --list prints: whatever has a name that a config or a flag can take.

print(listing())

Sentences are the first ones of the docstrings and arguments those of the functions filed, so that
what a user registers is listed as ours is.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fosc_tf import command, config_file, data, defenses, models, sheet
from fosc_tf.analysis.view import VIEWS
from fosc_tf.attacks import ball, gates, losses, presets, rules, starts, targets
from fosc_tf.schedules.learning_rate import RATES
from fosc_tf.training.optimizer import OPTIMIZERS

_NAME = (21,)
_OF_MODELS = ("input_shape", "num_classes", "mean", "std", "seed", "batch_norm_momentum")
"""What every network of ours takes."""


def listing() -> str:
    """Returns a line for each name, or more where one of 80 letters does not hold it."""
    lines: list[str] = []
    for title, entries in _sections():
        lines += [*sheet.paragraph(title), *entries, ""]
    return "\n".join(lines[:-1])


def _sections() -> Iterator[tuple[str, list[str]]]:
    yield "configs: --config=NAME", _configs()
    yield "modes: --mode=NAME", _filed(command.MODES, bare=True)
    yield "defenses: config.defense.name, arguments in config.defense", _filed(defenses)
    yield (
        f"models: config.model.name, arguments in config.model; {', '.join(_OF_MODELS)} too",
        _filed(models, without=_OF_MODELS),
    )
    yield "data sets: config.data.name", _data_sets()
    yield (
        "attacks: config.evaluation.attacks, with a number for K; NAME@1000: on the first 1,000 "
        "test images; pgd-20x5: of 5 restarts",
        _filed(presets.ATTACKS, shown=presets.shown),
    )
    yield (
        "analysis views: config.analysis.views, --mode=analyze",
        _entries({name: each.shows for name, each in VIEWS.items()}),
    )
    for title, registry in (
        ("optimizers: config.optimizer.name, arguments in config.optimizer", OPTIMIZERS),
        ("learning rates: config.optimizer.schedule, arguments in config.optimizer", RATES),
        ("norms: config.defense.norm, config.evaluation.norm", ball.BALLS),
        ("losses of attacks: PGD(loss=NAME)", losses.LOSSES),
        ("starts of attacks: PGD(start=NAME)", starts.STARTS),
        ("gates of attacks: PGD(gate=NAME)", gates.GATES),
        ("step rules of attacks: PGD(rule=NAME)", rules.RULES),
        ("targets of attacks: PGD(target=NAME)", targets.TARGETS),
    ):
        yield title, _filed(registry)


def _configs() -> list[str]:
    lines = []
    for name, path in config_file.paths().items():
        tree = ast.parse(path.read_text())
        (made,) = (
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "get_config"
        )
        named = f"{name}[:ARG]" if made.args.args else name
        lines += sheet.entry((named,), sentence(ast.get_docstring(tree)), (26,))
    return lines


def _data_sets() -> list[str]:
    found = {}
    for name in data.names():
        entry = data.get(name)
        size = " x ".join(map(str, entry.image_shape))
        found[name] = f"{size}, {entry.num_classes} classes; {entry.origin or 'registered'}"
    return _entries(found)


def _filed(
    registry: Any,
    *,
    shown: Callable[[str], str] = str,
    without: Sequence[str] = (),
    bare: bool = False,
) -> list[str]:
    """Returns the lines of a registry, or of a room that has its `names` and `factory`.

    Args:
        registry: what has names.
        shown: what is printed for a name.
        without: arguments that are left out.
        bare: leaves all of them out.
    """
    lines = []
    for name in registry.names():
        filed = registry.factory(name)
        given = [] if bare else arguments(filed, without)
        if getattr(filed, "__name__", "") == "<lambda>":  # there to return what has the name
            filed, given = filed(), []
        text = sentence(inspect.getdoc(inspect.unwrap(filed)))
        lines += sheet.entry((shown(name),), text, _NAME)
        lines += sheet.entry(("",), f"({', '.join(given)})", _NAME) if given else []
    return lines


def _entries(texts: dict[str, str]) -> list[str]:
    return [line for name, text in texts.items() for line in sheet.entry((name,), text, _NAME)]


def arguments(function: Callable[..., Any], without: Sequence[str] = ()) -> list[str]:
    """Returns the arguments that a function knows by name, with their defaults."""
    return [
        str(each.replace(annotation=each.empty)).replace(" = ", "=")
        for each in inspect.signature(function).parameters.values()
        if each.name not in without and each.kind is not each.VAR_KEYWORD
    ]


def sentence(docstring: str | None) -> str:
    """Returns the first sentence of a docstring, without its "Returns"."""
    paragraph = " ".join((docstring or "").strip().partition("\n\n")[0].split())
    first = re.split(r"(?<=[.])\s+(?=[A-Z])", paragraph)[0].removesuffix(".")
    found = first.removeprefix("Returns ")
    word = found.partition(" ")[0]
    return found[:1].upper() + found[1:] if word.isalpha() else found
