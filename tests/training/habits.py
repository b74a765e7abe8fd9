"""Networks, data and trainers so small that a habit of Keras is tried in a blink.

trainer = trainer_of("dynamic", metrics=["accuracy"])
trainer.fit(IMAGE, LABEL, verbose=0)
"""

import keras
import numpy as np

import fosc_tf

IMAGE = np.random.default_rng(0).random((64, 8, 8, 1), np.float32)
LABEL = np.arange(64) % 10


def linear(seed=0):
    """Returns 8x8 grey images to 10 logits."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, name="last")]
    return keras.Sequential(layers)


def trainer_of(name="dynamic", *, optimizer="sgd", validation_attack=None, **compiled):
    """Returns a compiled trainer whose schedules end within an epoch."""
    own = {"dynamic": {"control_epochs": 1}}.get(name, {})
    own |= {} if name == "unsecured" else {"epsilon": 0.1, "num_steps": 2}
    defense = fosc_tf.defenses.get(name, **own)
    trainer = fosc_tf.AdversarialTrainer(linear(), defense, validation_attack=validation_attack)
    trainer.compile(optimizer, **compiled)
    return trainer


def history_of(trainer, *callbacks, **arguments):
    """Returns what four steps an epoch log."""
    settings = {"epochs": 2, "batch_size": 16, "verbose": 0, "shuffle": False} | arguments
    return trainer.fit(IMAGE, LABEL, callbacks=list(callbacks), **settings).history
