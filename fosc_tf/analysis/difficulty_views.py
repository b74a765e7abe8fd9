"""Hard and easy training examples: ten groups epoch by epoch, their pictures, overfitting.

arrays = groups_by_epoch(Recording(folder))
arrays = hardest(Recording(folder), x_train, y_train)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.analysis.difficulty import GROUPS, difficulty, groups
from fosc_tf.analysis.recording import Recording
from fosc_tf.analysis.store import Arrays
from fosc_tf.choice import best_of
from fosc_tf.errors import UserError
from fosc_tf.models.graph import walk
from fosc_tf.number import whole


def groups_by_epoch(recording: Recording, norms: np.ndarray | None = None) -> Arrays:
    """Returns mean loss and error of each tenth of the training examples, epoch by epoch.

    Source: Liu 2022 (thesis), section 4.3.2. Departure: the feature norms are those of the last
    network alone, as those of each epoch would take a pass of their own.

    Args:
        recording: of a run; its own losses decide who is hard.
        norms: [n], of `feature_norms` by id, NaN where not taken; None without.

    Returns:
        `group` [10], 0 the hardest tenth, `count` [10] and `norm` [10], mean l2 norms; `epoch`
        [epochs], 0-based; `loss` in nats and `error` in 0..1, [epochs, 10], NaN where none of a
        group was seen; `training_error` and `held_out_error` [epochs] under attack, NaN where not
        measured.

    Raises:
        UserError: a run without recorded losses.
    """
    losses, errors = recording.every_loss(), recording.every_loss("error")
    group = groups(difficulty(losses))
    members = [group == number for number in range(GROUPS)]
    rows = {int(row["epoch"]): row for row in recording.history}
    arrays = {
        "group": np.arange(GROUPS),
        "count": np.array([each.sum() for each in members]),
        "epoch": np.array(recording.epochs_of_losses),
        "loss": np.stack([_mean(losses[:, each]) for each in members], axis=1),
        "error": np.stack([_mean(errors[:, each]) for each in members], axis=1),
    }
    known = np.full(len(group), np.nan) if norms is None else norms
    arrays["norm"] = np.array([_mean(known[None, each])[0] for each in members])
    for name, field in (("training", "accuracy"), ("held_out", "held_out_robust")):
        found = [rows.get(epoch, {}).get(field, np.nan) for epoch in arrays["epoch"]]
        arrays[f"{name}_error"] = 1.0 - np.array(found, float)
    return arrays


def hardest(recording: Recording, image: np.ndarray, label: np.ndarray, *, each: int = 5) -> Arrays:
    """Returns the hardest and the easiest training images of each class.

    Source: Liu 2022 (thesis), section 4.3.1.

    Args:
        recording: of a run.
        image: [n, h, w, c], uint8 or floating in [0, 1], of all training images by id.
        label: [n] int.
        each: how many hard and how many easy ones.

    Returns:
        `class` [classes]; `image` [classes, 2 * each, h, w, c] float32 in [0, 1], the hardest
        first and the easiest last; `id` int64, -1 and a blank image where a class has fewer, and
        `difficulty`, [classes, 2 * each].

    Raises:
        UserError: a run without recorded losses, or one on other images.
    """
    each, hard = whole("each", each, least=1), difficulty(recording.every_loss())
    if len(hard) != len(image):
        raise UserError(
            "difficulty must be that of the same training set",
            f"losses of {len(image)} examples",
            f"{recording.folder}: {len(hard)} examples",
        )
    classes = np.unique(label)
    ids = np.full([len(classes), 2 * each], -1, np.int64)
    for row, number in zip(ids, classes, strict=True):
        (own,) = np.nonzero((label == number) & ~np.isnan(hard))
        own = own[np.argsort(hard[own], kind="stable")]
        least = min(each, len(own))
        row[:least], row[len(row) - least :] = own[:least], own[len(own) - least :]
    shown = image[ids].astype(np.float32) / (255 if image.dtype == np.uint8 else 1)
    unknown = ids < 0
    shown[unknown] = 1.0
    return {
        "class": classes,
        "image": shown,
        "id": ids,
        "difficulty": np.where(unknown, np.nan, hard[ids]),
    }


def overfitting(recording: Recording) -> Arrays:
    """Returns how far robust accuracy on training and on held-out images part, epoch by epoch.

    Source: Liu 2022 (thesis), section 4.3. The training accuracy is that under the defense's own
    attack while the weights move, the held-out one that of `evaluation.held_out_attack`.

    Returns:
        `epoch` [epochs], 0-based, those with a held-out accuracy; `training` and `held_out`
        accuracy in 0..1 and `gap`, their difference, [epochs]; `best` and `last`, the epochs of
        the best held-out accuracy and of the end.

    Raises:
        UserError: a run that measured no held-out images under attack.
    """
    rows = [row for row in recording.history if "held_out_robust" in row]
    if not rows:
        raise UserError(
            "overfitting is seen on held-out images under attack",
            "data.held_out and evaluation.held_out_every above 0",
            f"{recording.folder} without held_out_robust in its history",
        )
    training = np.array([row.get("accuracy", np.nan) for row in rows], float)
    held_out = np.array([row["held_out_robust"] for row in rows], float)
    return {
        "epoch": np.array([row["epoch"] for row in rows]),
        "training": training,
        "held_out": held_out,
        "gap": training - held_out,
        "best": np.array(best_of([{**row, "held_out_verified": None} for row in rows])["epoch"]),
        "last": np.array(rows[-1]["epoch"]),
    }


def feature_norms(network: Any, image: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
    """Returns l2 norms [n] float32 of what the last dense layer takes, in evaluation mode.

    Source: Liu 2022 (thesis), section 4.3.2. Departure: at clean images.

    Args:
        network: functional or sequential, ending with a dense layer.
        image: [n, h, w, c], uint8 or floating in [0, 1].
        batch_size: images at a time.

    Raises:
        UserError: a network whose last layer with weights is not dense.
    """
    graph = walk(network)
    weighted = [] if graph is None else [each for each in graph.nodes if each.layer.weights]
    if not weighted or not hasattr(weighted[-1].layer, "units"):
        raise UserError(
            "penultimate features are what the last dense layer takes",
            "a functional network that ends with keras.layers.Dense",
            f"{type(network).__name__} {getattr(network, 'name', '')}",
        )
    last = weighted[-1]

    @tf.function(autograph=False)
    def norms(batch: tf.Tensor) -> tf.Tensor:
        seen = []

        def called(node: Any) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                if node is last:
                    seen.append(args[0])
                return node.layer(*args, **kwargs)

            return call

        graph.run(batch, called)
        return tf.norm(tf.cast(tf.reshape(seen[0], [tf.shape(batch)[0], -1]), tf.float32), axis=1)

    scale = 255.0 if image.dtype == np.uint8 else 1.0
    starts = range(0, len(image), batch_size)
    found = [norms(np.float32(image[n : n + batch_size] / scale)).numpy() for n in starts]
    return np.concatenate([np.zeros(0, np.float32), *found])


def _mean(values: np.ndarray) -> np.ndarray:
    """Returns the mean of each row over what is known, [rows] float64, NaN where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=1, dtype=float)
    return np.divide(total, known.sum(axis=1), out=np.full(len(values), np.nan), where=known.any(1))
