"""Where a config file is: at its path, or among the shipped ones under its short name.

    located("digits_dynamic")      # ".../configs/digits_dynamic.py", with what follows a colon
    names()                        # ["cifar_curriculum", ..., "sweeps"]

An installed package holds `configs/` in its folder `shipped`; in a clone it is beside the package.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys

from fosc_tf.errors import unknown_name

PACKAGE = pathlib.Path(__file__).resolve().parent


def root() -> pathlib.Path:
    """Returns the folder that holds the shipped `configs`."""
    shipped = PACKAGE / "shipped"
    return shipped if (shipped / "configs").is_dir() else PACKAGE.parent


def paths() -> dict[str, pathlib.Path]:
    """Returns the file of each shipped config by its short name, sorted."""
    files = sorted((root() / "configs").glob("*.py"))
    return {file.stem: file for file in files if "\ndef get_config(" in file.read_text()}


def names() -> list[str]:
    """Returns the short names of the shipped configs."""
    return list(paths())


def located(given: str) -> str:
    """Returns what --config is given with the path of the file in place of its short name.

    Args:
        given: a path, or the name of a shipped config, also as "configs/NAME.py", which then is
            there from any folder; an argument after a colon stays. A file that exists is meant.

    Raises:
        UserError: neither a file nor a name.
    """
    file, colon, argument = given.partition(":")
    if pathlib.Path(file).is_file():
        return given
    shipped = paths()
    spelled = {f"configs/{name}.py": path for name, path in shipped.items()}
    found = (shipped | spelled).get(file)
    if found is None:
        as_path = "/" in file or file.endswith(".py")
        own = [str(path) for path in pathlib.Path("configs").glob("[!_]*_*.py")]
        raise unknown_name("config", file, {*spelled, *own} if as_path else shipped)
    return f"{found}{colon}{argument}"


def make_importable() -> None:
    """Lets config files anywhere say `from configs import common`.

    The folder comes last on the path, and only where no package `configs` is found before it: that
    is a clone's, or the user's own.
    """
    found = importlib.util.find_spec("configs")
    # What has no __init__.py gives way to a package that comes later.
    if (found is None or found.origin is None) and str(root()) not in sys.path:
        sys.path.append(str(root()))
