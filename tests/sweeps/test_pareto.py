"""Clean against verified accuracy: whom no other run beats, drawn from held-out numbers."""

import json

import matplotlib.figure

from fosc_tf.show import proof_plots
from fosc_tf.sweeps import pareto


def runs(tmp_path, histories):
    """Returns runs with these histories of (clean, verified) by epoch, under their labels."""
    found = []
    for number, (label, epochs) in enumerate(histories):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = [
            {"epoch": epoch, "held_out_clean": clean, "held_out_verified": verified}
            for epoch, (clean, verified) in enumerate(epochs)
        ]
        (folder / "history.json").write_text(json.dumps(rows))
        found.append((label, folder))
    return found


def test_best_epochs_are_compared_by_both_accuracies(tmp_path):
    given = [
        ("a", [(0.9, 0.2), (0.8, 0.6)]),
        ("b", [(0.9, 0.5)]),
        ("c", [(0.7, 0.55)]),
        ("d", [(0.6, 0.7)]),
        ("d", [(0.8, 0.9)]),
    ]
    points = pareto.of_runs(runs(tmp_path, given))
    assert [point["label"] for point in points] == ["c", "d", "a", "b"]
    by = {point["label"]: point for point in points}
    assert by["a"]["held_out_verified"] == 0.6  # not its first epoch, clean as it is
    assert (by["d"]["held_out_clean"], by["d"]["seeds"]) == (0.7, 2)
    assert [point["label"] for point in points if point["unbeaten"]] == ["d", "a", "b"]
    figure = proof_plots.pareto(points)
    assert isinstance(figure, matplotlib.figure.Figure)
    line, *single = figure.axes[0].lines
    assert list(line.get_xdata()) == [70.0, 80.0, 90.0]
    assert [round(float(each.get_ydata()[0])) for each in single] == [55, 80, 60, 50]


def test_runs_that_proved_nothing_are_no_points(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "history.json").write_text(json.dumps([{"epoch": 0, "held_out_robust": 0.5}]))
    assert pareto.of_runs([("a", folder)]) == []
