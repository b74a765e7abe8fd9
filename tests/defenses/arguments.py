"""Small arguments for any registered defense, so that a new one is tested at once.

defense = defenses.get(name, **arguments_of(name))
"""

import inspect

from fosc_tf import defenses

SMALL = {
    "epsilon": 0.1,
    "num_steps": 2,
    "steps_per_epoch": 2,
    "total_epochs": 3,
    "control_epochs": 2,
    "fgsm_epochs": 1,
    "num_examples": 32,
    "constant_epochs": 1,
    "reset_epochs": 2,
    "batch_size": 16,
    "replays": 3,
    "num_passes": 2,
    "weak_epochs": 1,
    "start_epoch": 1,
    "ramp_epochs": 1,
    "clean_epochs": 1,
    "attacked_epochs": 0,
    "num_classes": 10,
    "closest": 2,
    "warm_up_epochs": 1,
    # Of a divergence so near its minimum rounding decides many a sign.
    "deviation": 0.05,
}


def arguments_of(name):
    """Returns those of `SMALL` that the defense called `name` takes."""
    return taken_by(name, **SMALL)


def taken_by(name, **offered):
    """Returns those of the arguments offered that the defense called `name` takes."""
    taken = inspect.signature(defenses.factory(name)).parameters
    return {argument: value for argument, value in offered.items() if argument in taken}
