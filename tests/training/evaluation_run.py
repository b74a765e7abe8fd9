"""Trains and evaluates on one and on two replicas, in a process of its own.

python -m tests.training.evaluation_run      # prints a JSON object with what it found
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from tests.training import two_replicas

ROWS = (16, 21, 17)  # even batches; a last one of 5, shared as 3 and 2; one of 1, of 1 and none


def scores(scope, rows):
    """Returns logs of two epochs with validations, an evaluation, and what the state lacks."""
    from fosc_tf import AdversarialTrainer, defenses
    from tests.training.habits import linear

    random = np.random.default_rng(0)
    image = random.uniform(size=(rows, 8, 8, 1)).astype("float32")
    # Most are right clean and some of these attacked.
    label = linear()(image).numpy().argmax(axis=1)
    label[::5] = (label[::5] + 1) % 10
    defense = defenses.get("standard", epsilon=0.02, num_steps=2)
    with scope:
        trainer = AdversarialTrainer(linear(), defense, validation_attack="pgd-2")
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
    from fosc_tf import AdversarialTrainer, defenses
    from tests.training.habits import linear

    metric = keras.metrics.SparseTopKCategoricalAccuracy(k=3)
    with strategy.scope():
        trainer = AdversarialTrainer(linear(), defenses.get("unsecured"))
        return two_replicas.message_of(lambda: trainer.compile("sgd", metrics=[metric]))


def main():
    """Prints everything as JSON."""
    strategy = two_replicas.strategy()
    found = {"outside": outside(strategy)}
    for rows in ROWS:
        one, two = scores(contextlib.nullcontext(), rows), scores(strategy.scope(), rows)
        found[str(rows)] = {"one": one, "two": two}
    two_replicas.tell(found)


if __name__ == "__main__":
    main()
