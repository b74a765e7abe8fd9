"""`--mode=analyze` from end to end on tiny runs of the digits: files, numbers, mistakes."""

import json
import struct
import xml.etree.ElementTree

import numpy as np
import pytest

from configs import arguments, common
from fosc_tf.analysis.view import VIEWS
from fosc_tf.errors import UserError
from fosc_tf.runs import modes

ATTACKED = ("bins", "bins_auto", "trace", "step_curves", "cross_table")
TRAINED = ("last_epoch", "fosc_by_epoch", "course")
OF_GRADIENTS = ("gradient_norms", "updates")
OF_EXAMPLES = ("groups", "hardest")


def tiny(defense, **arguments):
    config = common.digits(defense, **arguments)
    config.total_epochs = 2
    config.deterministic = False  # it would hold for every test after these in the process
    config.model.name = "digits_mlp"
    config.data.batch_size = 256
    config.optimizer.drop_epochs = ()
    config.evaluation.attacks = ("clean",)
    config.evaluation.held_out_every = 0
    config.evaluation.check_examples = 0
    config.log.images = 0
    config.analysis.examples = 100
    config.analysis.cross_examples = 20
    return config


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Work folders of a Dynamic and an Unsecured run, with their configs."""
    folder = tmp_path_factory.mktemp("runs")
    configs = {
        "dynamic": tiny("dynamic", **arguments.dynamic(control_epochs=2)),
        "unsecured": tiny("unsecured"),
    }
    for name, config in configs.items():
        modes.train(config, folder / name, {})
    return folder, configs


@pytest.fixture(scope="module")
def analyzed(runs):
    folder, configs = runs
    config = configs["dynamic"].copy_and_resolve_references()
    config.analysis.others = (str(folder / "unsecured" / "export"),)
    modes.analyze(config, folder / "dynamic", {})
    return folder / "dynamic" / "analysis"


def test_every_view_has_its_picture_and_its_arrays(analyzed):
    summary = json.loads((analyzed / "summary.json").read_text())
    assert tuple(summary["views"]) == ATTACKED + OF_EXAMPLES + TRAINED + OF_GRADIENTS
    cheap = {name for name, each in VIEWS.items() if not each.dear}
    assert cheap == {*summary["views"], "adaptation", "channels", "overfitting"}
    assert list(summary["absent"]) == ["overfitting"]
    for name in summary["views"]:
        png = (analyzed / f"{name}.png").read_bytes()
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        assert min(struct.unpack(">II", png[16:24])) > 100
        assert xml.etree.ElementTree.parse(analyzed / f"{name}.svg").getroot().tag.endswith("svg")
        with np.load(analyzed / f"{name}.npz", allow_pickle=False) as archive:
            assert len(archive.files) > 3
    assert not list(analyzed.glob("*.unfinished"))


def test_numbers_agree_with_each_other(runs, analyzed):
    summary = json.loads((analyzed / "summary.json").read_text())
    assert summary["examples"] == 100
    for criterion in ("ball", "box"):
        fixed, automatic, everyone = summary["fosc"][criterion]["correlations"]
        assert fixed["upper"] == 0.1
        assert fixed["n"] == round(100 * summary["fosc"][criterion]["share"])
        assert automatic["n"] == 95
        assert everyone["n"] == 100
    table = np.load(analyzed / "cross_table.npz")
    assert table["network"].tolist() == ["dynamic", "export"]
    assert np.all((table["accuracy"] >= 0) & (table["accuracy"] <= 1))


def test_training_recorded_fosc_and_loss_of_the_same_examples(runs):
    folder, _ = runs
    for epoch in (0, 1):
        fosc = np.load(folder / "dynamic" / "fosc" / f"epoch_{epoch:04d}.npy")
        loss = np.load(folder / "dynamic" / "fosc" / f"epoch_{epoch:04d}_loss.npy")
        assert fosc.shape == loss.shape == (5 * 256,)
        assert np.isfinite(loss).all()
        assert fosc.dtype == loss.dtype == np.float32


def test_climbs_are_not_repeated_and_chosen_epochs_are_drawn(runs, analyzed, monkeypatch):
    folder, configs = runs
    config = configs["dynamic"].copy_and_resolve_references()
    config.analysis.others = (str(folder / "unsecured" / "export"),)
    config.analysis.epochs = (1,)

    def never(*args, **options):
        raise AssertionError("climbs again")

    monkeypatch.setattr("fosc_tf.analysis.attack_views.traces", never)
    monkeypatch.setattr("fosc_tf.analysis.attack_views.cross_table", never)
    before = (analyzed / "bins.png").read_bytes(), (analyzed / "bins.svg").read_bytes()
    modes.analyze(config, folder / "dynamic", {})
    assert ((analyzed / "bins.png").read_bytes(), (analyzed / "bins.svg").read_bytes()) == before
    assert np.load(analyzed / "fosc_by_epoch.npz")["epoch"].tolist() == [1]


def test_without_adversarial_training_the_training_views_are_absent(runs, capsys):
    folder, configs = runs
    modes.analyze(configs["unsecured"], folder / "unsecured", {})
    summary = json.loads((folder / "unsecured" / "analysis" / "summary.json").read_text())
    assert tuple(summary["views"]) == ATTACKED + OF_EXAMPLES + OF_GRADIENTS
    assert set(summary["absent"]) == {*TRAINED, "overfitting"}
    assert "recorded no FOSC" in capsys.readouterr().out
    assert not (folder / "unsecured" / "analysis" / "course.png").exists()


@pytest.mark.parametrize(
    ("name", "field", "value", "received"),
    [
        ("dynamic", "epochs", (2,), "epochs=2"),
        ("unsecured", "epochs", (0,), "epoch 0"),
        ("dynamic", "others", ("nowhere",), "nowhere"),
        ("dynamic", "upper", -0.1, "upper=-0.1"),
        ("dynamic", "bins", 0, "bins=0"),
        ("dynamic", "num_steps", 0, "num_steps=0"),
    ],
)
def test_mistakes_have_three_parts_and_write_nothing(runs, name, field, value, received):
    folder, configs = runs
    config = configs[name].copy_and_resolve_references()
    config.analysis[field] = value
    analysis = folder / name / "analysis"
    before = {path: path.read_bytes() for path in analysis.glob("*")}
    with pytest.raises(UserError) as caught:
        modes.analyze(config, folder / name, {})
    assert received in caught.value.received
    assert caught.value.rule
    assert caught.value.right
    assert {path: path.read_bytes() for path in analysis.glob("*")} == before


def test_a_network_stands_beside_others_only(runs):
    folder, configs = runs
    config = configs["dynamic"].copy_and_resolve_references()
    config.analysis.others = (str(folder / "dynamic"),)
    with pytest.raises(UserError, match="stands beside others"):
        modes.analyze(config, folder / "dynamic", {})


def test_a_folder_without_a_run_is_refused(runs, tmp_path):
    _, configs = runs
    with pytest.raises(UserError, match="trained work folder"):
        modes.analyze(configs["dynamic"], tmp_path / "none", {})
    assert not (tmp_path / "none").exists()
