"""How often a compiled step repeats something: a count that it is unrolled by, anew where it grows.

count = Unrolled(defense.schedules["replays"])
trainer.fit(dataset, callbacks=[count])
for _ in range(count.value): ...                      # in train_step
"""

from __future__ import annotations

import keras

from fosc_tf.attacks.attack import asked
from fosc_tf.errors import UserError
from fosc_tf.schedules import Curve


class Unrolled(keras.callbacks.Callback):
    """Asks a schedule as each epoch begins, and has the step compiled anew where it has changed.

    Weight updates cannot stand in a loop of TensorFlow under a strategy of several replicas.

    Args:
        count: a schedule of whole numbers, constant within an epoch.
    """

    def __init__(self, count: Curve) -> None:
        super().__init__()
        self.count = count
        # What never changes needs no clock.
        self._value = None if count.ends else int(asked("count", count, 0))

    @property
    def value(self) -> int:
        """The count of the epoch under way.

        Raises:
            UserError: nobody has told which epoch that is.
        """
        if self._value is None:
            raise UserError(
                "what a defense repeats changes from epoch to epoch, which fit tells",
                "trainer.fit(dataset, epochs=30, callbacks=[...]), its callbacks in a list",
                f"a single step, or a CallbackList, with {self.count!r}",
            )
        return self._value

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compiles the step for the count of this epoch."""
        now = int(asked("count", self.count, self.model.step))
        if now != self._value:
            self._value = now
            self.model.make_train_function(force=True)
