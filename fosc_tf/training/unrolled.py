"""How often a compiled step repeats something: a count that it is unrolled by, anew where it grows.

count = Unrolled(8)                                   # or a schedule of whole numbers
trainer.fit(dataset, callbacks=[count])
for _ in range(count.value): ...                      # in train_step
"""

from __future__ import annotations

import keras

from fosc_tf.attacks.attack import asked
from fosc_tf.types import Schedule


class Unrolled(keras.callbacks.Callback):
    """Asks a schedule as each epoch begins, and has the step compiled anew where it has changed.

    Weight updates cannot stand in a loop of TensorFlow under a strategy of several replicas.

    Args:
        count: a whole number, or a schedule that is constant within an epoch.

    Attributes:
        value: of the epoch under way.
    """

    def __init__(self, count: int | Schedule) -> None:
        super().__init__()
        self.count = count
        self.value = 0 if callable(count) else int(count)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compiles the step for the count of this epoch."""
        now = int(asked("count", self.count, self.model.step))
        if now != self.value:
            self.value = now
            self.model.make_train_function(force=True)
