"""Starts `python main.py ...` many times while importing TensorFlow once.

    program = Program()
    ended = program.run("--config=configs/digits_standard.py", f"--workdir={tmp_path}")
    ended.code, ended.out, ended.err
    program.run(module="tests.training.replica_run")      # python -m tests.training.replica_run

A server process imports everything and, for each start, forks a child that goes on as main.py
would. TensorFlow is imported but not yet at work when the fork happens, so a child is as good as
a fresh process: its exit code, its output, a `kill -9` and a limit on file sizes are the real ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass
class Ended:
    """What a start left behind: exit code (-9 when killed), standard output and error."""

    code: int
    out: str
    err: str


class Running:
    """A start under way."""

    def __init__(self, pid: int, server: subprocess.Popen, folder: pathlib.Path) -> None:
        self.pid, self._server, self._folder = pid, server, folder
        self._ended: Ended | None = None

    def kill(self) -> None:
        """Does what `kill -9` does."""
        os.kill(self.pid, signal.SIGKILL)

    def is_alive(self) -> bool:
        """Returns whether it still runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def wait(self, seconds: float = 300.0) -> Ended:
        """Returns what it left behind; a start that takes longer than `seconds` is killed."""
        if self._ended is None:
            alarm = threading.Timer(seconds, self.kill)
            alarm.start()
            code = int(self._server.stdout.readline())
            alarm.cancel()
            out, err = ((self._folder / name).read_text() for name in ("out", "err"))
            self._ended = Ended(code, out, err)
        return self._ended

    def end(self) -> None:
        """Kills it if it still runs, so that the next can start."""
        if self._ended is None:
            with contextlib.suppress(ProcessLookupError):
                self.kill()
            self.wait()


class Program:
    """The server's other end; starts go one after another."""

    def __init__(self) -> None:
        self._folder = pathlib.Path(tempfile.mkdtemp())
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self, *argv: str, before: str = "", cwd: pathlib.Path = ROOT, module: str = ""
    ) -> Running:
        """Starts main.py, or `python -m module`, with these arguments.

        Args:
            *argv: what follows `python main.py`.
            before: Python text that the child executes first.
            cwd: the child's working folder.
            module: what to run instead of main.py.
        """
        order = {"argv": argv, "before": before, "cwd": str(cwd), "module": module}
        order["folder"] = str(self._folder)
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return Running(int(self._server.stdout.readline()), self._server, self._folder)

    def run(self, *argv: str, **named: object) -> Ended:
        """Starts it as `start` does and waits for its end."""
        return self.start(*argv, **named).wait()

    def close(self) -> None:
        """Ends the server."""
        self._server.stdin.close()
        self._server.wait()


def wait_for(condition: callable, seconds: float = 120.0) -> None:
    """Returns as soon as `condition()` holds; fails when that takes longer than `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def _serve() -> None:
    """Reads orders, forks, reports each child's number and then its exit code."""
    sys.path[0] = str(ROOT)
    quiet = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    from absl import app

    importlib.import_module("fosc_tf.runs.modes")  # so that children need not

    # A library imported above asks absl to look for GPUs once main starts, aloud; in a run of its
    # own that happens while main.py keeps TensorFlow silent.
    app._init_callbacks.clear()
    os.dup2(quiet, 2)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            _become_main(order)
            return
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become_main(order: dict) -> None:
    folder = pathlib.Path(order["folder"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "out"), (2, "err")):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(folder / name, flags), descriptor)
    os.chdir(order["cwd"])
    sys.argv = ["main.py", *order["argv"]]
    exec(order["before"], {})
    if order["module"]:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
        return
    runpy.run_path(str(ROOT / "main.py"), run_name="__main__")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as main.py does, too late here
    _serve()
