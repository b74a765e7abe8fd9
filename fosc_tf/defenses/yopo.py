"""YOPO: a few passes over the whole network, many over its first layer.

defense = get("yopo", epsilon=8 / 255)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD
from fosc_tf.attacks.limits import check_climb, step_length
from fosc_tf.defenses.registry import register
from fosc_tf.number import number
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, annealed_steps, path_step
from fosc_tf.training.first_layer import FirstLayerTrainer
from fosc_tf.types import Defense


@register("yopo")
def yopo(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int | None = None,
    step_size: float | None = None,
    num_passes: int = 5,
    num_steps: int = 3,
    least_passes: int | None = None,
    norm: str = "linf",
) -> Defense:
    """Returns YOPO-m-n, you only propagate once.

    Algorithm: from a random start, m times: pass the network forwards and backwards, in training
    mode; keep the gradient of all layers but the first, and that of the first one's output, p; then
    n steps of the image along the steepest direction of <p, first layer(image)>, p held fixed, and
    at the last of these images the gradient of the first layer's weights. After the m passes the
    optimizer steps once, by the mean of their gradients.

    Source: Zhang et al. 2019, Algorithm 1, and their code for MNIST, which takes the first layer's
    gradient from these products alone. With `least_passes` Amata + YOPO, Ye et al. 2021, section 3:
    m grows and the steps become shorter, their product staying as it is.

    Its passes are in training mode, as the authors' are, whose network for MNIST has no batch norm.
    With batch norm it collapsed on MNIST at 0.3, without it did not: see results/README.md.

    Departures: the mean over the passes stands for the authors' sum with a rate divided by m, so
    weight decay is not divided; their code for CIFAR-10 counts the first layer's gradient twice,
    and their first layer has learning-rate drops of its own, which are left out.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: T, over which m grows; needed with `least_passes`.
        step_size: length of a step; None means epsilon / 4 (the authors on CIFAR-10).
        num_passes: m.
        num_steps: n.
        least_passes: m of the first epoch; None for m throughout.
        norm: "linf", "l2" or "l1".

    Raises:
        UserError: a number out of its range; by the trainer, a network whose first layer cannot be
            split off.
    """
    clock = Clock(steps_per_epoch)
    number("num_passes", num_passes, "num_passes=5", least=1)
    least = num_passes if least_passes is None else least_passes
    if least != num_passes or total_epochs is not None:
        number("total_epochs", total_epochs, "total_epochs=36", least=1)
    passes = annealed_steps(
        least=least, most=num_passes, total_epochs=total_epochs or 1, clock=clock
    )
    length = step_length(step_size, epsilon)
    check_climb(epsilon, length, num_steps, norm, "ball", changing=False)
    schedules = {"passes": passes}
    if least != num_passes:
        length = schedules["step_size"] = path_step(num_passes * length, passes)
    return Defense(
        attack=PGD(epsilon=epsilon, step_size=length, num_steps=num_steps, norm=norm),
        objective=adversarial,
        trainer=FirstLayerTrainer,
        clock=clock,
        schedules=schedules,
    )
