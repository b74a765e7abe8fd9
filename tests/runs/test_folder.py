"""What lies in a work folder before a run: damaged, another's, or a link; none of it is lost."""

import json
import shutil

import pytest

from fosc_tf import export
from fosc_tf.errors import UserError
from fosc_tf.runs import folder as folders
from fosc_tf.training.checkpoints import newest_first, step_of_last
from tests import small_run
from tests.models.small_networks import small


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def work(undisturbed, tmp_path):
    return shutil.copytree(undisturbed, tmp_path / "work")


def refused(ended, *words):
    assert ended.code == 2, ended
    assert ended.err.count("\n") == 4, ended.err  # an empty line, then the three parts
    for word in words:
        assert word in ended.err


@pytest.mark.parametrize("name", folders.FOLDERS)
def test_a_file_where_a_folder_should_be(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("theirs")
    with pytest.raises(UserError, match="under their names") as caught:
        folders.prepare(tmp_path)
    assert caught.value.received == f"{path}, no folder"
    assert path.read_text() == "theirs"


@pytest.mark.parametrize("name", folders.FILES)
def test_a_folder_where_a_file_should_be(tmp_path, name):
    (tmp_path / name / "theirs").mkdir(parents=True)
    with pytest.raises(UserError, match="under their names"):
        folders.prepare(tmp_path)
    assert (tmp_path / name / "theirs").is_dir()


@pytest.mark.parametrize(
    "name",
    ["results.json", "evaluation.jsonl", ".lock", ".probe", "checkpoints/step-3.index", "fosc/a"],
)
@pytest.mark.parametrize("broken", [True, False])
def test_a_link_is_not_written_through(tmp_path, name, broken):
    theirs, link = tmp_path / "theirs", tmp_path / "work" / name
    if not broken:
        theirs.write_text("theirs")
    link.parent.mkdir(parents=True)
    link.symlink_to(theirs)
    with pytest.raises(UserError, match="under their names") as caught:
        folders.prepare(tmp_path / "work")
    assert str(link) in caught.value.received
    assert theirs.exists() is not broken
    assert broken or theirs.read_text() == "theirs"


def test_what_else_lies_there_stays(tmp_path):
    before = {".probe": b"theirs", "notes.txt": b"too", "checkpoints/notes": b"three"}
    (tmp_path / "checkpoints").mkdir()
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    folders.prepare(tmp_path)
    assert contents(tmp_path) == before


def test_a_folder_that_is_a_link_itself_is_one(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "real")
    folders.prepare(tmp_path / "work")


@pytest.mark.parametrize("name", ["step-abc", "step-", "step-3-old"])
def test_checkpoints_are_those_with_a_number(tmp_path, name):
    for stem in (name, "step-3", "step-12"):
        (tmp_path / f"{stem}.index").write_text("")
    assert newest_first(tmp_path) == [str(tmp_path / "step-12"), str(tmp_path / "step-3")]
    assert step_of_last(tmp_path) == 12


def test_exports_leave_what_is_not_theirs(program, npz, work):
    theirs = [".export_notes", ".export-notes", ".export-abcdefgh", "checkpoints/step-abc_temp"]
    for name in theirs:
        (work / name).mkdir()
        (work / name / "mine").write_text("theirs")
    (work / ".exported").write_text("theirs")
    (work / "checkpoints/step-abc.index").write_text("theirs")
    (work / ".export-01234567" / "fresh").mkdir(parents=True)  # as a killed export leaves it
    ended = program.run(*small_run.flags(work, npz=npz, mode="export"))
    assert ended.code == 0, ended.err
    for name in theirs:
        assert (work / name / "mine").read_text() == "theirs"
    assert (work / ".exported").read_text() == "theirs"
    assert not (work / ".export-01234567").exists()


def test_an_earlier_export_outlives_a_kill_between_two_names(tmp_path):
    export.save(small("digits_mlp", seed=3), tmp_path / "export")
    (tmp_path / ".export-01234567").mkdir()
    (tmp_path / "export").rename(tmp_path / ".export-01234567" / "earlier")
    export.writing.recover(tmp_path / "export")
    assert [path.name for path in tmp_path.iterdir()] == ["export"]
    assert export.load(tmp_path / "export").num_classes == 10


@pytest.mark.parametrize("name", ["export", "export_best"])
def test_no_training_begins_where_its_export_has_no_place(program, npz, tmp_path, name):
    (tmp_path / "work" / name).mkdir(parents=True)
    (tmp_path / "work" / name / "notes.txt").write_text("theirs")
    ended = program.run(*small_run.flags(tmp_path / "work", npz=npz))
    refused(ended, "replaces an earlier export and nothing else", f"work/{name}")
    assert contents(tmp_path / "work") == {f"{name}/notes.txt": b"theirs"}


# The mode that reads it, the file, and what is right.
DAMAGED = {
    "results": ("evaluate", "results.json", "without the damaged file"),
    "checks": ("evaluate", "checks.json", "without the damaged file"),
    "history": ("report", "history.json", "an undamaged copy"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_of_the_run_ends_it_with_one_message(program, npz, work, case):
    mode, name, right = DAMAGED[case]
    (work / name).write_text('[{"epoch"')
    before = contents(work)
    ended = program.run(*small_run.flags(work, npz=npz, mode=mode))
    refused(ended, f"{name} must be the JSON that a run wrote", right, f"{work / name}: ")
    changed = {name for name, content in contents(work).items() if content != before.get(name)}
    assert changed <= {"run.json", ".lock"}
    if mode == "evaluate":
        (work / name).unlink()
        assert program.run(*small_run.flags(work, npz=npz, mode=mode)).code == 0
        json.loads((work / name).read_text())


# (mode, fields, what the message says)
FIELDS = {
    "bins": ("train", {"analysis__bins": 0}, "analysis.bins must be a whole number >= 1"),
    "upper": ("train", {"analysis__upper": -0.1}, "analysis.upper must lie in"),
    "epochs": ("train", {"analysis__epochs": "(3,)"}, "analysis.epochs must be below total_epochs"),
    "no epoch": ("report", {"analysis__epochs": "(-1,)"}, "analysis.epochs must be a whole number"),
    "others": ("train", {"analysis__others": "('nowhere',)"}, "work folder or a SavedModel"),
    "rivals": ("train", {"report__others": "('nowhere',)"}, "work folder or a SavedModel"),
    "others later": ("report", {"analysis__others": "('nowhere',)"}, "work folder or a SavedModel"),
    "numbers": ("report", {"analysis__others": "(3,)"}, "analysis.others must hold names"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_the_fields_of_later_modes_are_looked_at_before_work(program, npz, work, tmp_path, case):
    mode, fields, words = FIELDS[case]
    folder = work if mode == "report" else tmp_path / "new"
    if mode == "report":
        fields = fields | {"evaluation__attacks": "('fgsm',)"}  # another evaluation
    before = contents(work)
    refused(program.run(*small_run.flags(folder, npz=npz, mode=mode, **fields)), words)
    assert contents(work) == before
    assert not (tmp_path / "new").exists()


def test_an_epoch_that_was_not_recorded_is_refused_before_the_evaluation(program, npz, work):
    (work / "fosc" / "epoch_0001.npy").unlink()
    fields = {"analysis__epochs": "(1,)", "evaluation__attacks": "('fgsm',)"}
    before = contents(work)
    ended = program.run(*small_run.flags(work, npz=npz, mode="report", **fields))
    refused(ended, "whose FOSC was recorded", "epoch 1")
    assert contents(work) == before


OWN = {
    "surrogate": ("evaluate", "evaluation__surrogates", ""),
    "other": ("evaluate", "evaluation__others", "export"),
    "view": ("analyze", "analysis__others", "export_best"),
    "rival": ("report", "report__others", "../work/export"),
    "to be": ("train", "evaluation__surrogates", ""),
}


@pytest.mark.parametrize("case", OWN)
def test_a_run_does_not_stand_beside_itself(program, npz, work, tmp_path, case):
    mode, field, name = OWN[case]
    folder = tmp_path / "new" if mode == "train" else work
    before = contents(work)
    flags = small_run.flags(folder, npz=npz, mode=mode, **{field: f"('{folder / name}',)"})
    refused(program.run(*flags), "lends no attack to itself", str(folder))
    assert contents(work) == before
    assert not (tmp_path / "new").exists()


def test_a_table_that_is_replaced_is_told_of(program, npz, work):
    said = "no longer has pgd-10 at 0.0313725 of last, pgd-10 at 0.0313725 of best."
    fields = {"mode": "evaluate", "evaluation__attacks": "('clean', 'fgsm')"}
    ended = program.run(*small_run.flags(work, npz=npz, **fields))
    assert ended.code == 0, ended.err
    assert said in ended.out
    fields["evaluation__attacks"] = "('clean', 'fgsm', 'pgd-10')"
    ended = program.run(*small_run.flags(work, npz=npz, **fields))
    assert ended.code == 0, ended.err
    assert "replaced" not in ended.out
