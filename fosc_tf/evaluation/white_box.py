"""White-box accuracy: the attacker knows the network; the table every paper starts with.

rows = white_box(network, dataset, epsilon=0.3, attacks=("clean", "fgsm", "pgd-20"))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import presets
from fosc_tf.attacks.limits import check_epsilon, check_examples
from fosc_tf.errors import UserError
from fosc_tf.types import Attack, Batch


def white_box(
    network: Any,
    dataset: tf.data.Dataset,
    *,
    epsilon: float,
    attacks: Sequence[str] = ("clean", "fgsm", "pgd-10", "pgd-20", "cw-linf"),
    norm: str = "linf",
    step_size: float | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Returns the accuracy of `network` under each attack, on the final iterate of each.

    Source: Wang et al. 2019, section 5.1 and Table 1.

    Args:
        network: a Keras model or an `export.load`ed one, from images to logits.
        dataset: batches of (image, label), or dicts with these; images float32 in [0, 1].
        epsilon: radius of the ball over pixels in [0, 1].
        attacks: "clean" or names that `fosc_tf.attacks.get` knows.
        norm: "linf", "l2" or "l1".
        step_size: of the iterated attacks; None takes each preset's own, epsilon / 4.
        seed: with the number of the batch it decides the random starts.

    Returns:
        A dict for each attack, in order: attack, accuracy in 0..1, n, parameters.

    Raises:
        UserError: unknown attack, epsilon out of range, empty dataset, images or labels that do
            not fit the network.
    """
    check_epsilon(epsilon, norm)
    made = {
        name: None
        if name == "clean"
        else presets.get(name, epsilon=epsilon, step_size=step_size, norm=norm)
        for name in attacks
    }
    first = next(iter(dataset), None)
    if first is None:
        raise UserError("the dataset must not be empty", "at least one batch", "no batch")
    batch = Batch.of(first)
    check_examples(network, batch.image, batch.label)
    rows = []
    for name, attack in made.items():
        accuracy, n = accuracy_under(network, attack)(dataset, seed)
        parameters = {"seed": seed} | ({} if attack is None else attack.parameters())
        rows.append({"attack": name, "accuracy": accuracy, "n": n, "parameters": parameters})
    return rows


def accuracy_under(
    network: Any, attack: Attack | None
) -> Callable[[tf.data.Dataset, int], tuple[float, int]]:
    """Returns `measure(dataset, seed) -> (accuracy in 0..1, n)`, compiled once for every use.

    Args:
        network: maps images to logits; has an `input_shape`.
        attack: None measures clean accuracy.
    """

    # One trace for the last, smaller batch too.
    signature = [
        tf.TensorSpec([None, *network.input_shape[1:]], tf.float32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([], tf.int64),
        tf.TensorSpec([], tf.int64),
    ]

    @tf.function(autograph=False, input_signature=signature)
    def hits(image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        if attack is not None:
            image = attack(network, image, label, seed=seed, step=step).image
        choice = tf.argmax(network(image, training=False), axis=1)
        return tf.reduce_sum(tf.cast(choice == tf.cast(label, tf.int64), tf.int32))

    def measure(dataset: tf.data.Dataset, seed: int) -> tuple[float, int]:
        right = n = 0
        for number, data in enumerate(dataset):
            batch = Batch.of(data)
            numbers = tf.constant([seed, number], tf.int64)
            label = tf.cast(batch.label, tf.int32)
            right += int(hits(batch.image, label, numbers[0], numbers[1]))
            n += len(batch.label)
        return right / n, n

    return measure
