"""The climbs of a whole dataset, step by step, and what they have in common.

seen = traces(network, batches, PGD(epsilon=0.3, step_size=0.075, num_steps=10))
seen["fosc_box"][-1]      # [n], after the last step
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.analysis.store import Arrays
from fosc_tf.attacks import PGD, trace
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.limits import check_draw
from fosc_tf.errors import UserError

FIELDS = ("hit", "loss", "fosc_ball", "fosc_box")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def traces(network: Any, dataset: tf.data.Dataset, attack: PGD, *, seed: int = 0) -> Arrays:
    """Returns what every example of `dataset` passes through under `attack`.

    Args:
        network: maps images to logits; has an `input_shape`.
        dataset: batches of (image, label), or dicts with these; images float32 in [0, 1].
        attack: a PGD of fixed length K without a gate.
        seed: with the number of the batch it decides the random starts, as in `white_box` where
            nobody is wrong without the attack: there it attacks the others only.

    Returns:
        `hit` [K + 1, n] bool, `loss`, `fosc_ball` and `fosc_box` [K + 1, n] float32 in loss units;
        row 0 is the start.

    Raises:
        UserError: empty dataset, images or labels that do not fit, an attack that has no trace.
    """
    seed, _ = check_draw(seed, 0)
    shape, whole = [None, *network.input_shape[1:]], tf.TensorSpec([], tf.int64)
    like = [tf.TensorSpec(shape, tf.float32), tf.TensorSpec([None], tf.int32), whole, whole]

    # One trace of the graph for the last, smaller batch too.
    @tf.function(autograph=False, input_signature=like)
    def climb(image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor, step: tf.Tensor) -> list:
        seen = trace(attack, network, image, label, seed=seed, step=step)
        return [getattr(seen, name) for name in FIELDS]

    parts = []
    for number, data in enumerate(dataset):
        batch = check_batch(network, data)
        seen = climb(batch.image, batch.label, *tf.constant([seed, number], tf.int64))
        parts.append([values.numpy() for values in seen])
    if not parts:
        raise UserError("the dataset must not be empty", "at least one batch", "no batch")
    joined = (np.concatenate(values, axis=1) for values in zip(*parts, strict=True))
    return dict(zip(FIELDS, joined, strict=True))


def picked(seen: Arrays, number: int, *, seed: int = 0) -> Arrays:
    """Returns the traces of `number` examples drawn at random, and `index` [number], which.

    Source: Wang et al. 2019, Figure 1b, which shows 20. Fewer where there are fewer examples.

    Args:
        seen: from `traces`.
        number: at least 1.
        seed: decides alone, with the number of examples, who is drawn.
    """
    n = seen["loss"].shape[1]
    # NumPy promises the raw stream of Philox for all versions, but not `choice`.
    order = np.argsort(np.random.Philox(key=seed).random_raw(n), kind="stable")
    index = np.sort(order[:number])
    return {"index": index} | {name: seen[name][:, index] for name in FIELDS}


def step_curves(seen: Arrays, *, upper: float = 0.1) -> Arrays:
    """Returns how accuracy, loss and FOSC move with the steps, over all examples.

    Args:
        seen: from `traces`, K + 1 rows.
        upper: end of the range [0, upper] whose share is taken, loss units.

    Returns:
        `step` [K + 1]; `accuracy` [K + 1] in 0..1; for loss, fosc_ball and fosc_box their mean
        `NAME_mean` [K + 1] and quantiles `NAME_quantiles` [5, K + 1] at `quantile` [5]; for both
        criteria `NAME_share` [K + 1], the share of examples in [0, upper].
    """
    curves = {
        "step": np.arange(len(seen["loss"])),
        "quantile": np.array(QUANTILES),
        "upper": np.array(upper),
        "accuracy": seen["hit"].mean(axis=1),
    }
    for name in FIELDS[1:]:
        values = seen[name].astype(np.float64)
        curves[f"{name}_mean"] = values.mean(axis=1)
        curves[f"{name}_quantiles"] = np.quantile(values, QUANTILES, axis=1)
        if name != "loss":
            curves[f"{name}_share"] = (values <= upper).mean(axis=1)
    return curves
