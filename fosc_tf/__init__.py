"""fosc_tf: robust image classifiers by Dynamic adversarial training, on Keras and TensorFlow.

    import fosc_tf
    network = fosc_tf.models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)

Rooms of the house load when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from fosc_tf import launcher

__version__ = "0.1.0"

_ROOMS = (
    "analysis",
    "attacks",
    "bounds",
    "callbacks",
    "data",
    "defenses",
    "evaluation",
    "export",
    "memory",
    "models",
    "objectives",
    "schedules",
    "tflite",
    "training",
    "vnnlib",
)


_KERAS = sys.modules.get("keras")
# Where Keras is not there yet this choice goes before that of keras.json.
_CHOSEN = None if _KERAS else os.environ.setdefault("KERAS_BACKEND", "tensorflow")
_BACKEND = _CHOSEN or _KERAS.config.backend()
# The program is about to choose for itself, see `__main__`; what imports the package has chosen.
if _BACKEND != "tensorflow" and (_KERAS or not launcher.is_program()):
    raise ImportError(
        f"fosc_tf needs Keras with TensorFlow, and Keras is set to {_BACKEND}: set "
        "KERAS_BACKEND=tensorflow before Keras is imported"
    )


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"fosc_tf.{name}")
    if name == "AdversarialTrainer":
        return importlib.import_module("fosc_tf.training").AdversarialTrainer
    if name == "UserError":
        return importlib.import_module("fosc_tf.errors").UserError
    raise AttributeError(f"module 'fosc_tf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*_ROOMS, "AdversarialTrainer", "UserError", "__version__"]
