"""One live line an epoch on a terminal; silence without one."""

import io

import pytest
from rich.console import Console

from fosc_tf.callbacks import Progress
from tests.callbacks.stand_in import stand_in

LOGS = {
    "loss": 1.23456,
    "accuracy": 0.789,
    "threshold": 0.25,
    "fosc": 0.125,
    "gradients": 7.25,
    "frozen": 0.5,
}


def shown(console, *, held_out=None):
    """What training for one epoch of four steps, the first of three epochs, writes."""
    progress = Progress(total_epochs=3, steps_per_epoch=4, batch_size=64, console=console)
    progress.set_model(stand_in())
    progress.on_epoch_begin(0)
    for step in range(1, 5):
        progress.model.optimizer.iterations.assign(step)
        progress.on_train_batch_end(step - 1, LOGS)
    progress.on_epoch_end(0, LOGS | ({} if held_out is None else {"held_out_robust": held_out}))
    progress.close()
    return console.file.getvalue()


def terminal(width=200):
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


@pytest.mark.parametrize("width", [200, 60])
def test_line_tells_how_it_goes(width):
    text = " ".join(shown(terminal(width), held_out=0.4567).split())
    for words in (
        "epoch 1/3",
        "100%",
        "loss 1.235",
        "accuracy 78.9%",
        "c_t 0.250",
        "FOSC 0.125",
        "gradients 7.2",
        "held-out 45.7%",
        "examples/s",
        "left",
    ):
        assert words in text


def test_pace_and_time_left(monkeypatch):
    # Two seconds a step; the clock starts after the first, which compiles.
    clock = {"now": 100.0}
    monkeypatch.setattr("time.monotonic", lambda: clock["now"])
    progress = Progress(total_epochs=3, steps_per_epoch=1000, batch_size=64, console=terminal())
    progress.set_model(stand_in())
    for step in (1, 2, 3):
        progress.model.optimizer.iterations.assign(step)
        progress.on_train_batch_end(step - 1, LOGS)
        clock["now"] += 2
    # Now 6 s after the first step with 2 more done: 3 s a step, 2997 steps to go.
    text = progress._text(3, LOGS)
    assert "21 examples/s" in text
    assert "2:29:51 left" in text


def test_no_threshold_without_a_gate():
    console = terminal()
    progress = Progress(total_epochs=1, steps_per_epoch=4, batch_size=64, console=console)
    progress.set_model(stand_in())
    progress.on_epoch_begin(0)
    progress.on_train_batch_end(0, {"loss": 1.0, "accuracy": 0.5})
    progress.on_epoch_end(0, {"loss": 1.0, "accuracy": 0.5})
    assert "loss 1.000" in console.file.getvalue()
    assert "c_t" not in console.file.getvalue()


def test_resumed_epoch_goes_on_where_it_was():
    progress = Progress(total_epochs=3, steps_per_epoch=4, batch_size=64, console=terminal())
    progress.set_model(stand_in(steps=7))
    progress.on_epoch_begin(1)
    progress.on_train_batch_end(0, LOGS)
    assert progress._bar.tasks[0].description.startswith("epoch 2/3  75% loss")
    progress.close()


def test_quiet_without_a_terminal():
    assert shown(Console(file=io.StringIO())) == ""
