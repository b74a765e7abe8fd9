"""Measures the updates of trainers of each order on one and on two replicas.

python -m tests.training.two_replica_updates      # prints a JSON object
"""

from tests.training import two_replicas

SIZE, STEPS = 8, 2
DEFENSES = {
    "standard": {"num_steps": 2},
    "free": {"replays": 2, "batch_size": SIZE},
    "yopo": {"num_passes": 2, "num_steps": 2},
}


def rows(name):
    """Returns the updates [n, 4] of a few steps, and the weights that come of them."""
    import keras

    from fosc_tf import AdversarialTrainer, defenses, models
    from fosc_tf.callbacks import Updates
    from tests.attacks.toys import images, labels

    network = models.get("digits_mlp", input_shape=(4, 4, 1), num_classes=3)
    defense = defenses.get(name, epsilon=0.1, **DEFENSES[name])
    trainer = AdversarialTrainer(network, defense)
    trainer.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    updates = Updates(100)
    data = images(SIZE * STEPS), labels(SIZE * STEPS)
    trainer.fit(*data, batch_size=SIZE, shuffle=False, verbose=0, callbacks=[updates])
    return updates.ledger.updates[0]


if __name__ == "__main__":
    strategy = two_replicas.strategy()
    one = {name: rows(name).tolist() for name in DEFENSES}
    with strategy.scope():
        two = {name: rows(name).tolist() for name in DEFENSES}
    two_replicas.tell({"one": one, "two": two})
