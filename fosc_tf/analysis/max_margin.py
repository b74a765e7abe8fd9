"""Linear classifiers of two classes by their margin, and how adversarial training comes to them.

w = max_margin(examples, label)                     # min |w| with y * w.x >= 1
descent_directions(examples, label, epsilon=0.5, steps=(10, 1000))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from fosc_tf.errors import UserError
from fosc_tf.number import flag, inside, whole


def max_margin(examples: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Returns the shortest w, in l2, with y * w.x >= 1 for all examples, [features] float64.

    Its direction is the same under every l2 radius epsilon that leaves the classes separable: the
    shortest w' with y * w'.x - epsilon * |w'| >= 1 is w / (1 - epsilon * |w|).

    Source: Liu 2022 (thesis), equation 4.33, whose constraint lacks y, and Lemma 4.2; solved as a
    problem of least distance by non-negative least squares (Lawson and Hanson 1974, section 23.4).

    Args:
        examples: [n, features], of finite numbers.
        label: [n], -1 or 1.

    Raises:
        UserError: another shape or label, or classes that no line through 0 separates.
    """
    signed = _signed(examples, label)
    # w is a sum of examples, so within their span: as many numbers as there are examples.
    scale = np.abs(signed).max() or 1.0
    basis, within = np.linalg.qr(signed.T / scale)
    system = np.vstack([within, np.ones(len(signed))])
    right = np.zeros(len(system))
    right[-1] = 1.0
    share, distance = optimize.nnls(system, right)
    residual = system @ share - right
    if distance < 1e-7:  # 1 / sqrt(1 + |w|^2)
        raise UserError(
            "a margin needs classes that a line through 0 separates",
            "examples in more dimensions, or fewer of them",
            f"{len(signed)} examples that no weights separate",
        )
    return basis @ (residual[:-1] / -residual[-1]) / scale


def interpolator(examples: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Returns the shortest w, in l2, with w.x = y for all examples, [features] float64.

    That is X^T (X X^T)^-1 y. It is the max margin where every example is a support vector.

    Source: Liu 2022 (thesis), equation 4.43.

    Args:
        examples: [n, features], linearly independent, so n <= features.
        label: [n], -1 or 1.

    Raises:
        UserError: another shape or label, or examples that depend on each other.
    """
    signed = _signed(examples, label)
    found, _, rank, _ = np.linalg.lstsq(signed, np.ones(len(signed)), rcond=None)
    if rank < len(signed):
        raise UserError(
            "an interpolator needs examples that are linearly independent",
            f"at most {rank} of these",
            f"{len(signed)} examples of rank {rank}",
        )
    return found


def descent_directions(
    examples: np.ndarray,
    label: np.ndarray,
    *,
    epsilon: float,
    steps: Sequence[int],
    normalized: bool = False,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Returns where logistic regression points that is trained by gradient descent under attack.

    The loss is the sum of log(1 + exp(-(y * w.x - epsilon * |w|))), the exact worst case in an l2
    ball. Its direction tends to that of `max_margin`, but only as 1 / log(steps); with `normalized`
    each step is divided by the sum of the slopes, which comes there much faster.

    Source: Liu 2022 (thesis), Theorem 4.4 and equation 4.34, where the loss is printed as
    1 / (1 + exp(-x)), which is neither a loss nor convex; `normalized` is Nacson et al. 2019. The
    step is the half of the theorem's limit: 1 / |X|^2, |X| the largest singular value. (The limit
    is proved without the term epsilon * |w|, whose curvature is large near 0.)

    Args:
        examples: [n, features].
        label: [n], -1 or 1.
        epsilon: l2 radius of the attack, units of the examples, at least 0.
        steps: whole numbers, ascending, after which the direction is noted.
        normalized: see above.
        start: [features], the first weights, not 0; None is the mean of y * x.

    Returns:
        [len(steps), features] float64, each of length 1.

    Raises:
        UserError: another shape or label, a number out of its range, a start of 0.
    """
    signed = _signed(examples, label)
    inside("epsilon", epsilon, "epsilon=0.5")
    flag("normalized", normalized)
    steps = [whole("steps", each, least=1) for each in steps]
    if not steps or sorted(set(steps)) != steps:
        raise UserError("steps are ascending", "steps=(10, 100, 1000)", f"steps={tuple(steps)}")
    w = signed.mean(axis=0) if start is None else np.array(start, np.float64)
    if w.shape != signed.shape[1:] or not np.linalg.norm(w) > 0:
        raise UserError(
            "the first weights have a direction, as many numbers as an example",
            f"an array of shape [{signed.shape[1]}] that is not 0",
            f"an array of shape {list(w.shape)} and length {np.linalg.norm(w):g}",
        )
    step_size, found = 1.0 / np.linalg.norm(signed, 2) ** 2, []
    for step in range(1, steps[-1] + 1):
        length = np.linalg.norm(w)
        margin = signed @ w - epsilon * length
        slope = -np.logaddexp(0.0, margin)  # its logarithm: itself it may be too small for a float
        pull = np.exp(slope - slope.max() * normalized)
        pull = pull / pull.sum() if normalized else pull
        w = w + step_size * (pull @ signed - epsilon * pull.sum() * w / length)
        if step in steps:
            found.append(w / np.linalg.norm(w))
    return np.array(found)


def _signed(examples: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Returns y * x, checked: all that a classifier of two classes through 0 depends on."""
    examples, label = np.asarray(examples, np.float64), np.asarray(label)
    fits = examples.ndim == 2 and examples.size and label.shape == examples.shape[:1]
    if not fits or not np.isfinite(examples).all() or not np.isin(label, (-1, 1)).all():
        raise UserError(
            "two classes are finite examples with labels -1 and 1",
            "examples [n, features] and label [n]",
            f"examples {list(examples.shape)} and label {list(label.shape)} with values "
            f"{np.unique(label)[:4].tolist()}",
        )
    return examples * label[:, None].astype(np.float64)
