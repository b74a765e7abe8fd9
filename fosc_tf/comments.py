"""What the comments of a config file say of its fields, read from the source.

    comments = of_config(pathlib.Path("configs/digits_dynamic.py"))
    comments.of("data.batch_size")      # "examples of one weight update, over all replicas"

A comment stands at the end of `config.section.field = value`, or of an entry "field": value of a
dict, or of an argument field=value; lines of comment alone right below go on with it.
"""

from __future__ import annotations

import ast
import dataclasses
import io
import pathlib
import sys
import tokenize
from collections.abc import Iterator

_ANYWHERE = "*"
"""The section of names that stand in a dict or among arguments, which do not tell theirs."""


@dataclasses.dataclass(frozen=True)
class Comments:
    """Comments by field, in the order of the source; "" where a field has none."""

    found: dict[str, str]

    def of(self, field: str) -> str:
        """Returns the comment of "section.field", or of a section."""
        name = field.rpartition(".")[2]
        return self.found.get(field) or self.found.get(f"{_ANYWHERE}.{name}", "")

    def place(self, field: str) -> int:
        """Returns the place of a field in the source; what is not there comes last."""
        names = [*self.found]
        known = (field, f"{_ANYWHERE}.{field.rpartition('.')[2]}")
        return min((names.index(each) for each in known if each in self.found), default=len(names))


def of_config(path: pathlib.Path) -> Comments:
    """Returns the comments of a config file that has been loaded, and of what it is made with.

    That is whatever it imports from `configs` or from beside itself, but for functions that nothing
    in use names; its own comments come first.
    """
    sources = [file.read_text() for file in _made_with(path)]
    trees = _in_use([ast.parse(source) for source in sources])
    files = [_of_source(*each) for each in zip(sources, trees, strict=True)]
    found: dict[str, str] = {}
    for each in reversed(files):  # the shared fields in their order, then further ones
        found |= {name: comment for name, comment in each.items() if comment or name not in found}
    return Comments(found)


def _made_with(path: pathlib.Path) -> list[pathlib.Path]:
    found, waiting = [], [path]
    while waiting:
        file = waiting.pop(0)
        if file.resolve() in [each.resolve() for each in found]:
            continue
        found.append(file)
        for name in _imports(file.read_text()):
            module = getattr(sys.modules.get(name), "__file__", None)
            other = pathlib.Path(module) if module else path
            near = other.resolve().parent == path.resolve().parent
            if other.suffix == ".py" and (near or name.partition(".")[0] == "configs"):
                waiting.append(other)
    return found


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _in_use(trees: list[ast.Module]) -> list[ast.Module]:
    """Returns the first tree, and the others without the functions that nothing in use names."""
    first, *others = trees
    named: dict[str, list[ast.FunctionDef]] = {}
    for node in (node for tree in others for node in tree.body):
        if isinstance(node, ast.FunctionDef):
            named.setdefault(node.name, []).append(node)
    waiting: list[ast.AST] = [first]
    waiting += [n for tree in others for n in tree.body if not isinstance(n, ast.FunctionDef)]
    used: set[ast.AST] = set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            name = getattr(node, "id", getattr(node, "attr", None))
            fresh = [each for each in named.get(name, []) if each not in used]
            used.update(fresh)
            waiting += fresh
    for tree in others:
        tree.body = [n for n in tree.body if not isinstance(n, ast.FunctionDef) or n in used]
    return trees


def _of_source(source: str, tree: ast.Module) -> dict[str, str]:
    ends = {}
    for field, line in _fields(tree):
        ends.setdefault(field, []).append(line)
    notes = _notes(source)
    return {
        field: next((notes[line] for line in lines if line in notes), "")
        for field, lines in ends.items()
    }


def _fields(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yields each field that is given a value, with the line on which that ends."""
    sections: dict[str, str] = {}  # what a local name such as `defense` stands for
    nodes = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                field = _name(target, sections)
                if isinstance(target, ast.Name):
                    sections[target.id] = _name(node.value, sections) or ""
                elif field:
                    yield field, node.end_lineno
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield f"{_ANYWHERE}.{key.value}", value.end_lineno
        elif isinstance(node, ast.Call):
            for each in node.keywords:
                if each.arg:
                    yield f"{_ANYWHERE}.{each.arg}", each.value.end_lineno


def _name(node: ast.AST, sections: dict[str, str]) -> str | None:
    """Returns "data.name" for `config.data.name`; "" for `config`, None for what is no field."""
    if isinstance(node, ast.Name):
        return sections.get(node.id, "")
    if isinstance(node, ast.Attribute):
        name = node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = str(node.slice.value)
    else:
        return None
    section = _name(node.value, sections)
    return None if section is None else f"{section}.{name}".lstrip(".")


def _notes(source: str) -> dict[int, str]:
    """Returns the comment behind what ends on each line, lines that go on with it included."""
    notes: dict[int, str] = {}
    last = before = None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, text = token.start[0], token.string.lstrip("# ").rstrip()
        alone = not token.line[: token.start[1]].strip()
        if not alone:
            last = line
            notes[last] = text
        elif last is not None and before == line - 1:
            notes[last] += f" {text}"
        else:
            last = None
        before = line
    return notes
