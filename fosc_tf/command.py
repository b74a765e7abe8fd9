"""A command taken apart: its flags, its config, and what is wrong with them. TensorFlow waits.

config_of(["main.py", "--config=digits_dynamic", "--config.seed=1"]).seed      # 1
"""

from __future__ import annotations

import importlib
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence

from absl import flags
from ml_collections import ConfigDict, config_flags

from fosc_tf import config_file
from fosc_tf.errors import UserError
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


def _later(module: str, name: str, does: str) -> Callable[..., None]:
    """Returns a mode whose module, and TensorFlow with it, is imported when it runs."""

    def run(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, object]) -> None:
        getattr(importlib.import_module(module), name)(config, folder, overrides)

    run.__doc__ = does
    return run


for _name, _does in {
    "train": "Trains, evaluates and exports, and goes on where a run was cut off.",
    "evaluate": "Makes the tables again, with other settings of config.evaluation.",
    "analyze": "Draws the FOSC views of the paper.",
    "certify": "Proves how many images no attack can change, and attacks them.",
    "report": "Evaluates, analyzes, and writes one HTML page.",
    "export": "Writes the SavedModels again.",
}.items():
    register(_name)(_later("fosc_tf.runs.modes", _name, _does))
register("sweep")(
    _later("fosc_tf.sweeps.sweep", "sweep", "Starts the runs of a list, and sums them up.")
)


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
        config_file.make_importable()
        rest = values(_located(words))
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
        raise UserError("every argument is a flag", "--config=digits_dynamic", " ".join(argv[1:]))


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


def _located(words: Sequence[str]) -> list[str]:
    """Returns the words with the path of the config's file in place of its short name."""
    found = list(words)
    for place, word in enumerate(words):
        match = re.fullmatch(r"(--?config)(=.*)?", word, re.DOTALL)
        if match and match[2]:
            found[place] = f"{match[1]}={config_file.located(match[2][1:])}"
        elif match:
            given = config_file.located(words[place + 1] if place + 1 < len(words) else "")
            found[place + 1] = given
    return found


def _no_config(received: str) -> UserError:
    return UserError(
        "the file of --config must run, and its get_config() return a ConfigDict",
        "digits_dynamic, or a file such as configs/digits_dynamic.py",
        " ".join(received.split()),
    )


def _flag_mistake(error: Exception) -> UserError:
    # An unknown field comes as a KeyError, which quotes its message, within another error.
    field = isinstance(error, AttributeError) and error.args and isinstance(error.args[0], KeyError)
    text = str(error.args[0].args[0] if field else error)
    lines = [line.strip() for line in text.replace("\\n", "\n").splitlines() if line.strip()]
    # A config file that raises is quoted with its whole traceback; its last line is the reason.
    reason = (lines[-1] if len(lines) > 3 else " ".join(lines)).replace("\\'", "'").rstrip(".")
    if re.search(r"get_config\(\) (takes|miss)", reason):
        return UserError(
            "what stands behind the colon of --config must be what its get_config() takes",
            "--config=digits_dynamic, or sweeps:digits, which takes one argument",
            reason,
        )
    return UserError(
        "every flag must be a known one with a value of its type",
        "--config.FIELD=VALUE with a field of the config; --config=NAME --help lists them all",
        f"no field {reason}" if field else reason or type(error).__name__,
    )
