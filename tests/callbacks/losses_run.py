"""Records losses on one and on two replicas, in a process of its own.

python -m tests.callbacks.losses_run      # prints a JSON object with what it found
"""

import contextlib
import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from tests.training import two_replicas

SIZE, STEPS, EPOCHS = 8, 2, 2


def recorded(name, arguments, scope):
    """Returns losses and errors [epochs, n] and the difficulty of a training on shuffled ids."""
    from fosc_tf import AdversarialTrainer, analysis, callbacks, defenses, models

    random = np.random.default_rng(0)
    count = SIZE * STEPS
    batches = {
        "image": random.uniform(size=(count, 8, 8, 1)).astype("float32"),
        "label": random.integers(0, 10, count),
        "id": random.permutation(count),
    }
    dataset = tf.data.Dataset.from_tensor_slices(batches).batch(SIZE, drop_remainder=True)
    with scope:
        network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
        defense = defenses.get(name, **arguments)
        trainer = AdversarialTrainer(network, defense)
        trainer.compile(optimizer="sgd")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        watcher = callbacks.ExampleLosses(path / "losses", count)
        trainer.fit(dataset, epochs=EPOCHS, verbose=0, callbacks=[watcher])
        recording = analysis.Recording(path)
        losses, errors = recording.every_loss(), recording.every_loss("error")
        return losses, errors, analysis.difficulty_of_run(path)


def main():
    """Prints, by defense, how far the two are apart."""
    strategy = two_replicas.strategy()
    from tests.defenses.arguments import arguments_of

    found = {}
    for name in ("standard", "free", "trades"):
        arguments = arguments_of(name) | ({"batch_size": SIZE} if name == "free" else {})
        one = recorded(name, arguments, contextlib.nullcontext())
        two = recorded(name, arguments, strategy.scope())
        found[name] = {
            "shape": list(one[0].shape),
            "unknown": int(np.isnan([*one[0], *two[0]]).sum()),
            "losses": float(np.abs(one[0] - two[0]).max()),
            "errors": float(np.abs(one[1] - two[1]).max()),
            "difficulty": float(np.abs(one[2] - two[2]).max()),
            "spread": float(np.ptp(one[0])),
        }
    two_replicas.tell(found)


if __name__ == "__main__":
    main()
