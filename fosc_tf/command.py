"""A command taken apart: its flags, its config, and what is wrong with them. TensorFlow waits.

config_of(["main.py", "--config=configs/digits_dynamic.py", "--config.seed=1"]).seed      # 1
"""

from __future__ import annotations

import importlib
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.fields import PLACES
from fosc_tf.registry import Registry

MODES = Registry("mode")
"""What the program can do: functions of a config, a work folder and the fields given on the command
line. A config file, which is code, may register one of its own, called by --mode=NAME:

    @fosc_tf.command.register("count")
    def count(config, folder, overrides): ...
"""
register, names = MODES.register, MODES.names
_FIELD = re.compile(r"--?(?:no)?(config\.[\w.]+)(?:=.*)?", re.DOTALL)
_FRACTION = re.compile(r"((?:--?config\.[\w.]+=)?)(\d+(?:\.\d*)?)/(\d+(?:\.\d*)?)")


def _later(module: str, name: str) -> Callable[..., None]:
    """Returns a mode whose module, and TensorFlow with it, is imported when it runs."""

    def run(*arguments: Any) -> None:
        getattr(importlib.import_module(module), name)(*arguments)

    return run


for _name in ("train", "evaluate", "analyze", "report", "export"):
    register(_name)(_later("fosc_tf.runs.modes", _name))
register("sweep")(_later("fosc_tf.sweeps.sweep", "sweep"))


def config_of(command: Sequence[str]) -> ConfigDict | None:
    """Returns the config that a command would run, None where it names none.

    Args:
        command: "main.py" and its arguments, of which --config, --workdir and --mode are known.

    Raises:
        UserError: a flag that would end the command as soon as it started.
    """
    words, values = tidied(command), flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=words)
    flags.DEFINE_string("workdir", None, "", flag_values=values)
    flags.DEFINE_string("mode", None, "", flag_values=values)
    check_rest(parsed(words, values))
    if values.mode is not None:
        MODES.factory(values.mode)
    return values.config


def parsed(words: Sequence[str], values: flags.FlagValues) -> list[str]:
    """Fills `values` and returns the words that are no flags; a wrong one raises `UserError`."""
    try:
        _check_config_file(words)
        rest = values(words)
    except UserError:
        raise
    except (flags.Error, AttributeError, KeyError, ValueError, TypeError) as error:
        raise _flag_mistake(error) from error
    except Exception as error:  # the config file is code, which may raise anything
        raise _no_config(f"{type(error).__name__}: {error}") from error
    if values["config"].present and not isinstance(values["config"].value, ConfigDict):
        raise _no_config(f"one that returned {values['config'].value!r}")
    return rest


def check_fields(config: ConfigDict, wanted: Mapping[str, str]) -> None:
    """Raises `UserError` unless the config has all fields that are wanted.

    Args:
        config: of an experiment or a sweep.
        wanted: names with spaces between them, by section; "" is the config itself.
    """
    for section, names in wanted.items():
        fields = config.get(section) if section else config
        known = fields if isinstance(fields, ConfigDict) else ()
        missing = [f"{section}.{name}".lstrip(".") for name in names.split() if name not in known]
        if missing:
            raise UserError(
                "a config must have the fields of its kind",
                "one made by configs/common.py, with other values, or by configs/sweeps.py",
                f"a config without {', '.join(missing)}",
            )


def _last_of_each(words: Sequence[str]) -> list[str]:
    """Returns the words with the last of each field's flags: absl would join what tuples are given,
    and take the last of everything else."""
    flagged: list[list[str]] = []
    for word in words:
        # --config.FIELD VALUE
        follows = flagged and flagged[-1][0].startswith("-") and "=" not in flagged[-1][0]
        if follows and len(flagged[-1]) == 1 and not word.startswith("--"):
            flagged[-1].append(word)
        else:
            flagged.append([word])
    fields = [_FIELD.fullmatch(flag[0]) for flag in flagged]
    last = {field[1]: place for place, field in enumerate(fields) if field}
    kept = (
        flag
        for place, (flag, field) in enumerate(zip(flagged, fields, strict=True))
        if field is None or last[field[1]] == place
    )
    return [word for flag in kept for word in flag]


def check_rest(argv: Sequence[str]) -> None:
    """Raises `UserError` unless the first word is the only one."""
    if len(argv) > 1:
        raise UserError(
            "every argument is a flag", "--config=configs/digits_dynamic.py", " ".join(argv[1:])
        )


def tidied(argv: Sequence[str]) -> list[str]:
    """Returns the words, --config.defense.epsilon=8/255 carried out, each field once."""
    words = _last_of_each(argv)
    return [_as_decimal(*pair) for pair in zip(words, ["", *words], strict=False)]


def _as_decimal(word: str, before: str) -> str:
    """Returns --config.defense.epsilon=8/255, or 8/255 after that flag, carried out."""
    match = _FRACTION.fullmatch(word)
    if not match or not float(match[3]):
        return word
    field = re.match(r"--?config\.([\w.]+)", match[1] or before)
    if not field or field[1] in PLACES:  # 2024/11 is a folder
        return word
    return f"{match[1]}{float(match[2]) / float(match[3])!r}"


def _check_config_file(argv: Sequence[str]) -> None:
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        match = re.fullmatch(r"--?config(?:=(.*))?", word)
        if match is None:
            continue
        file = (following if match[1] is None else match[1]).partition(":")[0]
        if not pathlib.Path(file).is_file():
            known = [str(path) for path in pathlib.Path("configs").glob("*_*.py")]
            raise unknown_name("config", file, [name for name in known if "__" not in name])


def _no_config(received: str) -> UserError:
    return UserError(
        "the file of --config must run, and its get_config() return a ConfigDict",
        "a file such as configs/digits_dynamic.py",
        " ".join(received.split()),
    )


def _flag_mistake(error: Exception) -> UserError:
    # An unknown field comes as a KeyError, which quotes its message, within another error.
    field = isinstance(error, AttributeError) and error.args and isinstance(error.args[0], KeyError)
    text = str(error.args[0].args[0] if field else error)
    lines = [line.strip() for line in text.replace("\\n", "\n").splitlines() if line.strip()]
    # A config file that raises is quoted with its whole traceback; its last line is the reason.
    reason = (lines[-1] if len(lines) > 3 else " ".join(lines)).replace("\\'", "'").rstrip(".")
    return UserError(
        "every flag must be a known one with a value of its type",
        "--config.FIELD=VALUE with a field of the config; python main.py --help lists the flags",
        f"no field {reason}" if field else reason or type(error).__name__,
    )
