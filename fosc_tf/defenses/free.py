"""Free: the gradients of the weights attack as well.

defense = get("free", epsilon=8 / 255, batch_size=128)
"""

from __future__ import annotations

import math

from fosc_tf.attacks import PGD
from fosc_tf.attacks.remembered import PERTURBATION
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError
from fosc_tf.memory import Memory, Spec
from fosc_tf.number import number
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, switch
from fosc_tf.training.replay import ReplayTrainer
from fosc_tf.types import Defense


@register("free")
def free(
    *,
    epsilon: float,
    batch_size: int | None = None,
    image_shape: tuple[int, ...] | None = None,
    steps_per_epoch: int | None = None,
    total_epochs: int | None = None,
    step_size: float | None = None,
    replays: int = 8,
    least_replays: int | None = None,
    norm: str = "linf",
) -> Defense:
    """Returns adversarial training for free.

    Algorithm: one perturbation for each place in the batch, 0 at first, goes on from batch to
    batch. Every batch is used m times; each time one backward pass at the perturbed images, in
    training mode, gives the gradient of the weights, by which the optimizer steps, and that of the
    images, by which the perturbation does, both from where they were. A run of T epochs' worth of
    weight updates makes T / m passes over the training set.

    Source: Shafahi et al. 2019, Algorithm 1; the step of epsilon is that of their code. With
    `least_replays` Amata + Free, Ye et al. 2021, section 3: the first half of the updates replays
    less, with steps longer in proportion.

    Departures: what is perturbed stays within [0, 1].

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        batch_size: places in a batch, over all replicas.
        image_shape: (height, width, channels); None is that of the network.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: T, counted in weight updates: m must divide it, and `fit` is then asked for
            the T / m epochs of `Defense.passes`; None where nobody counts them.
        step_size: of the perturbation at each replay; None means epsilon.
        replays: m.
        least_replays: m of the first half of the updates (the paper: 2, then 4); None for m.
        norm: "linf", "l2" or "l1".

    Raises:
        UserError: replays that do not divide the epochs, no batch size.
    """
    number("replays", replays, "replays=8", least=1)
    if batch_size is None:
        raise UserError(
            "Free carries a perturbation for each place in the batch",
            "batch_size=128",
            "batch_size=None",
        )
    clock = Clock(steps_per_epoch)
    number("epsilon", epsilon, "epsilon=8/255")
    length = number("step_size", epsilon if step_size is None else step_size, "step_size=8/255")
    least = (
        replays if least_replays is None else number("least_replays", least_replays, "2", least=1)
    )
    early, passes = _passes(total_epochs, least, replays)
    schedules = {
        "replays": switch(before=least, after=replays, epoch=early, clock=clock),
        "step_size": switch(
            before=length * replays / least, after=float(length), epoch=early, clock=clock
        ),
    }
    attack = PGD(
        epsilon=epsilon,
        step_size=schedules["step_size"] if early else length,
        num_steps=1,
        norm=norm,
        start="clean",
    )
    return Defense(
        attack=attack,
        objective=adversarial,
        trainer=ReplayTrainer,
        clock=clock,
        schedules=schedules,
        passes=passes,
        memory=Memory(batch_size, {PERTURBATION: Spec(image_shape)}),
        remember=lambda batch, found, judged, step: {PERTURBATION: found.image - batch.image},
    )


def _passes(total_epochs: int | None, least: int, replays: int) -> tuple[int, int | None]:
    """Returns the passes with `least` replays, and all passes if the epochs are known."""
    changes = least != replays
    if total_epochs is None and not changes:
        return 0, None
    number("total_epochs", total_epochs, "total_epochs=80", least=1)
    unit = 2 * math.lcm(least, replays) if changes else replays
    if total_epochs % unit:
        raise UserError(
            "replays must divide the epochs: each batch of a pass is used that often"
            + (", half of the updates with fewer" if changes else ""),
            f"total_epochs={max(round(total_epochs / unit), 1) * unit}",
            f"total_epochs={total_epochs} with replays={replays}"
            + (f" and least_replays={least}" if changes else ""),
        )
    if not changes:
        return 0, total_epochs // replays
    early = total_epochs // 2 // least
    return early, early + total_epochs // 2 // replays
