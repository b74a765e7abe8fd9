"""White-box accuracy: the attacker knows the network; the table every paper starts with.

rows = white_box(network, dataset, epsilon=0.3, attacks=("clean", "fgsm", "pgd-20"))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import presets
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.errors import UserError
from fosc_tf.training.first_batch import check_batch
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
        UserError: unknown attack, epsilon out of range, empty or endless dataset, images or labels
            that do not fit the network.
    """
    check_epsilon(epsilon, norm)
    made = {
        name: None
        if name == "clean"
        else presets.get(name, epsilon=epsilon, step_size=step_size, norm=norm)
        for name in attacks
    }
    if (
        isinstance(dataset, tf.data.Dataset)
        and dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    ):
        raise UserError("the dataset must end", "one without repeat()", "an endless dataset")
    rows = []
    for name, attack in made.items():
        # What the first attack has seen, the others need not look at again.
        batches = dataset if rows else _checked(network, dataset)
        accuracy, n = accuracy_under(network, attack)(batches, seed)
        parameters = {"seed": seed} | ({} if attack is None else attack.parameters())
        rows.append({"attack": name, "accuracy": accuracy, "n": n, "parameters": parameters})
    return rows


def _checked(network: Any, dataset: tf.data.Dataset) -> Iterator[Batch]:
    """Yields the batches, each looked at first; raises `UserError` when there is none."""
    empty = True
    for data in dataset:
        empty = False
        yield check_batch(network, data)
    if empty:
        raise UserError("the dataset must not be empty", "at least one batch", "no batch")


def accuracy_under(
    network: Any, attack: Attack | None
) -> Callable[[Iterable[Any], int], tuple[float, int]]:
    """Returns `measure(batches, seed) -> (accuracy in 0..1, n)`, compiled once for every use.

    Args:
        network: maps images to logits.
        attack: None measures clean accuracy.
    """

    def hits(image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        if attack is not None:
            image = attack(network, image, label, seed=seed, step=step).image
        choice = tf.argmax(network(image, training=False), axis=1)
        return tf.reduce_sum(tf.cast(choice == tf.cast(label, tf.int64), tf.int32))

    compiled: dict[tuple[int, ...], Callable[..., tf.Tensor]] = {}

    def measure(batches: Iterable[Any], seed: int) -> tuple[float, int]:
        right = n = 0
        for number, data in enumerate(batches):
            batch = Batch.of(data).cast()
            shape = tuple(batch.image.shape[1:])
            if shape not in compiled:
                # One trace for the last, smaller batch too.
                number_spec = tf.TensorSpec([], tf.int64)
                compiled[shape] = tf.function(
                    hits,
                    autograph=False,
                    input_signature=[
                        tf.TensorSpec([None, *shape], tf.float32),
                        tf.TensorSpec([None], tf.int32),
                        number_spec,
                        number_spec,
                    ],
                )
            numbers = tf.constant([seed, number], tf.int64)
            right += int(compiled[shape](batch.image, batch.label, numbers[0], numbers[1]))
            n += len(batch.label)
        return right / n, n

    return measure
