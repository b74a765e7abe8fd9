"""Asks an export in a fresh process in which nothing of this project can be imported.

answers(folder, image, label)["logits"]
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np

FOREIGN = """
import sys
import numpy as np
import tensorflow as tf

sys.modules["fosc_tf"] = None  # importing it fails from here on, even where it is installed
given = np.load(sys.argv[2])
image, label = tf.constant(given["image"]), tf.constant(given["label"])
module = tf.saved_model.load(sys.argv[1])
np.savez(
    sys.argv[3],
    **module.signatures["serving_default"](image=image),
    **module.signatures["probabilities"](image=image),
    **module.signatures["loss_and_input_gradient"](image=image, label=label),
)
"""


def run(script: str, *arguments: Any, folder: pathlib.Path, python_path: Any = "") -> None:
    """Runs `script` in a fresh process that finds no module of this project by itself."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(python_path)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def answers(export: pathlib.Path, image: Any, label: Any) -> Any:
    """Returns logits, probabilities, loss and gradient, by name; files of it stay beside."""
    given, found = (export.with_name(f"{export.name}_{kind}.npz") for kind in ("asked", "said"))
    np.savez(given, image=image, label=np.asarray(label, np.int32))
    run(FOREIGN, export, given, found, folder=export.parent)
    return np.load(found)
