"""The loss of linear classifiers under attack: sharper with epsilon, and at last won by a constant.

binary_loss(weights, examples, label, epsilon=0.3)
curvature_range(weights, examples, label, epsilons=(0.0, 0.1, 0.2))  # its ends
critical_epsilon(weights, examples, label)  # from here on log K is better
constant_radius(examples, label, num_classes=3)  # ... than all weights
kink(epsilons=(0.6, 1.2))  # the picture of one dimension
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, number, whole

DUAL = {"linf": 1, "l2": 2, "l1": np.inf}
"""Order of the norm of weights that goes with the norm of a ball."""


def binary_loss(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray, *, epsilon: float
) -> float:
    """Returns the mean of log(1 + exp(-y * w.x + epsilon)) in nats.

    The exact worst case in a ball of any norm, where w has length 1 in the dual one.

    Source: Liu 2022 (thesis), equation 4.2.

    Args:
        weights: [features].
        examples: [n, features].
        label: [n], -1 or 1.
        epsilon: radius of the ball, units of the examples, at least 0.

    Raises:
        UserError: shapes or labels that do not fit, an epsilon out of its range.
    """
    inside("epsilon", epsilon, "epsilon=0.3")
    margin, _ = _margins(weights, examples, label)
    return float(np.logaddexp(0.0, epsilon - margin).mean())


def binary_hessian(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray, *, epsilon: float
) -> np.ndarray:
    """Returns the second derivatives of `binary_loss` by the weights, [features, features].

    That is the mean of s / (1 + s)^2 * x x^T with s = exp(y * w.x - epsilon). The dual norm of the
    weights is held at 1, so its own derivative is no part of it.

    Source: Liu 2022 (thesis), equation 4.6.

    Args:
        weights: as for `binary_loss`, like all arguments.
        examples: [n, features].
        label: [n].
        epsilon: radius of the ball.
    """
    inside("epsilon", epsilon, "epsilon=0.3")
    margin, examples = _margins(weights, examples, label)
    bend = special.expit(margin - epsilon) * special.expit(epsilon - margin)
    return (bend[:, None] * examples).T @ examples / len(examples)


def separable_radius(weights: np.ndarray, examples: np.ndarray, label: np.ndarray) -> float:
    """Returns the largest epsilon at which all examples are right, the least y * w.x.

    Below 0 some are wrong without any attack. The weights have length 1 in the dual norm.
    """
    return float(_margins(weights, examples, label)[0].min())


def curvature_range(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray, *, epsilons: Sequence[float]
) -> np.ndarray:
    """Returns the smallest and the largest eigenvalue of `binary_hessian`, [len(epsilons), 2].

    Neither falls with epsilon up to `separable_radius`, nor does the curvature in any direction.

    Source: Liu 2022 (thesis), Theorem 4.1.
    """
    found = [binary_hessian(weights, examples, label, epsilon=each) for each in epsilons]
    return np.array([np.linalg.eigvalsh(hessian)[[0, -1]] for hessian in found])


def multiclass_loss(weights: np.ndarray, examples: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Returns the cross-entropy of each example without an attack, [n] nats; log K for weights 0.

    Args:
        weights: [classes, features].
        examples: [n, features].
        label: [n], 0 to classes - 1.

    Raises:
        UserError: shapes or labels that do not fit.
    """
    weights, examples, label = _checked(weights, examples, label)
    away = (weights - weights[label][:, None]) * examples[:, None]  # [n, classes, features]
    return special.logsumexp(away.sum(axis=2), axis=1)


def witness(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray, *, norm: str = "linf"
) -> np.ndarray:
    """Returns, for a ball of radius 1, a move of each example that raises its loss, [n, features].

    It is the steepest way to class m, whose weights are farthest from the label's in the dual norm.
    The loss at x + epsilon * move is below the worst case and grows beyond all bounds with epsilon.

    Source: Liu 2022 (thesis), proof of Theorem 4.2; equation 4.9 lacks sign and magnitude: the move
    is sign(v) * (|v| / |v|_q)^(q / p) with v = w_m - w_y.

    Args:
        weights: as for `multiclass_loss`.
        examples: [n, features].
        label: [n].
        norm: of the ball, one of `DUAL`.
    """
    _, away, length = _farthest(weights, examples, label, norm)
    if norm == "linf":
        return np.sign(away)
    if norm == "l2":
        return away / np.where(length > 0, length, 1.0)[:, None]
    one = np.eye(away.shape[1])[np.abs(away).argmax(axis=1)]
    return np.sign(away) * one


def critical_epsilon(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray, *, norm: str = "linf"
) -> np.ndarray:
    """Returns from which radius on these weights are no better than a constant, at most, [n].

    From (log(K - 1) - v.x) / |v|_q on, v = w_m - w_y, the loss is at least log K, that of weights
    0: the attack of `witness` alone does it. Where all classes have the same weights it is 0.

    Source: Liu 2022 (thesis), proof of Theorem 4.2. There it stands for all weights at once, which
    it cannot: it depends on them, and has no upper bound as they shrink. See `constant_radius`.

    Args:
        weights: as for `witness`, like all arguments.
        examples: [n, features].
        label: [n].
        norm: of the ball.
    """
    examples, away, length = _farthest(weights, examples, label, norm)
    needed = np.log(len(weights) - 1.0) - (away * examples).sum(axis=1)
    return np.where(length > 0, np.maximum(needed, 0.0) / np.where(length > 0, length, 1.0), 0.0)


def constant_radius(examples: np.ndarray, label: np.ndarray, *, num_classes: int) -> float:
    """Returns the linf radius from which on the constant classifier minimises the mean loss.

    With s_k the sum of the n_k examples of class k it is the largest |s_j - s_k|_inf / (n_j + n_k)
    over all pairs of classes; for a single example, its own linf norm. Below it some weights are
    better than 0, from it on none are.

    Theorem 4.2 of Liu 2022 (thesis) says that there is such a radius, but not which. At
    weights 0 the loss is convex, and its slope towards W is the mean of u.x + epsilon * |u|_1 with
    u = mean of W - w_y, which has to be at least 0 for each W: for each feature the intervals
    of radius epsilon * n_k around s_k must have a point in common, as they do if each pair has.

    Args:
        examples: [n, features].
        label: [n], 0 to num_classes - 1.
        num_classes: K, at least 2.

    Raises:
        UserError: shapes, labels or a number that do not fit.
    """
    whole("num_classes", num_classes, least=2)
    examples = np.asarray(examples, np.float64)
    _, examples, label = _checked(np.zeros([num_classes, *examples.shape[1:]]), examples, label)
    member = np.eye(num_classes)[label]
    total, count = member.T @ examples, member.sum(axis=0)
    apart = np.abs(total[:, None] - total).max(axis=2)
    together = count[:, None] + count
    return float(np.max(apart / np.where(together > 0, together, 1.0)))


def kink(
    *, epsilons: Sequence[float] = (0.6, 1.2), x: float = 1.0, reach: float = 2.0, points: int = 401
) -> dict[str, np.ndarray]:
    """Returns the loss of one weight and one example under attack, which has a kink at weight 0.

    That is log(1 + exp(theta * x + epsilon * |theta|)). Its slope jumps at 0 from (x - epsilon) / 2
    to (x + epsilon) / 2; where epsilon >= |x| the least loss is there.

    Source: Liu 2022 (thesis), Figure 4.2, whose numbers the defaults are.

    Args:
        epsilons: [e] radii, at least 0.
        x: the example; the loss falls as theta * x does.
        reach: theta is in [-reach, reach], above 0.
        points: of theta, at least 3.

    Returns:
        theta [points], epsilon [e], loss [e, points] in nats, clean [points] with epsilon 0,
        jump [e] of the slope at 0, which is epsilon.

    Raises:
        UserError: a number out of its range.
    """
    number("x", x, "x=1.0")
    inside("reach", reach, "reach=2.0", ends="()")
    whole("points", points, least=3)
    for each in epsilons:
        inside("epsilon", each, "epsilon=0.6")
    theta, epsilon = np.linspace(-reach, reach, points), np.asarray(epsilons, np.float64)
    raised = theta * x + epsilon[:, None] * np.abs(theta)
    left, right = (x - epsilon) / 2.0, (x + epsilon) / 2.0
    return {
        "theta": theta,
        "epsilon": epsilon,
        "loss": np.logaddexp(0.0, raised),
        "clean": np.logaddexp(0.0, theta * x),
        "jump": right - left,
    }


def _margins(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    weights, examples, label = map(np.asarray, (weights, examples, label))
    fits = examples.ndim == 2 and len(examples) and weights.shape == examples.shape[1:]
    if not (fits and label.shape == examples.shape[:1] and np.isin(label, (-1, 1)).all()):
        raise UserError(
            "two classes are weights, examples and labels -1 and 1 that fit",
            "weights [features], examples [n, features] and label [n]",
            f"shapes {list(weights.shape)}, {list(examples.shape)} and {list(label.shape)}, labels "
            f"{np.unique(label)[:4].tolist()}",
        )
    return label * (examples @ weights), examples


def _checked(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights, examples, label = map(np.asarray, (weights, examples, label))
    fits = examples.ndim == weights.ndim == 2 and weights.shape[1] == examples.shape[1]
    fits = fits and len(examples) and len(weights) > 1 and label.shape == examples.shape[:1]
    if not (fits and np.isin(label, range(len(weights))).all()):
        raise UserError(
            "several classes are weights, examples and labels from 0 that fit",
            "weights [classes, features], examples [n, features] and label [n]",
            f"shapes {list(weights.shape)}, {list(examples.shape)} and {list(label.shape)}, labels "
            f"{np.unique(label)[:4].tolist()}",
        )
    return weights, examples, label


def _farthest(
    weights: np.ndarray, examples: np.ndarray, label: np.ndarray, norm: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the examples, v = w_m - w_y of each, [n, features], and its dual norm, [n]."""
    if norm not in DUAL:
        raise unknown_name("norm of the ball", norm, DUAL)
    weights, examples, label = _checked(weights, examples, label)
    away = weights - weights[label][:, None]
    lengths = np.linalg.norm(away, DUAL[norm], axis=2)
    m = lengths.argmax(axis=1)
    rows = np.arange(len(examples))
    return examples, away[rows, m], lengths[rows, m]
