"""What is known of a training before its first step: what trained weights withstand."""

import pytest

from configs import digits_fast
from fosc_tf import build
from fosc_tf.evaluation import white_box
from fosc_tf.runs import training
from tests import small_run

FIELDS = {
    "data__batch_size": 8,
    "data__held_out": small_run.HELD_OUT,
    "model__name": "digits_mlp",
    "defense__epsilon": 0.05,
    "defense__step_size": 0.06,
    "evaluation__epsilon": 0.05,
    "total_epochs": 1,
    "log__images": 0,
    "log__gradient_images": 0,
}


def changed(config, **fields):
    found = config.copy_and_resolve_references()
    with found.unlocked():
        found.update_from_flattened_dict({n.replace("__", "."): v for n, v in fields.items()})
    return found


@pytest.fixture(scope="module")
def begun(npz, undisturbed):
    fields = FIELDS | {"data__npz": str(npz), "model__weights": str(undisturbed)}
    return changed(digits_fast.get_config(), **fields)


def robust(config, measured=True):
    return training._beginning(build.build(config), measured=measured).robust


def test_the_monitor_judges_the_first_epoch_by_what_trained_weights_withstand(
    begun, tmp_path, monkeypatch
):
    experiment, given = build.build(begun), []
    (_, row) = white_box(
        experiment.trainer.network,
        experiment.held_out_batches(),
        epsilon=0.05,
        attacks=("clean", "pgd-10"),
        seed=begun.seed,
    )
    assert 0 < row["accuracy"] < 1
    monitor = training.callbacks.CollapseMonitor
    monkeypatch.setattr(
        training.callbacks,
        "CollapseMonitor",
        lambda *args, **known: given.append(known["before"]) or monitor(*args, **known),
    )
    training.fit(experiment, tmp_path, tmp_path / "checkpoints")
    assert given == [row["accuracy"]]
    resumed = build.build(begun)  # its weights are those of the beginning, until it is restored
    assert training._beginning(resumed, measured=True).robust == row["accuracy"]


@pytest.mark.parametrize("fields", [{"model__weights": ""}, {"monitor__action": "off"}])
def test_nothing_is_measured_that_nobody_judges_by(begun, fields):
    assert robust(changed(begun, **fields)) is None


def test_nothing_is_measured_of_a_finished_run(begun):
    assert robust(begun, measured=False) is None
