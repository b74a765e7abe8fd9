"""How long a start takes: `main.py --help`, and `main.py` up to its first training step.

    python -m benchmarks.start

Seen from outside, in new processes, one after the other: a run of `digits_dynamic` that saves a
checkpoint after every step is watched until the first is on disk, then killed. Seconds of the
wall's clock from the start of the process, and of the processor's, which the machine's other work
does not lengthen.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import rich.console
import rich.table

LONGEST = 300.0


def seconds(arguments: list[str], until: pathlib.Path | None = None) -> tuple[float, float]:
    """Returns the wall's and the processor's seconds of a new process, killed once `until` exists.

    Args:
        arguments: of `main.py`.
        until: a file it will write; without it, the process is waited for.

    Raises:
        RuntimeError: it ends, or takes five minutes, without having written the file.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "main.py", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ended, usage = 0, None
    while not ended and not (until and until.exists()):
        if time.perf_counter() - started > LONGEST:
            break
        time.sleep(0.005)
        ended, _, usage = os.wait4(process.pid, os.WNOHANG)
    wall = time.perf_counter() - started
    if not ended:
        os.kill(process.pid, signal.SIGKILL)  # Popen would wait for it first, and take its usage
        _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # already waited for; absl's --help ends with 1
    if until and not until.exists():
        raise RuntimeError(f"main.py {' '.join(arguments)} did not get there")
    return wall, usage.ru_utime + usage.ru_stime


def first_step() -> tuple[float, float]:
    """Returns the seconds from the start of a process to the end of its first training step."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--config=configs/digits_dynamic.py", f"--workdir={folder}/run"]
        until = pathlib.Path(folder, "run", "checkpoints", "step-1.index")
        return seconds([*arguments, "--config.checkpoint.every_steps=1"], until)


def main() -> None:
    """Prints the table, a line a start."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--starts", type=int, default=4, help="of each kind")
    flags = parser.parse_args()
    table = rich.table.Table("start", "seconds", "processor's")
    for name, start in (("--help", lambda: seconds(["--help"])), ("first step", first_step)):
        for _ in range(flags.starts):
            table.add_row(name, *(f"{value:.2f}" for value in start()))
    rich.console.Console().print(table)


if __name__ == "__main__":
    main()
