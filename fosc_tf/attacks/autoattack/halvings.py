"""When Auto-PGD asks whether its step size still serves.

checkpoints(100)      # [22, 41, 57, 70, 80, 87, 93, 99]
"""

from __future__ import annotations


def checkpoints(num_steps: int) -> list[int]:
    """Returns the steps w_1 < w_2 < ... <= num_steps at which eta may be halved.

    w_j = ceil(p_j N) with p_0 = 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06).
    Source: Croce and Hein 2020 (AutoAttack), section 3, equation 2.

    Args:
        num_steps: N, at least 1.
    """
    # Hundredths are whole numbers: in floats, 0.22 + 0.19 rounds up to a 42nd step of 100.
    last, now, steps = 0, 22, []
    while now <= 100:
        steps.append(-(-now * num_steps // 100))
        last, now = now, now + max(now - last - 3, 6)
    return sorted(set(steps))


def lengths(num_steps: int) -> list[int]:
    """Returns for each step 0..N-1 how many steps have passed since the last checkpoint.

    0 stands for a step that is none; a checkpoint at N itself would come after the last step.
    """
    passed, last = [0] * num_steps, 0
    for step in checkpoints(num_steps):
        if step < num_steps:
            passed[step], last = step - last, step
    return passed
