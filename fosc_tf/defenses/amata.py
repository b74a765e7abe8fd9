"""Amata: PGD training whose attack grows finer, from few long steps to many short ones.

defense = get("amata", epsilon=8 / 255, steps_per_epoch=390, total_epochs=100)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD
from fosc_tf.defenses.annealing import annealed
from fosc_tf.defenses.registry import register
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock
from fosc_tf.types import Defense


@register("amata")
def amata(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int = 100,
    step_size: float | None = None,
    num_steps: int = 10,
    least_steps: int = 2,
    shape: str = "linear",
    eta: float = 1.0,
    norm: str = "linf",
) -> Defense:
    """Returns annealed PGD training.

    Algorithm: in epoch t of T every batch is attacked by PGD from a random start with
    K_t = K_min + (K_max - K_min) * t / T steps of length alpha_t = tau / K_t. The weights descend
    the mean cross-entropy at the images found, in training mode. With tau = K_max * step_size the
    last epochs are those of Standard training, and the first ones cost K_min / K_max of them.

    Source: Ye et al. 2021, Algorithm 1; the exponential shape is equation 16 of its appendix.
    K from 2 to 10 and tau = 20 / 255 = 2.5 * epsilon are the paper's for CIFAR-10; on MNIST it has
    K from 5, 10 or 2 to 40 and, of its baseline's steps of 0.01, tau = 0.4.

    Departures: the paper says neither how K_t is rounded (here a half upwards, so that
    K_t * alpha_t is tau in all epochs) nor where a climb starts (here uniform in the ball). The
    authors published no code; that which they built on adds the clean loss, this does not.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: T, over which the number of steps rises.
        step_size: length of a step of the last epochs; None means epsilon / 4.
        num_steps: K_max.
        least_steps: K_min.
        shape: "linear" or "exponential", how the number of steps rises.
        eta: bends the exponential; above 0 steps grow early.
        norm: "linf", "l2" or "l1".
    """
    clock = Clock(steps_per_epoch)
    changing = annealed(
        epsilon=epsilon,
        step_size=step_size,
        num_steps=num_steps,
        least_steps=least_steps,
        total_epochs=total_epochs,
        clock=clock,
        norm=norm,
        shape=shape,
        eta=eta,
    )
    attack = PGD(epsilon=epsilon, norm=norm, **changing)
    return Defense(attack, adversarial, clock=clock, schedules=changing)
