"""Curriculum: attacks of more and more steps.

defense = get("curriculum", epsilon=8 / 255, steps_per_epoch=390, total_epochs=120)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD, Mixed
from fosc_tf.attacks.limits import check_climb, step_length
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError
from fosc_tf.number import flag, number
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, staircase
from fosc_tf.types import Defense


@register("curriculum")
def curriculum(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int = 50,
    step_size: float | None = None,
    num_steps: int = 10,
    mixing: bool = True,
    norm: str = "linf",
) -> Defense:
    """Returns PGD training whose number of steps k rises from 0 (clean images) to K.

    Algorithm: lesson k = 0, 1, ..., K lasts total_epochs / (K + 1) epochs. With batch mixing the
    batch of lesson k is cut into k + 1 equal chunks that are attacked with 0, 1, ..., k steps, so
    that early lessons are not forgotten. The weights descend the mean cross-entropy over all.

    Source: Cai et al. 2018, Algorithm 1 and section 3.3, as a baseline of Wang et al. 2019.

    Departures: lessons have a fixed length, where Cai et al. wait until the accuracy under PGD-k
    has not risen for 10 epochs (which needs at least 110 epochs); one step size and one learning
    rate schedule are shared with the other defenses ("the same PGD training scheme"); no
    quantisation of inputs.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: T, shared by all lessons.
        step_size: length of a step; None means epsilon / 4.
        num_steps: K, the steps of the last lesson.
        mixing: False attacks the whole batch with k steps.
        norm: "linf", "l2" or "l1".
    """
    flag("mixing", mixing)
    step_size = step_length(step_size, epsilon)
    check_climb(epsilon, step_size, num_steps, norm, "ball", changing=False)
    number("total_epochs", total_epochs, "total_epochs=50", least=1)
    if total_epochs <= num_steps:
        raise UserError(
            "curriculum has a lesson for each number of steps from 0 to K, of an epoch at least",
            f"total_epochs={num_steps + 1}"
            + (f", or num_steps={total_epochs - 1}" if total_epochs > 1 else ""),
            f"total_epochs={total_epochs} with num_steps={num_steps}",
        )
    clock = Clock(steps_per_epoch)
    lesson = staircase(highest=num_steps, total_epochs=total_epochs, clock=clock)
    budget = Mixed(lesson) if mixing else lesson
    attack = PGD(epsilon=epsilon, step_size=step_size, num_steps=budget, norm=norm)
    return Defense(attack, adversarial, clock=clock, schedules={"strength": lesson})
