"""A run on the easiest images of another: it trains on no others later, and outlives that run."""

import shutil

import numpy as np

from tests import small_run

FIELDS = {
    "total_epochs": 1,
    "defense__c_max": 0.5,
    "defense__control_epochs": 1,
    "optimizer__drop_epochs": "()",
    "evaluation__attacks": "('clean',)",
}


def test_another_ranking_is_another_run(program, npz, undisturbed, tmp_path):
    source, work = shutil.copytree(undisturbed, tmp_path / "source"), tmp_path / "work"
    arrays = small_run.arrays()
    few = {"npz": npz, **FIELDS, **small_run.NO_PICTURES, "data__batch_size": 4}
    least = np.bincount(arrays["y_train"], minlength=10).min()
    assert least > 1
    own = few | {"data__subset": "easiest", "data__subset_examples": 10, "data__subset_run": source}
    ended = program.run(*small_run.flags(work, **own))
    assert ended.code == 0, ended.err
    files = list((source / "losses").glob("*.npz"))
    for file in files:
        with np.load(file) as kept:
            turned = dict(kept)
        turned["loss"] = -turned["loss"]
        np.savez(file, **turned)
    ended = program.run(*small_run.flags(work, **own))
    assert ended.code != 0
    assert "examples of the subset" in ended.err
    for file in files:
        file.unlink()
    ended = program.run(*small_run.flags(work, mode="analyze", **own))
    assert ended.code == 0, ended.err
