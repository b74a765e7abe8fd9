"""How far the perturbations of an attack turn when the weights move.

v = hessian_eigenvalues(network, image, label, k=1, epsilon=0.3).vectors[0]
arrays = perturbation_cosine(network, image, label, v, [0.0, 0.5, 1.0], attack)
arrays["cosine"], arrays["error_plus"]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fosc_tf.analysis.exposure import Exposure
from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.weight_loss import BATCH_SIZE, move, put_back, trainable
from fosc_tf.errors import UserError


def perturbation_cosine(
    network: Any,
    image: np.ndarray,
    label: np.ndarray,
    direction: np.ndarray,
    distances: Sequence[float],
    attack: Any,
    *,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Arrays:
    """Returns the cosine between the perturbations found at weights + a v and weights - a v.

    v is `direction` made as long as 1. The attack runs anew at each of both, with the same random
    numbers. Where its gradients vanish the common start is left, which counts as not turned: look
    at the errors beside the cosine. The network is in evaluation mode, what is not trainable, such
    as the statistics of batch norms, stays, and all weights are put back.

    Source: Liu 2022 (thesis), section 4.2.3: near 1 along a random direction, falling fast along
    the first eigenvectors of the Hessian. Departure: on the images given, not the whole training
    set; the thesis takes the mean of four runs, here one for each `seed`.

    Args:
        network: maps images to logits; has `trainable_variables`.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        direction: [weights] floating, one after the other as in `network.trainable_variables`, such
            as a row of `Spectrum.vectors` or of `random_directions`.
        distances: a, l2 in weights.
        attack: of `fosc_tf.attacks`, or a function around one.
        seed: of the attack's random numbers.
        batch_size: images that are attacked together.

    Returns:
        `distance` [distances]; `cosine`, the mean over the images, `standard_error` of this mean,
        NaN for fewer than two images, and `known`, the share of images that it is taken of: those
        of which neither perturbation is 0; `error_plus` and `error_minus`, shares in [0, 1] of the
        attacked images that the network errs on. All [distances] float64.

    Raises:
        UserError: images, labels or an attack that do not fit, a direction of another shape, not
            finite or 0, distances that are none, no trainable weights.
    """
    weights = trainable(network)
    vector = _unit(direction, sum(int(np.prod(each.shape)) for each in weights))
    distances = _checked(distances)
    if attack is None:
        raise UserError(
            "perturbations are those of an attack",
            "attack=PGD(epsilon=0.3, step_size=0.075, num_steps=10)",
            "attack=None",
        )
    exposure = Exposure(network, image, label, attack, seed=seed, batch_size=batch_size)
    rows = []
    with put_back(weights) as kept:
        here = np.concatenate([each.ravel().astype(np.float64) for each in kept])
        for distance in distances:
            seen = []
            for side in (1, -1):
                move(weights, here + side * distance * vector)
                seen.append(exposure.attacked())
            cosines = _cosines(*(each.image - exposure.image.numpy() for each in seen))
            known = cosines[np.isfinite(cosines)]
            mean = known.mean() if known.size else np.nan
            error = known.std(ddof=1) / np.sqrt(known.size) if known.size > 1 else np.nan
            rows.append((mean, error, known.size / cosines.size, *(each.error for each in seen)))
    names = ("cosine", "standard_error", "known", "error_plus", "error_minus")
    return {"distance": distances} | dict(zip(names, np.array(rows, np.float64).T, strict=True))


def _unit(direction: np.ndarray, size: int) -> np.ndarray:
    direction = np.asarray(direction, np.float64)
    length = np.linalg.norm(direction)
    if direction.shape != (size,) or not 0 < length < np.inf:
        raise UserError(
            "a direction is one finite vector over all trainable weights, not 0",
            f"an array [{size}], such as random_directions(network)[0]",
            f"an array of shape {list(direction.shape)} and length {length:g}",
        )
    return direction / length


def _checked(distances: Sequence[float]) -> np.ndarray:
    found = np.asarray(distances)
    numbers = np.issubdtype(found.dtype, np.number) and not np.iscomplexobj(found)
    if found.ndim != 1 or not found.size or not numbers or not np.isfinite(found).all():
        raise UserError(
            "distances are finite numbers", "distances=[0.0, 0.5, 1.0]", f"distances={distances!r}"
        )
    return found.astype(np.float64)


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns [n], NaN where one of the two is 0."""
    one, other = (np.reshape(each, [len(each), -1]).astype(np.float64) for each in (one, other))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(one * other, axis=1) / lengths
