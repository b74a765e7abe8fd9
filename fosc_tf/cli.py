"""The command line: flags in, one mode of an experiment out.

    python main.py --config=configs/digits_dynamic.py --workdir=runs/mine --config.seed=1

Modes: `train` trains, evaluates and exports, and goes on where a run was cut off; `evaluate` and
`export` do that one thing with a trained work folder.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys
from collections.abc import Sequence

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from fosc_tf.errors import UserError, unknown_name

MODES = ("train", "evaluate", "export")
_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Experiment, such as configs/digits_dynamic.py."
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; runs/<name of the config> if not given."
)
_MODE = flags.DEFINE_string("mode", "train", f"One of {', '.join(MODES)}.")
_FRACTION = re.compile(r"(--?config\.[\w.]+=)(\d+(?:\.\d*)?)/(\d+(?:\.\d*)?)")


def start() -> None:
    """Runs the program; a user's mistake ends it with one message and exit code 2."""
    app.run(main, flags_parser=parse)


def parse(argv: Sequence[str]) -> list[str]:
    """Parses the flags; a field that is unknown or of another type ends the program."""
    sys.argv[:] = [_as_decimal(word) for word in argv]
    try:
        _check_config_file(sys.argv)
        rest = flags.FLAGS(sys.argv)
    except (UserError, flags.Error, AttributeError, KeyError, ValueError, TypeError) as error:
        _end(error if isinstance(error, UserError) else _flag_mistake(error))
    if flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.WARNING)
    return rest


def main(argv: Sequence[str]) -> None:
    """Runs the mode."""
    try:
        if len(argv) > 1:
            raise UserError(
                "every argument is a flag", "--config=configs/digits_dynamic.py", " ".join(argv[1:])
            )
        if _MODE.value not in MODES:
            raise unknown_name("mode", _MODE.value, MODES)
        if _CONFIG.value is None:
            raise UserError(
                "an experiment is needed", "--config=configs/digits_dynamic.py", "no --config"
            )
        _run(_MODE.value, _CONFIG.value, _workdir(), config_flags.get_override_values(_flag()))
    except UserError as error:
        _end(error)
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the same command goes on from the last checkpoint.")


def _run(mode: str, config: ConfigDict, folder: pathlib.Path, overrides: dict[str, object]) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow takes seconds to import, which --help and mistyped flags need not wait for.
    from fosc_tf import run
    from fosc_tf.callbacks import NotFinite

    try:
        getattr(run, mode)(config, folder, overrides)
    except NotFinite as error:
        sys.exit(f"\n{error}")


def _flag() -> flags.Flag:
    return flags.FLAGS["config"]


def _workdir() -> pathlib.Path:
    if _WORKDIR.value:
        return pathlib.Path(_WORKDIR.value)
    file, _, argument = config_flags.get_config_filename(_flag()).partition(":")
    name = pathlib.Path(file).stem
    return pathlib.Path("runs") / (f"{name}-{argument}" if argument else name)


def _as_decimal(word: str) -> str:
    """Returns --config.defense.epsilon=8/255 with the fraction carried out."""
    match = _FRACTION.fullmatch(word)
    return f"{match[1]}{float(match[2]) / float(match[3])!r}" if match else word


def _check_config_file(argv: Sequence[str]) -> None:
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        match = re.fullmatch(r"--?config(?:=(.*))?", word)
        if match is None:
            continue
        file = (following if match[1] is None else match[1]).partition(":")[0]
        if not pathlib.Path(file).is_file():
            known = [str(path) for path in pathlib.Path("configs").glob("*_*.py")]
            raise unknown_name("config", file, [name for name in known if "__" not in name])


def _flag_mistake(error: Exception) -> UserError:
    text = str(error).strip("'\"").replace("\\n", " ").replace("\\'", "'")
    return UserError(
        "every flag must be a known one with a value of its type",
        "--config.FIELD=VALUE with a field of the config; python main.py --help lists the flags",
        text.splitlines()[0] if text else type(error).__name__,
    )


def _end(error: UserError) -> None:
    print(f"\nError: {error}", file=sys.stderr)
    sys.exit(2)
