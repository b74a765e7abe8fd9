"""Views of the weights on tiny runs: asked for by name, kept apart, gone on with, refused."""

import json

import numpy as np
import pytest

from configs import common
from fosc_tf import analysis
from fosc_tf.analysis.view import VIEWS, chosen
from fosc_tf.build import build
from fosc_tf.errors import UserError
from fosc_tf.runs import modes, trained

DEAR = tuple(name for name, each in VIEWS.items() if each.dear)


def tiny(seed):
    config = common.digits("standard", num_steps=2)
    config.seed = seed
    config.total_epochs = 1
    config.deterministic = False
    config.model.name = "digits_mlp"
    config.data.batch_size = 256
    config.optimizer.drop_epochs = ()
    config.evaluation.attacks = ("clean",)
    config.evaluation.held_out_every = 0
    config.evaluation.check_examples = 0
    config.log.images = 0
    config.analysis.num_steps = 2
    config.analysis.curvature_examples = 40
    config.analysis.eigenvalues = 3
    config.analysis.curve_epochs = 1
    return config


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        modes.train(tiny(seed), folder / str(seed), {})
    config = tiny(0)
    config.analysis.others = (str(folder / "1"),)
    config.analysis.views = DEAR
    with pytest.MonkeyPatch.context() as patch:
        for name, small in {"POINTS": 5, "TRACE_DRAWS": 3, "DENSITY_STEPS": 8}.items():
            patch.setattr(f"fosc_tf.analysis.weight_views.{name}", small)
        modes.analyze(config, folder / "0", {})
        yield folder


def summary(runs):
    return json.loads((runs / "0" / "analysis" / "summary.json").read_text())


def test_they_are_made_where_they_are_asked_for(runs):
    assert tuple(summary(runs)["views"]) == DEAR
    assert len(DEAR) == 6
    for name in DEAR:
        assert (runs / "0" / "analysis" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    assert "spectrum" not in [each.name for each in chosen(())]


def test_the_spectrum_is_that_of_the_function(runs):
    arrays = np.load(runs / "0" / "analysis" / "spectrum.npz")
    assert arrays["epsilon"].tolist() == [0.0, 0.2, 0.2]
    assert arrays["network"].tolist() == ["0", "0", "1"]
    config = tiny(0)

    experiment = build(config)
    ids = np.sort(experiment.train.ids)[:40]
    image = np.float32(experiment.arrays.x_train[ids])
    image /= 255 if experiment.arrays.x_train.dtype == np.uint8 else 1
    own = trained.load(runs / "0", in_training=True).network
    found = analysis.hessian_eigenvalues(
        own, image, experiment.arrays.y_train[ids], k=3, epsilon=0.2, num_steps=2
    )
    np.testing.assert_allclose(arrays["values"][1], found.values, rtol=1e-3)
    assert (arrays["residuals"][1] < 1e-3 * found.values[0]).all()


def test_further_views_leave_these_and_are_not_made_again(runs, monkeypatch):
    def never(*args, **options):
        raise AssertionError("made again")

    for name in ("hessian_eigenvalues", "hessian_density", "loss_surface"):
        monkeypatch.setattr(f"fosc_tf.analysis.weight_views.{name}", never)
    for name in ("connect", "connectivity", "perturbation_cosine"):
        monkeypatch.setattr(f"fosc_tf.analysis.path_views.{name}", never)
    config = tiny(0)
    config.analysis.others = (str(runs / "1"),)
    config.analysis.views = ("updates", *DEAR)
    modes.analyze(config, runs / "0", {})
    assert set(summary(runs)["views"]) == {"updates", *DEAR}
    config.analysis.views = ("updates",)
    modes.analyze(config, runs / "0", {})
    assert set(summary(runs)["views"]) == {"updates", *DEAR}


def test_surfaces_have_the_network_in_the_middle(runs):
    arrays = np.load(runs / "0" / "analysis" / "surface.npz")
    assert len(arrays["name"]) == 4
    middles = [arrays[f"loss_{place}"][2, 2] for place in range(4)]
    np.testing.assert_allclose(middles[0], middles[2], rtol=1e-6)
    np.testing.assert_allclose(middles[1], middles[3], rtol=1e-6)
    assert middles[1] > middles[0]


@pytest.mark.parametrize(
    ("field", "value", "received"),
    [
        ("views", ("spectrums",), "spectrums"),
        ("eigenvalues", 10**6, "analysis.eigenvalues=1000000"),
        ("epsilons", (-0.1,), "-0.1"),
        ("epsilons", (2.0,), "epsilon=2"),
        ("curve_degree", 0, "curve_degree=0"),
        ("curve_degree", 64, "curve_degree=64"),
    ],
)
def test_mistakes_are_told_before_work(runs, field, value, received):
    config = tiny(0)
    config.analysis.views = ("spectrum",)
    config.analysis[field] = value
    with pytest.raises(UserError) as caught:
        modes.analyze(config, runs / "0", {})
    assert received in caught.value.received


def test_without_another_run_there_is_no_curve(runs):
    config = tiny(1)
    config.analysis.views = ("connectivity",)
    with pytest.raises(UserError, match="curve to another network"):
        modes.analyze(config, runs / "1", {})
    assert not (runs / "1" / "analysis").exists()


def test_a_killed_album_lists_the_views_that_were_made(runs, monkeypatch):
    def killed(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fosc_tf.analysis.weight_views.hessian_eigenvalues", killed)
    config = tiny(1)
    config.analysis.views = ("overfitting", "spectrum")
    with pytest.raises(KeyboardInterrupt):
        modes.analyze(config, runs / "1", {})
    found = json.loads((runs / "1" / "analysis" / "summary.json").read_text())
    assert {*found["views"], *found["absent"]} == {"overfitting"}


def test_networks_that_are_not_alike_are_told_of_before_work(runs, tmp_path):
    config = tiny(2)
    config.model.name = "digits_cnn"
    modes.train(config, tmp_path / "other", {})
    config = tiny(0)
    config.analysis.others = (str(tmp_path / "other"),)
    config.analysis.views = ("lipschitz", "connectivity")
    before = (runs / "0" / "analysis" / "lipschitz.png").stat().st_mtime_ns
    with pytest.raises(UserError, match="architecture"):
        modes.analyze(config, runs / "0", {})
    assert (runs / "0" / "analysis" / "lipschitz.png").stat().st_mtime_ns == before


def test_another_curve_does_not_meet_the_file_of_the_first(runs):
    config = tiny(0)
    config.analysis.others = (str(runs / "1"),)
    config.analysis.views = ("connectivity",)
    config.analysis.curve_degree = 3
    modes.analyze(config, runs / "0", {})
    assert len(list((runs / "0" / "analysis").glob("curve_*/curve.npz"))) == 2
