"""Who may import whom, read from the source of every file."""

import ast
import pathlib

PACKAGE = pathlib.Path(__file__).parents[1] / "fosc_tf"
# Every room and every file beside them, from the ground up: each may import what stands before it.
FLOORS = (
    ("errors", "quiet", "probe", "launcher", "readable", "signs", "choice"),
    ("fields", "files", "number", "registry", "comments", "config_file", "sheet"),
    ("types", "replicas", "sections"),
    ("data", "schedules", "models"),
    ("memory", "show", "command", "terms", "subnetworks"),
    ("attacks",),
    ("bounds",),
    ("objectives",),
    ("training", "evaluation", "export", "vnnlib"),
    ("defenses", "tflite"),
    ("analysis",),
    ("callbacks",),
    ("config_check",),
    ("building",),
    ("build",),
    ("runs",),
    ("sweeps", "listing", "manual"),
    ("cli",),
    ("__main__",),
)
# The config is unfolded by `build`; the modes of a run read their own sections of it.
KNOW_CONFIGS = {
    "build.py",
    "config_check.py",
    "cli.py",
    "command.py",
    "sweeps/plan.py",
    "sweeps/run.py",
    "sweeps/sweep.py",
} | {
    f"runs/{name}.py"
    for name in ("certification", "evaluation", "modes", "reporting", "trained", "views")
}
KNOW_CONFIGS |= {f"building/{name}.py" for name in ("complete_defense", "division", "networks")}


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


FILES = {
    ".".join(("fosc_tf", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in PACKAGE.rglob("*.py")
}
ARROWS = {name: (modules(path) & set(FILES)) - {name} for name, path in FILES.items()}


def room(module):
    return (module.split(".") + [""])[1]


def test_no_file_imports_what_is_built_on_it():
    """Of the package itself anybody may ask the version."""
    floors = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    assert {room(name) for name in FILES} - {""} == set(floors)
    upward = [
        f"{name} -> {other}"
        for name, others in ARROWS.items()
        for other in others
        if room(name)
        and room(other)
        and room(name) != room(other)
        # Neighbours on one floor know nothing of each other but by what both stand on.
        and floors[room(other)] >= floors[room(name)]
    ]
    assert upward == []


def test_no_circle():
    """Within a function or not: whoever imports another is never imported by it in turn."""
    inner = {
        # A package's __init__ gathers its own files, which do not ask it.
        name: {other for other in others if FILES[other].name != "__init__.py"}
        for name, others in ARROWS.items()
    }
    left = dict(inner)
    while True:
        ends = [name for name, others in left.items() if not others & set(left)]
        if not ends:
            break
        for name in ends:
            del left[name]
    assert sorted(left) == []


def test_a_file_name_means_one_thing():
    """Registries are one thing in every room: its names."""
    found = [
        path.name for path in FILES.values() if path.name not in ("__init__.py", "registry.py")
    ]
    assert sorted(name for name in set(found) if found.count(name) > 1) == []


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
