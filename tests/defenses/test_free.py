"""Free: equal to the loop written out, passes and updates counted, one backward pass a replay."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf import defenses
from fosc_tf.training.replay import ReplayTrainer
from tests.attacks.toys import Counted, mlp
from tests.data.three_parts import refused
from tests.defenses.by_hand import (
    EPOCHS,
    IMAGE,
    LABEL,
    RATE,
    SIZE,
    STEPS,
    batches,
    into_ball,
    trained,
)

EPSILON = 0.3


def free(**arguments):
    return defenses.get("free", **({"epsilon": EPSILON, "batch_size": SIZE} | arguments))


def by_hand(replays, length, norm="linf"):
    """Returns the weights; replays and the step's length are functions of the epoch."""
    network, delta = mlp(gain=1.5), np.zeros_like(IMAGE[:SIZE])
    for step, batch in enumerate(batches()):
        clean, epoch = batch["image"].numpy(), step // STEPS
        for _ in range(replays(epoch)):
            image = tf.constant(project(clean + delta, clean, norm))
            with tf.GradientTape() as tape:
                tape.watch(image)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=batch["label"], logits=network(image, training=True)
                )
                loss = tf.reduce_mean(loss)
            *of_weights, slope = tape.gradient(loss, [*network.trainable_variables, image])
            for variable, gradient in zip(network.trainable_variables, of_weights, strict=True):
                variable.assign_sub(RATE * gradient)
            slope = slope.numpy()
            if norm == "l2":
                slope /= np.sqrt((slope**2).sum(axis=(1, 2, 3), keepdims=True))
            else:
                slope = np.sign(slope)
            delta = project(image.numpy() + length(epoch) * slope, clean, norm) - clean
    return network.get_weights()


def project(image, clean, norm):
    if norm == "linf":
        return into_ball(image, clean, EPSILON)
    size = np.sqrt(((image - clean) ** 2).sum(axis=(1, 2, 3), keepdims=True))
    inside = clean + (image - clean) * np.minimum(1, EPSILON / np.maximum(size, 1e-12))
    return np.clip(inside, 0, 1).astype("float32")


@pytest.mark.parametrize(("replays", "norm"), [(1, "linf"), (4, "linf"), (3, "l2")])
def test_equals_the_loop_written_out(replays, norm):
    weights, logs, trainer = trained(free(replays=replays, step_size=0.1, norm=norm))
    expected = by_hand(lambda epoch: replays, lambda epoch: 0.1, norm)
    for ours, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, right, atol=1e-5)
    assert isinstance(trainer, ReplayTrainer)
    assert logs["gradients"] == [replays] * EPOCHS
    assert int(trainer.optimizer.iterations.numpy()) == EPOCHS * STEPS * replays
    assert trainer.step == EPOCHS * STEPS


def test_half_of_the_updates_replay_less():
    """Eight epochs worth of updates: two passes of two replays, then one of four, which stays."""
    defense = free(replays=4, least_replays=2, total_epochs=8, step_size=0.1)
    assert defense.passes == 3  # two of two replays, one of four
    weights, logs, _ = trained(free(replays=4, least_replays=2, total_epochs=8, step_size=0.1))
    expected = by_hand(lambda epoch: 2 if epoch < 2 else 4, lambda epoch: 0.2 if epoch < 2 else 0.1)
    for ours, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, right, atol=1e-5)
    assert logs["replays"] == [2, 2, 4, 4]
    assert logs["gradients"] == [2, 2, 4, 4]


def test_the_last_batch_may_be_smaller():
    network, defense = mlp(), free(replays=2)
    trainer = fosc_tf.AdversarialTrainer(network, defense)
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    trainer.fit(IMAGE[: SIZE + 3], LABEL[: SIZE + 3], batch_size=SIZE, verbose=0)
    assert trainer.step == 2
    refused(
        lambda: trainer.fit(IMAGE, LABEL, batch_size=2 * SIZE, verbose=0),
        rule="a perturbation for each place in the batch",
        right=f"batch_size={2 * SIZE}",
        received=f"batch_size={SIZE}",
    )


def test_steps_outside_of_fit():
    """A count that never changes needs no epoch; one that does is refused without."""
    network = mlp(gain=1.5)
    trainer = fosc_tf.AdversarialTrainer(network, free(replays=2))
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    trainer.train_on_batch(IMAGE[:SIZE], LABEL[:SIZE])
    assert int(trainer.optimizer.iterations.numpy()) == 2
    complete = keras.callbacks.CallbackList(add_history=True, model=trainer)
    trainer.fit(IMAGE, LABEL, batch_size=SIZE, verbose=0, callbacks=complete)
    assert int(trainer.optimizer.iterations.numpy()) == 2 + 2 * STEPS
    changing = free(replays=4, least_replays=2, total_epochs=8, steps_per_epoch=STEPS)
    trainer = fosc_tf.AdversarialTrainer(mlp(), changing)
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    refused(
        lambda: trainer.train_on_batch(IMAGE[:SIZE], LABEL[:SIZE]),
        rule="changes from epoch to epoch",
        right="trainer.fit",
        received="switch(before=2, after=4, epoch=2)",
    )


def test_a_replay_takes_one_pass_over_the_network():
    """Counted where the network is called: once a replay, with all examples."""
    network = mlp()
    seen = Counted(network)
    defense = free(replays=3)
    trainer = fosc_tf.AdversarialTrainer(network, defense)
    object.__setattr__(defense, "objective", lambda _, *rest: adversarial(seen, *rest))
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    trainer.fit(IMAGE, LABEL, batch_size=SIZE, verbose=0)
    assert int(seen.images.numpy()) == 3 * len(IMAGE)


def adversarial(*arguments):
    return fosc_tf.objectives.adversarial(*arguments)


@pytest.mark.parametrize(
    ("wrong", "rule", "right", "received"),
    [
        ({"replays": 8, "total_epochs": 30}, "divide the epochs", "total_epochs=32", "30 with"),
        (
            {"replays": 4, "least_replays": 2, "total_epochs": 12},
            "half of the updates with fewer",
            "total_epochs=16",
            "replays=4 and least_replays=2",
        ),
        ({"replays": 0}, "whole number >= 1", "replays=8", "replays=0"),
        ({"replays": 4, "least_replays": 2}, "total_epochs", "80", "None"),
        ({"batch_size": None}, "each place in the batch", "batch_size=128", "None"),
        ({"epsilon": 8}, "(0, 1]", "8/255", "epsilon=8"),
    ],
)
def test_mistakes(wrong, rule, right, received):
    refused(lambda: free(**wrong), rule=rule, right=right, received=received)
