"""The command line: flags in, one mode of an experiment out.

    python main.py --config=digits_dynamic --workdir=runs/mine --config.seed=1
    python main.py --config=digits_dynamic --help

Modes: `train` trains, evaluates and exports, and goes on where a run was cut off; `evaluate`,
`certify`, `analyze`, `report` and `export` do that one thing with a trained work folder; `sweep`
starts the runs of `configs/sweeps.py`.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys
from collections.abc import Sequence

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from fosc_tf import files, signs
from fosc_tf.command import MODES, check_rest, names, parsed, tidied
from fosc_tf.errors import UserError, cannot_write
from fosc_tf.manual import manual, version
from fosc_tf.quiet import tensorflow_silent
from fosc_tf.show import screen
from fosc_tf.show.live import Live

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Experiment: a shipped config such as digits_dynamic, or a file."
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; runs/<name of the config> if not given."
)
_MODE = flags.DEFINE_string("mode", "train", f"One of {', '.join(names())}.")
_LIST = flags.DEFINE_bool("list", False, "Prints what has a name, and ends.")
_VERSION = flags.DEFINE_bool("version", False, "Prints versions, and ends.")
_HELP = re.compile(r"--?(?:h|help|helpshort|\?)")


def start() -> None:
    """Runs the program; a user's mistake, or a NaN, ends it with one message and exit code 2."""
    try:
        app.run(main, flags_parser=parse)
    except BrokenPipeError:  # such as `fosc-tf --list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def parse(argv: Sequence[str]) -> list[str]:
    """Parses the flags; a field that is unknown or of another type ends the program, and so does
    --help, after its page."""
    words = tidied(argv)
    # absl would show its page before it knows the config.
    sys.argv[:] = [word for word in words if not _HELP.fullmatch(word)]
    try:
        rest = parsed(sys.argv, flags.FLAGS)
    except UserError as error:
        _end(error)
    if len(sys.argv) < len(words):
        config = _CONFIG.value
        print(manual(config.to_dict(), _file()) if config else manual())
        sys.exit()
    if flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.WARNING)
    return rest


def main(argv: Sequence[str]) -> None:
    """Runs the mode."""
    try:
        check_rest(argv)
        if _VERSION.value or _LIST.value:
            print(version() if _VERSION.value else _listing())
            return
        MODES.factory(_MODE.value)
        if _CONFIG.value is None:
            raise UserError("an experiment is needed", "--config=digits_dynamic", "no --config")
        _run(_MODE.value, _CONFIG.value, _workdir(), config_flags.get_override_values(_flag()))
    except UserError as error:
        _end(error)
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the same command goes on from the last checkpoint.")


def _run(mode: str, config: ConfigDict, folder: pathlib.Path, overrides: dict[str, object]) -> None:
    if (mode == "sweep") != ("runs" in config):
        raise UserError(
            "--mode=sweep goes with a list of runs, and every other mode with one experiment",
            "--config=sweeps:digits --mode=sweep",
            f"--mode={mode} with the config {_file()}",
        )
    shown = logging.get_verbosity() >= logging.WARNING
    try:
        with signs.heard(Live(screen.console()) if shown else None):
            if mode == "sweep":
                # Its runs are other processes: this one imports TensorFlow to check them, if any
                # wait.
                MODES.factory(mode)(config, folder, overrides)
            else:
                _run_one(mode, config, folder, overrides)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write(folder, error) from error


def _run_one(
    mode: str, config: ConfigDict, folder: pathlib.Path, overrides: dict[str, object]
) -> None:
    with tensorflow_silent(), signs.work("loading TensorFlow"):
        # TensorFlow takes seconds to import, which --help and mistyped flags need not wait for.
        import tensorflow as tf

        import fosc_tf.runs.modes  # noqa: F401  (so that it loads within this block)
        from fosc_tf.callbacks import NotFinite
        from fosc_tf.training.distribution import address_is_taken, another_is_gone

        tf.config.list_physical_devices()
    try:
        MODES.factory(mode)(config, folder, overrides)
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


def _listing() -> str:
    with tensorflow_silent():
        # What has a name has it once its file, and TensorFlow with it, is imported.
        from fosc_tf.listing import listing

        return listing()


def _flag() -> flags.Flag:
    return flags.FLAGS["config"]


def _file() -> str:
    return config_flags.get_config_filename(_flag())


def _workdir() -> pathlib.Path:
    if _WORKDIR.value:
        return files.local(_WORKDIR.value, "--workdir")
    file, _, argument = _file().partition(":")
    name = pathlib.Path(file).stem
    return pathlib.Path("runs") / (f"{name}-{argument}" if argument else name)


def _end(error: UserError) -> None:
    print(f"\nError: {error}", file=sys.stderr)
    sys.exit(2)
