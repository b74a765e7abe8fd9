"""Trains and evaluates on one and on two replicas, in a process of its own.

python -m tests.training.evaluation_run      # prints a JSON object with what it found
"""

import contextlib
import json

import keras
import numpy as np
import tensorflow as tf

ROWS = (16, 21, 17)  # even batches; a last one of 5, shared as 3 and 2; one of 1, of 1 and none


def network():
    """Returns a network whose answers depend on the image, the same at each call."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    return keras.Sequential(layers)


def scores(scope, rows):
    """Returns logs of two epochs with validations, an evaluation, and what the state lacks."""
    from fosc_tf import AdversarialTrainer, defenses

    random = np.random.default_rng(0)
    image = random.uniform(size=(rows, 8, 8, 1)).astype("float32")
    # Most are right clean and some of these attacked.
    label = network()(image).numpy().argmax(axis=1)
    label[::5] = (label[::5] + 1) % 10
    defense = defenses.get("standard", epsilon=0.02, num_steps=2)
    with scope:
        trainer = AdversarialTrainer(network(), defense, validation_attack="pgd-2")
        trainer.compile(
            keras.optimizers.SGD(0.001), metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=3)]
        )
    logs = trainer.fit(
        image[:16],
        label[:16],
        batch_size=8,
        epochs=2,
        shuffle=False,
        verbose=0,
        validation_data=(image, label),
    ).history
    logits = trainer.network(image).numpy()
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits).numpy()
    return {
        "logs": logs,
        "evaluated": trainer.evaluate(image, label, batch_size=8, verbose=0, return_dict=True),
        "accuracy": float(np.mean(logits.argmax(axis=1) == label)),
        "loss": float(loss.mean()),
        "predicted": float(np.abs(trainer.predict(image, batch_size=8, verbose=0) - logits).max()),
    }


def outside(strategy):
    """Returns the message to a metric that was made outside of the scope."""
    from fosc_tf import AdversarialTrainer, UserError, defenses

    metric = keras.metrics.SparseTopKCategoricalAccuracy(k=3)
    with strategy.scope():
        trainer = AdversarialTrainer(network(), defenses.get("unsecured"))
        try:
            trainer.compile("sgd", metrics=[metric])
        except UserError as error:
            return [error.rule, error.right, error.received]
    return None


def main():
    """Prints everything as JSON."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {"outside": outside(strategy)}
    for rows in ROWS:
        one, two = scores(contextlib.nullcontext(), rows), scores(strategy.scope(), rows)
        found[str(rows)] = {"one": one, "two": two}
    print("FOUND " + json.dumps(found))


if __name__ == "__main__":
    main()
