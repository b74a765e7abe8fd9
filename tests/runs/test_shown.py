"""A report is about a network that was evaluated, the last one where it is among them."""

import shutil

import pytest
from ml_collections import ConfigDict

from fosc_tf.runs import reporting, trained
from tests import small_run


@pytest.fixture(scope="module")
def folder(undisturbed, tmp_path_factory):
    """A finished run whose best network is that of an earlier step."""
    folder = shutil.copytree(undisturbed, tmp_path_factory.mktemp("shown") / "work")
    newest, before, *_ = small_run.newest_first(folder / "checkpoints")
    (best,) = small_run.newest_first(folder / "checkpoints" / "best")
    for file in before.parent.glob(f"{before.name}.*"):
        shutil.copy(file, best.parent / file.name.replace(before.name, best.name))
    assert newest.name != before.name
    return folder


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (("last", "best"), "last"),
        (("best", "last"), "last"),
        (("best",), "best"),
        (("best", "ensemble"), "best"),
        (("ema",), "last"),  # not kept by this run
    ],
)
def test_a_report_is_about_a_network_that_was_evaluated(asked, name, folder):
    config = ConfigDict(trained.load(folder).config)
    config.evaluation.checkpoints = asked
    weights = {each: trained.fingerprint(net) for each, _, net in trained.of_run(config, folder)}
    assert weights["last"] != weights["best"]
    found, own = reporting.shown(config, folder)
    assert found == name
    assert own.fingerprint == weights[name] == trained.fingerprint(own.network)
