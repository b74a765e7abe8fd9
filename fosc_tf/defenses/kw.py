"""KW: training on the worst logits that linear bounds of parallel lines allow.

defense = get("kw", epsilon=0.1, ramp_epochs=20)
"""

from __future__ import annotations

from fosc_tf.defenses.ramped import ramped
from fosc_tf.defenses.registry import register
from fosc_tf.objectives.worst_case import linear_approximation
from fosc_tf.types import Defense


@register("kw")
def kw(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int | None = None,
    start_epoch: int = 0,
    ramp_epochs: int = 20,
    ramp: str = "linear",
    train_factor: float = 1.0,
    l1: float = 0.0,
    norm: str = "linf",
) -> Defense:
    """Returns training on linear bounds throughout.

    Algorithm: every batch, linear bounds whose lines are parallel go through the network, those of
    every layer from the image on; the weights descend the cross-entropy of the worst logits that
    they allow. It costs a backward row for each unit whose sign is open: for small networks.

    Source: Wong & Kolter 2018, the baseline "KW" of Liu 2022 (thesis), section 3.3, whose bounds
    for ReLU are these.

    Args:
        epsilon: radius that is to be proved, over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: of the run, which must see the end of the ramp; None where nobody counts.
        start_epoch: 0-based epoch with which the radius begins to rise.
        ramp_epochs: how long it rises.
        ramp: "smooth" or "linear".
        train_factor: largest radius in training over epsilon.
        l1: weight of the kernels' magnitudes.
        norm: "linf", "l2" or "l1".
    """
    parts = ramped(
        epsilon=epsilon,
        train_factor=train_factor,
        start_epoch=start_epoch,
        ramp_epochs=ramp_epochs,
        ramp=ramp,
        total_epochs=total_epochs,
        steps_per_epoch=steps_per_epoch,
        l1=l1,
        norm=norm,
    )
    objective = linear_approximation(epsilon=parts.epsilon, norm=norm, penalties=parts.penalties)
    return parts.defense(objective, proof="linear")
