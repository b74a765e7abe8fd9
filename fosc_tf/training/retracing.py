"""TensorFlow's warning of retracing, hidden where it counts several trainers as one.

with no_word_of_retracing():
    trainer.fit(dataset)
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


def _told_of_another(record: logging.LogRecord) -> bool:
    """Whether a record may be shown.

    TensorFlow counts traces by the place in Keras' source where a step was made, which all models
    of a process share: the fifth trainer would be warned of the traces of the four before it.
    """
    message = record.getMessage()
    return not ("triggered tf.function retracing" in message and "TensorFlowTrainer" in message)


@contextlib.contextmanager
def no_word_of_retracing() -> Iterator[None]:
    """Hides the warning within the block; everything else is shown."""
    logger = logging.getLogger("tensorflow")
    if _told_of_another in logger.filters:  # a validation within a training
        yield
        return
    logger.addFilter(_told_of_another)
    try:
        yield
    finally:
        logger.removeFilter(_told_of_another)
