"""What --help and --version print: the flags, and the fields of a config. TensorFlow waits.

print(manual(config, "configs/digits_dynamic.py"))
"""

from __future__ import annotations

import importlib.metadata
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from fosc_tf import __version__, command, comments, config_file, launcher, sheet

_FLAG, _FIELD = (24,), (21, 12)
_LONGEST = 56
"""Letters of a value; what is longer and has parts is counted."""
_KINDS = ("tensorflow", "tensorflow-cpu", "tf-nightly", "tensorflow-intel", "tensorflow-macos")
"""The packages that bring TensorFlow."""


def version() -> str:
    """Returns the versions of fosc_tf, TensorFlow and Keras, as their packages tell them."""
    return f"fosc_tf {__version__}, TensorFlow {_installed(*_KINDS)}, Keras {_installed('keras')}"


def manual(config: Mapping[str, Any] | None = None, file: str = "") -> str:
    """Returns the page of --help: the flags and, of a config, every field.

    Args:
        config: of an experiment or a sweep, with the values to be shown; None leaves fields out.
        file: where it comes from, with what was said after a colon.
    """
    lines = [*_flags(), ""]
    if config is None:
        lines += sheet.paragraph("Shipped configs: " + ", ".join(config_file.names()) + ".")
        lines += sheet.paragraph("--config=NAME --help tells of every field of a config.")
    else:
        lines += _fields(config, file)
    return "\n".join(lines)


def _flags() -> Iterator[str]:
    yield "Trains, evaluates and exports robust networks from a config."
    yield ""
    program = " ".join(launcher.typed())
    usage = f"{program} --config=NAME [--FLAG=VALUE ...] [--config.FIELD=VALUE ...]"
    yield from sheet.paragraph(usage, indent=2)
    yield ""
    for flag, text in {
        "--config=NAME": "experiment: the name of a shipped config, or a file; some take an "
        "argument, as in cifar_dynamic:model=resnet50 or sweeps:digits",
        "--config.FIELD=VALUE": "another value of one of its fields",
        "--workdir=FOLDER": "folder of the run; runs/NAME if not given",
        "--mode=MODE": "what is done; train if not given:",
    }.items():
        yield from sheet.entry((flag,), text, _FLAG)
    for name in command.names():
        does = (command.MODES.factory(name).__doc__ or "").strip().partition("\n")[0]
        yield from sheet.entry((f"  {name}",), does, _FLAG)
    for flag, text in {
        "--list": "the configs, defenses, attacks, models, data sets and so on that have names",
        "--version": "of fosc_tf, TensorFlow and Keras",
        "--helpfull": "all flags, also those of the libraries",
    }.items():
        yield from sheet.entry((flag,), text, _FLAG)


def _fields(config: Mapping[str, Any], file: str) -> Iterator[str]:
    path = pathlib.Path(file.partition(":")[0])
    notes = comments.of_config(path)
    title = path.stem + file[len(str(path)) :]
    yield from sheet.paragraph(f"Fields of {title}, with their values and what they are:")
    sections = {name: value for name, value in config.items() if isinstance(value, Mapping)}
    plain = {name: value for name, value in config.items() if name not in sections}
    for section, fields in {"": plain, **_ordered(sections, "", notes)}.items():
        yield ""
        yield from sheet.entry(
            (f"--config.{section}{'.' * bool(section)}",),
            notes.of(section) if section else "",
            (2 + sum(_FIELD),),
            indent=0,
        )
        for name, value in _ordered(fields, section, notes).items():
            yield from sheet.entry(
                (name, shown(value)), notes.of(f"{section}.{name}".lstrip(".")), _FIELD
            )


def _ordered(fields: Mapping[str, Any], section: str, notes: comments.Comments) -> dict[str, Any]:
    """Returns the fields in the order of the source."""
    places = {name: notes.place(f"{section}.{name}".lstrip(".")) for name in fields}
    return {name: fields[name] for name in sorted(fields, key=lambda name: (places[name], name))}


def shown(value: Any) -> str:
    """Returns a value as it can be given on the command line, if that is not too long."""
    if isinstance(value, float):
        short = f"{value:.6g}"
        return repr(value) if float(short) == value else short
    if isinstance(value, str):
        return value or "''"
    if isinstance(value, tuple | list):
        inner = ",".join(repr(each) for each in value)
        text = f"({inner}{',' * (len(value) == 1)})"
        return text if len(text) <= _LONGEST else f"({len(value)} of them)"
    return str(value)


def _installed(*packages: str) -> str:
    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "not installed"
