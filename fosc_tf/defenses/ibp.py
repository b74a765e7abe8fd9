"""IBP: training on the worst logits that interval bounds allow.

defense = get("ibp", epsilon=0.3, ramp_epochs=20)
"""

from __future__ import annotations

from fosc_tf.defenses.ramped import ramped
from fosc_tf.defenses.registry import register
from fosc_tf.objectives.worst_case import interval
from fosc_tf.types import Defense


@register("ibp")
def ibp(
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
    warm_up: float = 0.5,
    l1: float = 0.0,
    norm: str = "linf",
) -> Defense:
    """Returns training on interval bounds.

    Algorithm: every batch, intervals go through the network from the box that the images stay in,
    batch norms with the statistics of the clean batch. The weights descend kappa * cross-entropy at
    the clean images + (1 - kappa) * that of the worst logits, whose differences are merged with the
    last layers. The radius rises from 0 to epsilon * `train_factor`, step by step, and kappa goes
    from `kappa_start` to `kappa_end` with it. While it rises, intervals that widen fast and ReLUs
    that are mostly on or mostly off cost something.

    Source: Gowal et al. 2018; the defaults are the recipe of Shi et al. 2021, which adds batch
    norms, weights drawn for intervals (`fosc_tf.models.initialize`), Adam at 5e-4, gradients
    clipped to 10, and 70 epochs on MNIST (rate times 0.2 after 50 and 60) or 160 on CIFAR-10.

    Departures: Shi et al. count the first epoch as 1. Gowal et al. have a linear ramp and kappa
    from 1 to 0.5.

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
    objective = interval(
        epsilon=parts.epsilon,
        natural=kappa.get("kappa", 0.0),
        norm=norm,
        penalties=parts.penalties,
    )
    return parts.defense(objective, proof="ibp", changing=kappa)
