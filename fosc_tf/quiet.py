"""What TensorFlow's libraries write while they load, hidden.

with tensorflow_silent():
    import tensorflow as tf
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def tensorflow_silent() -> Iterator[None]:
    """Hides what TensorFlow's libraries write while they load: no log level reaches that.

    TF_CPP_MIN_LOG_LEVEL=0 shows it, for whoever wonders where the GPU is.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") < "2":
        yield
        return
    sys.stderr.flush()
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)
