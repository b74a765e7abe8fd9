"""CROWN-IBP: training on linear bounds behind intervals, and later on intervals.

defense = get("crown_ibp", epsilon=0.3, ramp_epochs=20)
"""

from __future__ import annotations

from fosc_tf.defenses.ramped import ramped
from fosc_tf.defenses.registry import register
from fosc_tf.number import flag, inside
from fosc_tf.objectives.worst_case import crown_interval
from fosc_tf.schedules import following
from fosc_tf.types import Defense


@register("crown_ibp")
def crown_ibp(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int | None = None,
    start_epoch: int = 1,
    ramp_epochs: int = 20,
    ramp: str = "smooth",
    train_factor: float = 1.0,
    kappa_start: float = 0.0,
    kappa_end: float = 0.0,
    beta_end: float = 0.0,
    loss_fusion: bool = True,
    warm_up: float = 0.5,
    l1: float = 0.0,
    norm: str = "linf",
) -> Defense:
    """Returns training on linear bounds whose inner bounds are intervals.

    Algorithm: as `ibp`, but what is descended is a mixture of the linear bounds, with the weight
    beta, and the interval bounds. Beta falls from 1 to `beta_end` as the radius rises: linear
    bounds lead through the ramp, intervals stay. With loss fusion one row goes back for all
    classes (see `objectives.worst_case.crown_interval`); it bounds the cross-entropy in another way
    than one row a class, of which neither is always the tighter.

    Source: Zhang et al. 2020, whose MNIST recipe has 200 epochs, a linear ramp of 50, and kappa
    from 1 to 0.5 or 0; loss fusion Xu et al. 2020; warm-up Shi et al. 2021.

    Args:
        epsilon: radius that is to be proved, over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: of the run, which must see the end of the ramp; None where nobody counts.
        start_epoch: 0-based epoch with which the radius begins to rise.
        ramp_epochs: how long it rises.
        ramp: "smooth" or "linear".
        train_factor: largest radius in training over epsilon.
        kappa_start: weight of the clean cross-entropy at radius 0.
        kappa_end: the same at the largest radius.
        beta_end: weight of the linear bounds at the largest radius; the paper has 1 for 2 / 255.
        loss_fusion: one row for all classes, or one for each.
        warm_up: lambda, weight of the regularisers while the radius rises; 0 none.
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
        warm_up=warm_up,
        l1=l1,
        norm=norm,
    )
    kappa = parts.kappa(kappa_start, kappa_end)
    inside("beta_end", beta_end, "beta_end=0.0", below=1, ends="[]")
    beta = following(parts.epsilon, first=1.0, last=beta_end)
    objective = crown_interval(
        epsilon=parts.epsilon,
        natural=kappa.get("kappa", 0.0),
        crown=beta,
        fused=flag("loss_fusion", loss_fusion),
        norm=norm,
        penalties=parts.penalties,
    )
    proof = "crown-ibp" if beta_end else "ibp"
    return parts.defense(objective, proof=proof, changing={"beta": beta, **kappa})
