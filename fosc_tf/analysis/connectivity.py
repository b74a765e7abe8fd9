"""Loss and error along a curve of weights and along the straight line between its ends.

arrays = connectivity(network, curve, image, label, train_image=x_train, attack=PGD(...))
arrays["t"], arrays["curve_attacked_loss"], arrays["line_clean_error"]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf import signs
from fosc_tf.analysis.bezier import Curve
from fosc_tf.analysis.exposure import Exposure
from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.weight_loss import BATCH_SIZE, put_back
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.objectives import adversarial
from fosc_tf.training.settling import settle
from fosc_tf.types import Defense


def connectivity(
    network: Any,
    curve: Curve,
    image: np.ndarray,
    label: np.ndarray,
    *,
    train_image: np.ndarray | None = None,
    attack: Any = None,
    t: Sequence[float] | None = None,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Arrays:
    """Returns mean loss and error at points of the curve and of the straight line.

    The network is in evaluation mode and all its variables are put back. The statistics of batch
    norms are estimated anew at every t from clean training images, at the ends too: there they
    differ from those that training left. Numbers of each t stand alone, so that a caller may ask
    for a few at a time.

    Source: Liu 2022 (thesis), section 4.2.3.

    Args:
        network: Keras network of the architecture of the ends.
        curve: of `connect`; of degree 1 it is the straight line, and there are no arrays of that.
        image: [n, height, width, channels] float32 in [0, 1], to be judged.
        label: [n] int in 0..num_classes-1.
        train_image: [m, height, width, channels] float32 in [0, 1], for batch norms; a network
            without any needs none.
        attack: of `fosc_tf.attacks`, or a function around one, run anew at each t; None judges
            clean images only.
        t: in [0, 1]; None is 21 numbers, 0 to 1.
        seed: of the attack's random numbers.
        batch_size: images that the network sees together.

    Returns:
        `t` [points], and for "curve" and "line", "clean" and "attacked": `curve_clean_loss`
        [points] in nats, `curve_clean_error` [points], a share in [0, 1], and so on; float64.

    Raises:
        UserError: what does not fit, a network with batch norms without `train_image`, a t out of
            its range.
    """
    points = np.asarray(np.linspace(0.0, 1.0, 21) if t is None else t, np.float64)
    if points.ndim != 1 or not points.size or not ((points >= 0) & (points <= 1)).all():
        raise UserError("t must be numbers in [0, 1]", "t=[0.0, 0.5, 1.0]", f"t={t!r}")
    norms = any(isinstance(e, keras.layers.BatchNormalization) for e in all_layers(network))
    if norms and train_image is None:
        raise UserError(
            "batch norms need images to estimate their statistics from",
            "train_image=x_train",
            "train_image=None for a network with batch norms",
        )
    exposure = Exposure(network, image, label, attack, seed=seed, batch_size=batch_size)
    paths = {"curve": curve} | ({"line": curve.straight()} if curve.degree > 1 else {})
    found: dict[str, list[float]] = {}
    with put_back(network.variables), signs.work("connectivity", total=len(points)) as at_work:
        for place in points.tolist():
            for name, path in paths.items():
                path.put(network, place)
                if norms:
                    _estimate(network, train_image, batch_size)
                seen = {"clean": exposure.clean()}
                if attack is not None:
                    seen["attacked"] = exposure.attacked()
                for images, each in seen.items():
                    found.setdefault(f"{name}_{images}_loss", []).append(float(each.loss.mean()))
                    found.setdefault(f"{name}_{images}_error", []).append(each.error)
            at_work.advance()
    return {"t": points} | {name: np.array(each) for name, each in found.items()}


def _estimate(network: Any, image: np.ndarray, batch_size: int) -> None:
    """Sets the statistics of batch norms to those of clean images."""
    settle(
        network,
        Defense(attack=None, objective=adversarial),
        (
            (rows := image[first : first + batch_size], tf.zeros([len(rows)], tf.int32))
            for first in range(0, len(image), batch_size)
        ),
    )
