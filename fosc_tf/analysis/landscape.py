"""The loss around one image, on the plane in which climbs have gone, and the climbs in it.

attacks = {"PGD-2": PGD(...), "PGD-40": PGD(...)}
arrays = landscape(network, image, label, attacks)      # image: [height, width, channels]
arrays["loss"], arrays["path_0"]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.analysis.store import Arrays
from fosc_tf.attacks import PGD
from fosc_tf.attacks.limits import check_draw, check_examples
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import whole
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch, Point

AXES = ("rademacher", "principal")
_ROOM = 1.15  # around what is shown
_AT_ONCE = 500  # images of the plane that the network sees together


def landscape(
    network: Any,
    image: np.ndarray,
    label: int,
    attacks: Mapping[str, PGD],
    *,
    points: int = 100,
    second: str = "rademacher",
    seed: int = 0,
) -> Arrays:
    """Returns the cross-entropy on a plane through `image`, and the climbs projected on it.

    Source: Ye et al. 2021, appendix C. The first axis is the principal component of the vectors
    from the clean image to the points of all climbs; the second one is a random vector of signs
    (Rademacher). The loss is that of clean + x * first + y * second on a grid of 100 x 100.
    Departures: both axes have length 1 and the second one is made orthogonal to the first, so that
    coordinates are l2 distances. "principal" takes the second principal component instead, in which
    climbs differ more. Points of the plane are neither clipped to [0, 1] nor to the ball, in which
    the climbs themselves stay.

    Args:
        network: maps images to logits.
        image: [height, width, channels] float32 in [0, 1], clean.
        label: int in 0..num_classes-1.
        attacks: by name; PGDs of fixed length without a gate.
        points: of the grid along each axis, at least 2.
        second: one of `AXES`.
        seed: of random starts and of the random axis.

    Returns:
        `x`, `y` [points], l2 distances, and `loss` [points of y, points of x] in nats; `name`
        [attacks]; of attack i with K steps `path_i` [K + 1, 2], its points projected, `height_i`
        [K + 1], the loss at the points themselves, and `off_i`, how far its end is from the plane,
        l2. All float32 but the names.

    Raises:
        UserError: an image or label that does not fit, no attack or one that has no trace, climbs
            that do not leave the image, a number or name out of its range.
    """
    whole("points", points, least=2)
    if second not in AXES:
        raise unknown_name("second axis", second, AXES)
    image, label = check_examples(network, np.asarray(image)[None], np.asarray([label]))
    seed, step = check_draw(seed, 0)
    if not attacks:
        raise UserError("a landscape shows climbs", '{"PGD-10": PGD(...)}', "no attack")
    batch, climbs = Batch(image, label, {}), {}
    for name, attack in attacks.items():
        if attack.gate is not None or not isinstance(attack.num_steps, int):
            raise UserError(
                "a climb that is followed has a fixed number of steps",
                "PGD(..., num_steps=10, gate=None)",
                f"{name}: num_steps={attack.num_steps!r}, gate={attack.gate!r}",
            )
        attack.check(image.shape[1:])
        climbs[name] = _followed(attack, network, batch, seed, step)
    clean = np.reshape(image, -1).astype(np.float64)
    moved = [np.reshape(passed, [len(passed), -1]) - clean for passed, _ in climbs.values()]
    axes = _axes(np.concatenate(moved), second, int(seed))
    paths = [vectors @ axes.T for vectors in moved]
    # One unit on both axes, and the clean image in the middle.
    reach = _ROOM * max(np.abs(path).max() for path in paths)
    grid = np.linspace(-reach, reach, points)
    y, x = np.meshgrid(grid, grid, indexing="ij")
    plane = np.stack([x.ravel(), y.ravel()], axis=1)
    found = {
        "x": grid,
        "y": grid,
        "loss": _heights(network, image, label, plane, axes).reshape(x.shape),
    }
    for i, (vectors, path, (_, heights)) in enumerate(
        zip(moved, paths, climbs.values(), strict=True)
    ):
        off = np.linalg.norm(vectors[-1] - path[-1] @ axes)
        found |= {f"path_{i}": path, f"height_{i}": heights, f"off_{i}": off}
    return {name: np.asarray(each, np.float32) for name, each in found.items()} | {
        "name": np.array(list(climbs))
    }


def _followed(
    attack: PGD, network: Any, batch: Batch, seed: np.int64, step: np.int64
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images [K + 1, ...] that a climb passes through, and their cross-entropy."""

    def watch(point: Point) -> tuple[tf.Tensor, tf.Tensor]:
        return point.image, cross_entropy(point.logits, batch.label)

    @tf.function(autograph=False)
    def climbed() -> list[tf.Tensor]:
        climb, start = attack.begin(network, batch, seed, step)
        return climb.watched(start, attack.num_steps, watch)[1]

    images, heights = climbed()
    return images.numpy()[:, 0], heights.numpy()[:, 0]


def _axes(vectors: np.ndarray, second: str, seed: int) -> np.ndarray:
    """Returns two orthonormal axes [2, features]; climbs go towards the positive side of the first.

    Args:
        vectors: [n, features], from the clean image.
        second: one of `AXES`.
        seed: of the random one.
    """
    centred = vectors - vectors.mean(axis=0)
    _, sizes, components = np.linalg.svd(centred, full_matrices=False)
    if not sizes[0] > 0:
        raise UserError("the climbs must leave the image", "a network with gradients", "0 moved")
    first = components[0] * (np.sign(vectors[-1] @ components[0]) or 1.0)
    if second == "principal" and sizes[1:2] > 1e-6 * sizes[0]:
        return np.stack([first, components[1]])
    signs = np.where(np.random.Philox(key=seed).random_raw(len(first)) % 2, 1.0, -1.0)
    rest = signs - (signs @ first) * first
    return np.stack([first, rest / np.linalg.norm(rest)])


def _heights(
    network: Any, image: tf.Tensor, label: tf.Tensor, plane: np.ndarray, axes: np.ndarray
) -> np.ndarray:
    """Returns the cross-entropy at the points [n, 2] of the plane."""
    found = []
    for start in range(0, len(plane), _AT_ONCE):
        part = plane[start : start + _AT_ONCE]
        moved = tf.constant((part @ axes).reshape(-1, *image.shape[1:]), tf.float32)
        logits = tf.cast(network(image + moved, training=False), tf.float32)
        found.append(cross_entropy(logits, tf.repeat(label, len(part))).numpy())
    return np.concatenate(found)
