"""Real images for the tests that want them: a folder `shared/data` next to the checkout.

arrays = load("mnist", npz=real_file("mnist.npz"))      # skips the test where there is none
"""

from __future__ import annotations

import pathlib

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


def real_file(name: str) -> pathlib.Path:
    """Returns the path of a file of real images, or skips the running test."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"needs {name} in a folder shared/data next to the checkout")
    return path
