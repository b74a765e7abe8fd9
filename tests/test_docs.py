"""What the pages of docs/ show works as it stands there, and the reference leaves nothing out.

The blocks and commands of a page run in order, in one folder. Training is shortened, openly: what
is replaced stands in `SHORTER`, `shortened` and `follow`.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import shutil

import numpy as np
import pytest
import yaml

from configs import digits_standard
from fosc_tf import build, command, config_check
from fosc_tf.attacks import presets
from fosc_tf.data import catalog
from fosc_tf.defenses import registry as defenses
from fosc_tf.models import registry as models
from tests import small_run
from tests.program import ROOT

DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial.md"
PARTS = [
    DOCS / "guides" / f"{name}.md" for name in ("model_and_data", "defense", "attack", "schedule")
]
STEP = re.compile(
    r"```python\n(?P<python>.+?)```|(?P<command>python main\.py(?:\\\n|[^\n&`])+)", re.S
)
EXTRAS = {"art": "from art", "foolbox": "import foolbox"}
SHORTER = (
    "--config.total_epochs=1",
    "--config.data.batch_size=8",
    f"--config.data.held_out={small_run.HELD_OUT}",
    "--config.optimizer.drop_epochs=()",
    "--config.model.name=digits_mlp",
    "--config.evaluation.check_examples=4",
    "--config.report.sweep_examples=4",
)


def steps(page):
    """Returns the blocks of Python and the commands of a page: (kind, text), in order."""
    return [(found.lastgroup, found[found.lastgroup]) for found in STEP.finditer(page.read_text())]


def words(text):
    return shlex.split(text.replace("\\\n", " "))[1:]


def tools(text):
    """Returns the extras that a block of Python needs."""
    return {tool for tool, sign in EXTRAS.items() if sign in text}


MISSING = {tool for tool in EXTRAS if importlib.util.find_spec(tool) is None}


def shortened(argv, npz):
    """Returns the command on 32 digits for an epoch; AutoAttack sees two of them."""
    own = ["--config.defense.control_epochs=1"] if "digits_dynamic" in " ".join(argv) else []
    argv = [word.replace("autoattack@100", "autoattack@2") for word in argv]
    return [*argv[1:], *SHORTER, f"--config.data.npz={npz}", *own]


def follow(page, folder, program, npz, without=MISSING):
    """Does what a page says, in `folder`; returns the names that its Python has made.

    Blocks that need a tool of `without` are left out.
    """
    if not (folder / "configs").exists():
        (folder / "configs").symlink_to(ROOT / "configs")
    names = {}
    for kind, text in steps(page):
        if kind == "python" and not tools(text) & set(without):
            text = re.sub(r"\bepochs=\d+", "epochs=2", text)
            exec(compile(text, str(page), "exec", dont_inherit=True), names)
        elif kind == "command" and "--config=configs/digits_" in text:
            ended = program.run(*shortened(words(text), npz), cwd=folder)
            assert ended.code == 0, text + ended.err
    return names


PAGES = sorted(page for page in DOCS.rglob("*.md") if steps(page))


@pytest.fixture(scope="module")
def learned(program, npz, tmp_path_factory):
    """The folder of who has followed the tutorial."""
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        names = follow(TUTORIAL, folder, program, npz)
    return folder, names


@pytest.fixture
def registries(monkeypatch):
    """Lets a page file names, and forgets them."""
    for each in (presets.ATTACKS, catalog._SETS, defenses._DEFENSES, models._MODELS):
        monkeypatch.setattr(each, "_factories", dict(each._factories))


def test_the_tutorial_from_nothing(learned):
    folder, names = learned
    for made in ("digits_unsecured/results.json", "digits_dynamic/report.html", "wider/run.json"):
        assert (folder / "runs" / made).exists()
    assert names["found"].fosc.shape == (100,)
    assert "autoattack@2 %" in (folder / "runs/digits_dynamic/report.md").read_text()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in (TUTORIAL, *PARTS)], ids=lambda page: page.stem
)
def test_a_page_works(page, learned, registries, program, npz, tmp_path, monkeypatch):
    shutil.copytree(learned[0], tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    follow(page, tmp_path, program, npz)


def test_what_the_guides_define(registries, program, npz, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = {page.stem: follow(page, tmp_path, program, npz) for page in PARTS}
    assert {row["attack"] for row in made["attack"]["rows"]} == {"clean", "corner"}
    assert np.isfinite(made["attack"]["found"].fosc).all()
    assert made["schedule"]["history"]["epsilon"] == pytest.approx([0.03, 0.06])
    assert made["model_and_data"]["network"].get_layer("conv").filters == 8
    assert made["model_and_data"]["arrays"].x_test.shape == (40, 8, 8, 1)
    config = digits_standard.get_config()
    config.defense.name = "tiny_steps"
    attack = build.defense(config, steps_per_epoch=20).attack.parameters()
    assert (attack["num_steps"], attack["step_size"]) == (50, pytest.approx(0.01))


@pytest.mark.parametrize("tool", EXTRAS)
def test_a_tool_takes_an_export(tool, registries, program, npz, tmp_path, monkeypatch):
    if tool in MISSING:
        pytest.skip(f"the extra {tool} is not installed: its block was compiled, not run")
    monkeypatch.chdir(tmp_path)
    names = follow(
        DOCS / "guides/exports.md", tmp_path, program, npz, without=EXTRAS.keys() - {tool}
    )
    assert np.abs(names["adversarial"] - names["image"]).max() <= 0.2 + 1e-6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_right_as_they_stand(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for kind, text in steps(page):
        if kind == "command":
            config = command.config_of(words(text))
            if "runs" not in config:
                config_check.check(config)


def test_python_of_every_page_compiles():
    for page in PAGES:
        for kind, text in steps(page):
            if kind == "python":
                compile(text, str(page), "exec")


@pytest.mark.parametrize("page", sorted((DOCS / "reference").glob("*.md")), ids=lambda p: p.stem)
def test_the_reference_names_what_is_public(page):
    text = page.read_text()
    paths = re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)
    members = re.findall(r"members: \[(.+)\]", text)
    told = {path.rpartition(".")[2] for path in paths} | set(re.findall(r"\w+", " ".join(members)))
    told |= set(re.findall(r"(\w+)\(", text))
    assert None not in map(resolved, paths)
    if page.stem != "fosc_tf":
        room = importlib.import_module(f"fosc_tf.{page.stem}")
        assert set(getattr(room, "__all__", ())) <= told


def resolved(path):
    """Returns what a path of the reference stands for."""
    module, _, name = path.rpartition(".")
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        return getattr(resolved(module), name)


def test_the_site_shows_every_page():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    shown = set(re.findall(r"[\w/]+\.md", str(nav)))
    assert shown == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def test_links_between_pages_lead_somewhere():
    for page in DOCS.rglob("*.md"):
        prose = re.sub(r"```.+?```", "", page.read_text(), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)#:]+)\)", prose):
            assert (page.parent / link).exists(), f"{page}: {link}"
