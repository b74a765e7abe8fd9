"""Friendly adversarial training: an example that is misclassified climbs little further.

defense = get("fat", epsilon=8 / 255, steps_per_epoch=390, total_epochs=120)
"""

from __future__ import annotations

from collections.abc import Sequence

from fosc_tf.attacks import PGD
from fosc_tf.attacks.gates import Friendly
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, begun
from fosc_tf.types import Defense


@register("fat")
def fat(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int = 120,
    step_size: float | None = None,
    num_steps: int = 10,
    tau_epochs: Sequence[int] | None = None,
    norm: str = "linf",
) -> Defense:
    """Returns friendly adversarial training.

    Algorithm: every batch is attacked by PGD from a random start. Before each step the network's
    answer is looked at: an example that is misclassified stops, once it has taken tau steps from
    points where it was. tau is 0 at first and grows by one as each of `tau_epochs` begins. The
    weights descend the mean cross-entropy at the images found, in training mode.

    Source: Zhang et al. 2020, Algorithms 1 and 2; tau and its epochs, 50 and 90 of 120, are those
    of the code its authors released.

    Departures: that code has steps of 0.226 * epsilon, here epsilon / 4 as elsewhere, and can add
    Gaussian noise (omega = 0.001) to every step, which is left out: a step rule draws no random
    numbers here. Stopped examples leave the batch, which changes the cost and not the result.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: T.
        step_size: length of a step; None means epsilon / 4.
        num_steps: K, the most steps anyone climbs.
        tau_epochs: ascending 0-based epochs below T, tau grows by one as each begins; () leaves it
            at 0, None means 5/12 and 9/12 of T, rounded down.
        norm: "linf", "l2" or "l1".
    """
    clock = Clock(steps_per_epoch)
    number("total_epochs", total_epochs, "total_epochs=120", least=1)
    if tau_epochs is None:
        tau_epochs = (5 * total_epochs // 12, 9 * total_epochs // 12)
    else:
        _check(tau_epochs, total_epochs)
    tau = begun(epochs=tau_epochs, clock=clock)
    attack = PGD(
        epsilon=epsilon,
        step_size=step_length(step_size, epsilon),
        num_steps=num_steps,
        norm=norm,
        gate=Friendly(tau),
    )
    return Defense(attack, adversarial, clock=clock, schedules={"tau": tau})


def _check(epochs: Sequence[int], total_epochs: int) -> None:
    right = f"tau_epochs=({5 * total_epochs // 12}, {9 * total_epochs // 12}), or None"
    received = f"tau_epochs={epochs!r}"
    if not isinstance(epochs, tuple | list):
        raise UserError("tau_epochs must be a tuple of epochs", right, received)
    for epoch in epochs:
        number("an epoch of tau_epochs", epoch, right, least=0)
    if sorted(set(epochs)) != list(epochs):
        raise UserError("tau_epochs must be ascending", right, received)
    if epochs and epochs[-1] >= total_epochs:
        raise UserError(
            "tau_epochs must be below total_epochs: a later one never begins",
            right,
            f"{received} with total_epochs={total_epochs}",
        )
