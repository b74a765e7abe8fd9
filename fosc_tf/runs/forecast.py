"""How long a run goes on after its training, told from its pace: for the time left.

afterwards = of(experiment)
afterwards(compilation_seconds, seconds_a_gradient)
"""

from __future__ import annotations

from collections.abc import Callable

from fosc_tf import build
from fosc_tf.evaluation.stages import Stages, stages

_CHECKS = ("fgsm", "pgd-20", "pgd-100x3", "apgd-ce")
"""The attacks of the sanity checks, or such as cost what they do."""
_SHARE = 0.3  # of the first training step, to compile one attack: measured on the digits


def of(experiment: build.Experiment) -> Callable[[float, float], float]:
    """Returns the seconds of evaluation, checks and export by those of the first training step,
    which compiles, and those of one gradient of one example.

    An estimate: as if all examples took all steps, on the network's way back alone.
    """
    config, test = experiment.config, len(experiment.arrays.x_test)
    settings = config.evaluation
    ball = {"epsilon": settings.epsilon, "norm": settings.norm}
    examples = min(settings.examples or test, test)
    plans = [(stages(name, **ball), examples) for name in settings.attacks]
    plans += [(plan, examples) for plan, _ in plans for _ in settings.epsilons if plan.attacks]
    checked = min(settings.check_examples, test)
    if checked:
        plans += [(stages(name, **ball), checked) for name in _CHECKS]
    networks = len(settings.checkpoints) if len(experiment.held_out.image) else 1
    # Equal attacks on a network share what is compiled.
    attacks = [str(each.parameters()) for plan, _ in plans for each in plan.attacks.values()]
    compiled = networks * (len(set(attacks)) + 1)
    gradients = networks * sum(_gradients(plan) * min(plan.examples or n, n) for plan, n in plans)
    return lambda compilation, gradient: compiled * _SHARE * compilation + gradients * gradient


def _gradients(plan: Stages) -> int:
    """Returns how many gradients an example takes at most: steps, each towards all targets."""
    total = 0
    for attack in plan.attacks.values():
        numbers = attack.parameters()
        steps, targets = (numbers.get(name, 1) for name in ("num_steps", "num_targets"))
        total += steps * targets if isinstance(steps, int) else 1
    return total
