"""What a defense keeps is in a checkpoint: resumed is uninterrupted, to the bit.

Killed runs of the whole program are in tests/runs/test_resume.py.
"""

import keras
import numpy as np
import pytest

from fosc_tf import AdversarialTrainer, defenses, models
from fosc_tf.data import train_batches
from fosc_tf.training.checkpoints import Checkpoints
from fosc_tf.training.ledger import Ledger
from tests.attacks.toys import images
from tests.defenses.arguments import arguments_of
from tests.training.replica_run import COMPOSED

SIZE, STEPS, EPOCHS, CUT = 16, 2, 3, 3
IMAGE = images(SIZE * STEPS, (8, 8, 1))
LABEL = np.arange(SIZE * STEPS) % 10
MORE = {"dynamic_memory": {"stop_share": 0.4, "num_steps": 3, "refresh": 0.2}}


class Training:
    """A trainer with its checkpoints, three epochs of two steps."""

    def __init__(self, name, folder):
        defense = defenses.get(name, **arguments_of(name) | MORE.get(name, {}))
        network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
        self.trainer = AdversarialTrainer(network, defense, fosc_every=1)
        self.trainer.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
        self.trainer.optimizer.build(network.trainable_variables)
        self.checkpoints = Checkpoints(folder, self.trainer, Ledger(), 3)

    def go_on(self, saved_at=None):
        """Trains from where it is to the end, what is left of an epoch first."""
        for epoch in range(self.trainer.step // STEPS, EPOCHS):
            position = self.trainer.step % STEPS
            batches = train_batches(
                IMAGE,
                LABEL,
                batch_size=SIZE,
                seed=0,
                augment=None,
                start_epoch=epoch,
                start_position=position,
            )
            self.trainer.fit(
                batches.take(STEPS - position),
                initial_epoch=epoch,
                epochs=epoch + 1,
                callbacks=[Save(saved_at, self.checkpoints)],
                verbose=0,
            )

    @property
    def values(self):
        """Everything that a checkpoint must hold, but for the running means of an epoch."""
        state = {name: part for name, part in self.trainer.state.items() if name != "metrics"}
        return {
            f"{name} {number}": np.array(variable)
            for name, part in state.items()
            for number, variable in enumerate(part)
        }


class Save(keras.callbacks.Callback):
    """Keeps a checkpoint after a step, as a run does that is killed there."""

    def __init__(self, at, checkpoints):
        super().__init__()
        self.at, self.checkpoints = at, checkpoints

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == self.at:
            self.checkpoints.save()


@pytest.mark.parametrize("name", [name for name in defenses.names() if name not in COMPOSED])
def test_resumed_is_uninterrupted(name, tmp_path):
    whole = Training(name, tmp_path)
    whole.go_on(saved_at=CUT)
    resumed = Training(name, tmp_path)
    assert resumed.checkpoints.restore()
    resumed.go_on()
    expected, received = whole.values, resumed.values
    assert received.keys() == expected.keys()
    for part, value in expected.items():
        np.testing.assert_array_equal(received[part], value, err_msg=part)
