"""Who may import whom, read from the source of every file."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "fosc_tf"
FOUNDATIONS = ("attacks", "bounds", "objectives", "schedules", "models", "data")
ABOVE = ("training", "evaluation", "analysis", "runs", "sweeps", "build", "cli")
# The config is unfolded by `build`; the modes of a run read their own sections of it.
KNOW_CONFIGS = {
    "build.py",
    "config_check.py",
    "cli.py",
    "sweeps/plan.py",
    "sweeps/run.py",
    "sweeps/sweep.py",
} | {f"runs/{name}.py" for name in ("evaluation", "modes", "report", "trained", "views")}


def modules(path):
    """Returns every module that the file imports, at any depth, with full names."""
    package = ("fosc_tf", *path.relative_to(PACKAGE).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = package[: len(package) - node.level + 1]
                base = ".".join([*kept, base] if base else kept)
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def within(module, *names):
    return any(module == name or module.startswith(f"{name}.") for name in names)


@pytest.mark.parametrize("room", [room for room in FOUNDATIONS if (PACKAGE / room).is_dir()])
def test_foundations_do_not_know_what_is_built_on_them(room):
    forbidden = [f"fosc_tf.{name}" for name in ABOVE]
    for path in (PACKAGE / room).rglob("*.py"):
        wrong = sorted(module for module in modules(path) if within(module, *forbidden))
        assert not wrong, f"{path.relative_to(PACKAGE)} imports {wrong}"


def test_what_draws_takes_plain_arrays_and_rows():
    forbidden = [f"fosc_tf.{name}" for name in (*ABOVE, *FOUNDATIONS, "callbacks", "defenses")]
    for path in (PACKAGE / "show").rglob("*.py"):
        wrong = sorted(m for m in modules(path) if within(m, *forbidden, "tensorflow", "keras"))
        assert not wrong, f"{path.relative_to(PACKAGE)} imports {wrong}"


def test_only_build_and_cli_know_configs_and_flags():
    for path in PACKAGE.rglob("*.py"):
        if str(path.relative_to(PACKAGE)) in KNOW_CONFIGS:
            continue
        wrong = sorted(m for m in modules(path) if within(m, "ml_collections", "absl.flags"))
        assert not wrong, f"{path.relative_to(PACKAGE)} imports {wrong}"


def test_the_reader_sees_every_form_of_import(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_imports.PACKAGE", tmp_path)
    (tmp_path / "attacks").mkdir()
    source = tmp_path / "attacks" / "fake.py"
    source.write_text(
        "import a.b\n"
        "from absl import flags\n"
        "from . import ball\n"
        "from ..training import trainer\n"
        "def late():\n    from fosc_tf import cli\n"
    )
    assert {
        "a.b",
        "absl.flags",
        "fosc_tf.attacks.ball",
        "fosc_tf.training.trainer",
        "fosc_tf.cli",
    } <= modules(source)
