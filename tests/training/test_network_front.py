"""What is saved, restored and exported of a trainer: its network; whole trainings by weights."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf import UserError
from fosc_tf.memory import Memory, Spec
from fosc_tf.training import WeightAverage
from tests.attacks.toys import assert_same
from tests.training.habits import IMAGE, LABEL, history_of, linear, trainer_of

IDS = np.arange(64)
DICTS = tf.data.Dataset.from_tensor_slices({"image": IMAGE, "label": LABEL, "id": IDS}).batch(16)


def remembering():
    """Returns a trainer with momentum, a memory of each example and a weight average."""
    defense = dataclasses.replace(
        fosc_tf.defenses.get("standard", epsilon=0.1, num_steps=2),
        memory=Memory(64, {"visits": Spec(dtype="int32")}),
        remember=lambda batch, *_: {"visits": batch.context["visits"] + 1},
        average=WeightAverage(0.5),
    )
    trainer = fosc_tf.AdversarialTrainer(linear(), defense)
    trainer.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    return trainer


def everything(trainer):
    return [np.array(each) for each in tf.nest.flatten(trainer.state)]


def test_saved_is_the_network(tmp_path):
    trainer = trainer_of()
    history_of(trainer, keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{loss:.2f}.keras"))
    trainer.save(tmp_path / "saved.keras")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    for file in files:
        loaded = keras.models.load_model(file)
        assert type(loaded) is keras.Sequential
    for one, other in zip(loaded.get_weights(), trainer.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    trainer.export(tmp_path / "export", verbose=False)
    module = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(module.serve(IMAGE), trainer.network(IMAGE), atol=1e-6)


def test_layers_are_those_of_the_network():
    trainer = trainer_of()
    assert trainer.get_layer("last") is trainer.network.layers[-1]
    assert trainer.get_layer(index=0) is trainer.network.layers[0]


def test_a_file_of_weights_holds_the_whole_training(tmp_path):
    whole, half, again = (remembering() for _ in range(3))
    whole.fit(DICTS, epochs=4, verbose=0)
    half.fit(DICTS, epochs=2, verbose=0)
    half.save_weights(tmp_path / "half.weights.h5")
    again.load_weights(tmp_path / "half.weights.h5")
    assert again.step == int(again.optimizer.iterations) == 8
    again.fit(DICTS, epochs=2, verbose=0)
    assert_same(everything(whole), everything(again))


class Killed(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_backup_and_restore_goes_on_as_if_nothing_had_happened(tmp_path):
    whole, broken, again = (remembering() for _ in range(3))
    whole.fit(DICTS, epochs=4, verbose=0)
    folder = str(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        broken.fit(
            DICTS,
            epochs=4,
            verbose=0,
            callbacks=[Killed(), keras.callbacks.BackupAndRestore(folder)],
        )
    history = again.fit(
        DICTS, epochs=4, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(folder)]
    ).history
    assert len(history["loss"]) == 2
    assert_same(everything(whole), everything(again))
    # Keras would take the epoch of the backup for the first of every later call.
    assert len(again.fit(DICTS, epochs=1, verbose=0).history["loss"]) == 1


class Keeps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.network.get_weights())


def test_the_best_weights_come_back_and_no_clock_goes_back():
    trainer, keeps = remembering(), Keeps()
    # The loss falls, so that the first epoch is the best one.
    early = keras.callbacks.EarlyStopping(
        monitor="loss", mode="max", patience=2, restore_best_weights=True
    )
    trainer.fit(DICTS, epochs=10, verbose=0, callbacks=[keeps, early])
    assert (early.best_epoch, len(keeps.weights)) == (0, 3)
    assert_same(trainer.network.get_weights(), keeps.weights[0])
    assert np.any(keeps.weights[0][0] != keeps.weights[2][0])
    assert trainer.step == int(trainer.optimizer.iterations) == 12
    assert set(trainer.memory_state[0].numpy().tolist()) == {3}
    assert np.any(trainer.average_state[0].numpy() != keeps.weights[0][0])
    trainer.fit(DICTS, epochs=1, verbose=0)
    assert trainer.step == 16
    assert set(trainer.memory_state[0].numpy().tolist()) == {4}


def test_predict_wants_images_as_the_network_does():
    trainer = trainer_of()
    with pytest.raises(UserError, match=r"\[batch, 8, 8, 1\]"):
        trainer.predict(IMAGE[:, :4], verbose=0)
    trainer.predict(IMAGE, verbose=0)
    with pytest.raises(UserError, match=r"\[batch, 8, 8, 1\]"):  # where it was traced already
        trainer.predict(IMAGE[:, :4], verbose=0)
    with pytest.raises(UserError, match=r"\[0, 1\]"):
        trainer.predict(IMAGE * 255, verbose=0)
    with pytest.raises(UserError, match="must hold floats"):
        trainer.predict((IMAGE * 255).astype("uint8"), verbose=0)
    with pytest.raises(UserError, match='under "image"'):
        trainer.predict({"picture": IMAGE}, verbose=0)
    with pytest.raises(UserError, match=r"\[batch, 8, 8, 1\]"):
        trainer.evaluate(IMAGE[:, :4], LABEL, verbose=0)
