"""What Amata changes of an attack, for every defense that has a number of steps and their length.

changing = annealed(
    epsilon=8 / 255, step_size=None, num_steps=10, least_steps=2, total_epochs=100, clock=Clock(390)
)
Defense(PGD(epsilon=8 / 255, **changing), adversarial, clock=clock, schedules=changing)
"""

from __future__ import annotations

import math

from fosc_tf.attacks.limits import check_climb, step_length
from fosc_tf.errors import UserError
from fosc_tf.schedules import Clock, Curve, annealed_steps, path_step


def annealed(
    *,
    epsilon: float,
    step_size: float | None,
    num_steps: int,
    least_steps: int | None,
    total_epochs: int,
    clock: Clock,
    norm: str = "linf",
    shape: str = "linear",
    eta: float = 1.0,
) -> dict[str, Curve]:
    """Returns the schedules "num_steps", K_t, and "step_size", alpha_t = tau / K_t.

    They are arguments of an attack and what a `Defense` logs. tau = num_steps * step_size, the
    length of every climb, so that the last epochs take `num_steps` steps of `step_size`.

    Source: Amata, Ye et al. 2021, Algorithm 1.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        step_size: length of a step of the last epochs; None means epsilon / 4.
        num_steps: K_max.
        least_steps: K_min, of the first epochs; None anneals nothing, and nothing is returned.
        total_epochs: T, over which K_t rises.
        clock: turns steps into epochs.
        norm: "linf", "l2" or "l1".
        shape: "linear" or "exponential", how K_t rises.
        eta: bends the exponential.

    Raises:
        UserError: a number out of its range, more steps at first than at last, or so few that each
            would leave the ball.
    """
    if least_steps is None:
        return {}
    step_size = step_length(step_size, epsilon)
    check_climb(epsilon, step_size, num_steps, norm, "ball", changing=False)
    steps = annealed_steps(
        least=least_steps,
        most=num_steps,
        total_epochs=total_epochs,
        clock=clock,
        shape=shape,
        eta=eta,
    )
    length = float(num_steps * step_size)
    enough = max(math.ceil(length / (2 * epsilon) - 1e-6), 1)
    if least_steps < enough:
        raise UserError(
            "the first and longest steps, num_steps * step_size / least_steps, must be at most "
            "2 * epsilon: a longer step always leaves the ball",
            f"least_steps={enough}",
            f"least_steps={least_steps} with num_steps={num_steps}, step_size={step_size:.4g} and "
            f"epsilon={epsilon:.4g}",
        )
    return {"num_steps": steps, "step_size": path_step(length, steps)}
