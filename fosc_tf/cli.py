"""The command line: flags in, one mode of an experiment out.

    python main.py --config=configs/digits_dynamic.py --workdir=runs/mine --config.seed=1

Modes: `train` trains, evaluates and exports, and goes on where a run was cut off; `evaluate`,
`analyze`, `report` and `export` do that one thing with a trained work folder; `sweep` starts the
runs of `configs/sweeps.py`.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import sys
from collections.abc import Iterator, Sequence

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from fosc_tf.errors import UserError, cannot_write, unknown_name
from fosc_tf.fields import PLACES

MODES = ("train", "evaluate", "analyze", "report", "export", "sweep")
_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Experiment, such as configs/digits_dynamic.py."
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; runs/<name of the config> if not given."
)
_MODE = flags.DEFINE_string("mode", "train", f"One of {', '.join(MODES)}.")
_FRACTION = re.compile(r"((?:--?config\.[\w.]+=)?)(\d+(?:\.\d*)?)/(\d+(?:\.\d*)?)")


def start() -> None:
    """Runs the program; a user's mistake, or a NaN, ends it with one message and exit code 2."""
    app.run(main, flags_parser=parse)


def parse(argv: Sequence[str]) -> list[str]:
    """Parses the flags; a field that is unknown or of another type ends the program."""
    sys.argv[:] = _with_decimals(argv)
    try:
        rest = _parsed(sys.argv, flags.FLAGS)
    except UserError as error:
        _end(error)
    if flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.WARNING)
    return rest


def config_of(command: Sequence[str]) -> ConfigDict | None:
    """Returns the config that a command would run, None where it names none.

    Args:
        command: "main.py" and its arguments, of which --config, --workdir and --mode are known.

    Raises:
        UserError: a flag that would end the command as soon as it started.
    """
    words, values = _with_decimals(command), flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=words)
    flags.DEFINE_string("workdir", None, "", flag_values=values)
    flags.DEFINE_enum("mode", None, MODES, "", flag_values=values)
    _check_rest(_parsed(words, values))
    return values.config


def main(argv: Sequence[str]) -> None:
    """Runs the mode."""
    try:
        _check_rest(argv)
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
    if (mode == "sweep") != ("runs" in config):
        raise UserError(
            "--mode=sweep goes with a list of runs, and every other mode with one experiment",
            "--config=configs/sweeps.py:digits --mode=sweep",
            f"--mode={mode} with the config {config_flags.get_config_filename(_flag())}",
        )
    try:
        if mode == "sweep":
            # Its runs are other processes: this one imports TensorFlow to check them, if any wait.
            from fosc_tf.sweeps.sweep import sweep

            sweep(config, folder)
        else:
            _run_one(mode, config, folder, overrides)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _run_one(
    mode: str, config: ConfigDict, folder: pathlib.Path, overrides: dict[str, object]
) -> None:
    with tensorflow_silent():
        # TensorFlow takes seconds to import, which --help and mistyped flags need not wait for.
        import tensorflow as tf

        from fosc_tf.callbacks import NotFinite
        from fosc_tf.runs import modes
        from fosc_tf.training.distribution import address_is_taken, another_is_gone

        tf.config.list_physical_devices()
    try:
        getattr(modes, mode)(config, folder, overrides)
    except NotFinite as error:
        print(f"\n{error}", file=sys.stderr)
        sys.exit(2)  # started again it would come to the same
    except tf.errors.OpError as error:
        if address_is_taken(error):
            sys.exit(
                "\nThis worker cannot listen at its address, where a worker left over from before, "
                "or another job, may still be. Start all of them again when it has ended, or at "
                f"other addresses.\n  {error.message.splitlines()[0]}"
            )
        if not another_is_gone(error):
            raise
        sys.exit(
            "\nAnother worker is gone. Start all of them again: "
            "they go on from the last checkpoint."
            f"\n  {error.message.splitlines()[0]}"
        )


@contextlib.contextmanager
def tensorflow_silent() -> Iterator[None]:
    """Hides what TensorFlow's libraries write while they load: no log level reaches that.

    TF_CPP_MIN_LOG_LEVEL=0 shows it, for whoever wonders where the GPU is.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") < "2":
        yield
        return
    sys.stderr.flush()
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)


def _parsed(words: Sequence[str], values: flags.FlagValues) -> list[str]:
    try:
        _check_config_file(words)
        return values(words)
    except UserError:
        raise
    except (flags.Error, AttributeError, KeyError, ValueError, TypeError) as error:
        raise _flag_mistake(error) from error


def _check_rest(argv: Sequence[str]) -> None:
    if len(argv) > 1:
        raise UserError(
            "every argument is a flag", "--config=configs/digits_dynamic.py", " ".join(argv[1:])
        )


def _flag() -> flags.Flag:
    return flags.FLAGS["config"]


def _workdir() -> pathlib.Path:
    if _WORKDIR.value:
        return pathlib.Path(_WORKDIR.value)
    file, _, argument = config_flags.get_config_filename(_flag()).partition(":")
    name = pathlib.Path(file).stem
    return pathlib.Path("runs") / (f"{name}-{argument}" if argument else name)


def _with_decimals(argv: Sequence[str]) -> list[str]:
    return [_as_decimal(*words) for words in zip(argv, ["", *argv], strict=False)]


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


def _end(error: UserError) -> None:
    print(f"\nError: {error}", file=sys.stderr)
    sys.exit(2)
