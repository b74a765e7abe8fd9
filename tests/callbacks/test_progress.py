"""One line an epoch under one heading, live on a terminal, with the time left."""

import io
import re

import pytest
from rich.console import Console

from fosc_tf import signs
from fosc_tf.callbacks import Progress
from fosc_tf.show.live import Live
from tests.callbacks.stand_in import stand_in

LOGS = {
    "loss": 1.23456,
    "accuracy": 0.789,
    "threshold": 0.25,
    "fosc": 0.125,
    "gradients": 7.25,
    "frozen": 0.5,
}
ALL = LOGS | {"held_out_robust": 0.4567}


def console(*, terminal=False):
    return Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)


def progress_of(written=None, *, steps=4, at=0, **options):
    progress = Progress(
        total_epochs=3, steps_per_epoch=steps, batch_size=64, console=written, **options
    )
    progress.set_model(stand_in(steps=at))
    return progress


def lines_of(written):
    """Returns what has been written without the commands to a terminal."""
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]|\r", "\n", written.file.getvalue()).splitlines()


def train(progress, *, epochs=1, logs=LOGS, ended=LOGS):
    """Tells the callback of whole epochs of four steps."""
    for epoch in range(epochs):
        progress.on_epoch_begin(epoch)
        for step in range(1, 5):
            progress.model.optimizer.iterations.assign(4 * epoch + step)
            progress.on_train_batch_end(step - 1, logs)
        progress.on_epoch_end(epoch, ended)
    progress.close()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_heading_and_a_line_an_epoch(terminal):
    written = console(terminal=terminal)
    train(progress_of(written, held_out=("held_out_robust",)), epochs=2, ended=ALL)
    lines = lines_of(written)
    heads = [line.split() for line in lines if "accuracy" in line]
    names = "epoch,loss,accuracy,c_t,FOSC,gradients,held-out,images/s,left"
    assert heads == [names.split(",")]
    rows = [line.split() for line in lines if "45.7%" in line and line.startswith(" ")]
    assert [row[:7] for row in rows] == [
        [f"{epoch}/3", "1.235", "78.9%", "0.250", "0.125", "7.2", "45.7%"] for epoch in (1, 2)
    ]
    assert all(len(line) <= 80 for line in lines)


def test_columns_of_what_is_logged_alone():
    written = console()
    logs = {"loss": 1.0, "accuracy": 0.5}
    train(progress_of(written), logs=logs, ended=logs)
    head, row = written.file.getvalue().splitlines()
    assert head.split() == ["epoch", "loss", "accuracy", "images/s", "left"]
    assert row.split()[:3] == ["1/3", "1.000", "50.0%"]


PROVED = ALL | {"epsilon": 0.3, "held_out_verified": 0.4567, "verified": 0.5}


@pytest.mark.parametrize("logs", [ALL, PROVED], ids=["attacked", "proved"])
def test_the_longest_line_fits_80_columns(logs):
    progress = Progress(
        total_epochs=120,
        steps_per_epoch=4,
        batch_size=64,
        held_out=[name for name in logs if name.startswith("held_out")],
        console=console(),
    )
    progress.set_model(stand_in(steps=477))
    progress._started, progress._first_step = -1e4, 1
    progress._head(logs)
    assert len(progress._text(477, logs | {"loss": 123.456}, ended=True)) <= 80
    head = progress.console.file.getvalue().rstrip()
    assert len(head) <= 80
    assert ("proved" in head) == ("FOSC" not in head) == (logs is PROVED)


def test_pace_and_time_left(monkeypatch):
    # Two seconds a step; the clock starts after the first, which compiles for five.
    clock = {"now": 100.0}
    monkeypatch.setattr("time.monotonic", lambda: clock["now"])
    told = []

    def afterwards(compilation, gradient):
        told.append((compilation, gradient))
        return 60.0

    progress = progress_of(console(), steps=1000, afterwards=afterwards)
    clock["now"] += 5
    for step in (1, 2, 3):
        progress.model.optimizer.iterations.assign(step)
        progress.on_train_batch_end(step - 1, LOGS)
        clock["now"] += 2
    # Now 6 s after the first step with 2 more done: 3 s a step, 2997 steps to go, and a minute.
    text = progress._text(3, LOGS).split()
    assert text[-2:] == ["21", "2:30:51"]
    # 3 s for 64 examples of 7.25 gradients and an update that costs as much as 3.
    assert told[-1] == (5.0, pytest.approx(3 / 64 / 10.25))


def test_resumed_epoch_goes_on_where_it_was():
    progress = progress_of(console(), at=7, held_out=("held_out_robust",))
    progress.on_epoch_begin(1)
    progress.on_train_batch_end(0, LOGS)
    assert progress._work.line.split()[0] == "2/3"
    assert progress._work.line.split()[-1] == "75%"
    progress.close()
    progress.close()  # harmless


def test_whoever_listens_is_told():
    written = console()
    with signs.heard(Live(written)):
        progress = progress_of(None)
    train(progress)
    assert " 1/3 " in written.file.getvalue()
