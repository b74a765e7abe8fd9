"""How this program was started, and the words that start it again.

typed()      # ["python", "main.py"], ["python", "-m", "fosc_tf"] or ["fosc-tf"]
again()      # what Python is given for another process of it, such as ["main.py"]
"""

from __future__ import annotations

import pathlib
import sys

SCRIPT = "fosc-tf"
MAIN = pathlib.Path(__file__).resolve().parents[1] / "main.py"
"""The script of a clone, beside the package; an installed package has none."""
_MODULE = ["-m", "fosc_tf"]


def is_program() -> bool:
    """Returns whether this process runs the program, or else something that imports the package.

    While Python looks for the module of `python -m`, the first word is that flag.
    """
    return _is_script() or _is_main() or _first() == "-m" or _is_module()


def typed() -> list[str]:
    """Returns the words before the flags with which a user starts what was started."""
    if _is_script():
        return [SCRIPT]
    return ["python", *(_MODULE if _is_module() else sys.argv[:1])]


def again() -> list[str]:
    """Returns what Python is given before the flags to run the program in another process.

    It is started as this one was, and so finds the same package.
    """
    if _is_main() or (_is_script() and pathlib.Path(_first()).is_file()):
        return [_first()]
    return _MODULE


def _first() -> str:
    return sys.argv[0] if sys.argv else ""


def _is_script() -> bool:
    return pathlib.PurePath(_first()).name.removesuffix(".exe") == SCRIPT


def _is_main() -> bool:
    path = pathlib.Path(_first())
    return path.name == MAIN.name and path.resolve() == MAIN and MAIN.is_file()


def _is_module() -> bool:
    path = pathlib.Path(_first())
    return path.name == "__main__.py" and path.resolve().parent == pathlib.Path(__file__).parent
