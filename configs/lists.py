"""What the lists of runs are made of, and the fields that several of them share."""

from __future__ import annotations

import itertools

ATTACKS = ("clean", "fgsm", "pgd-10", "pgd-20", "cw-linf", "pgd-20@1000", "autoattack@1000")
FULL = {"evaluation__attacks": (str(ATTACKS).replace(" ", ""),)}
"""AutoAttack sees the first 1,000 test images."""
SHORT = {
    "total_epochs": (15,),
    "optimizer__drop_epochs": ("(6,12)",),
    "evaluation__checkpoints": ("('last',)",),
    **FULL,
}
"""The paper's MNIST schedules in 15 epochs; the last network only."""
LAST = {"evaluation__checkpoints": ("('last',)",), "evaluation__check_examples": (0,)}
"""The last network only, and no checks of the evaluation."""


def runs(experiment: str, seeds: int = 1, **fields: tuple) -> tuple[tuple[str, ...], ...]:
    """Returns a run for each seed and each combination of values.

    Args:
        experiment: config without its folder and ending, such as "mnist_dynamic".
        seeds: how many, from 0.
        **fields: values by field; `__` stands for the dot, such as defense__epsilon=(0.1, 0.3). A
            field with one value is the same in all runs and stays out of the label.
    """
    found = []
    for values in itertools.product(*fields.values()):
        chosen = dict(zip(fields, values, strict=True))
        named = [f"{f.split('__')[-1]}={v}" for f, v in chosen.items() if len(fields[f]) > 1]
        label = ",".join([experiment, *named])
        flags = [f"--config.{f.replace('__', '.')}={value}" for f, value in chosen.items()]
        for seed in range(seeds):
            config = f"--config=configs/{experiment}.py"
            found.append((label, config, f"--config.seed={seed}", *flags))
    return tuple(found)


def labelled(
    label: str, experiment: str, of: str = "", **fields: tuple
) -> tuple[tuple[str, ...], ...]:
    """Returns the runs under a label of their own; `of` is what follows the config's colon."""
    return tuple(
        (f"{experiment},{label}", f"{config}{of}", *rest)
        for _, config, *rest in runs(experiment, **fields)
    )


def paper(data: str) -> tuple[tuple[str, ...], ...]:
    """Returns three seeds of the defenses of Wang et al. 2019, Table 1."""
    defenses = ("unsecured", "standard", "curriculum", "fgsm_pgd", "dynamic")
    return tuple(run for each in defenses for run in runs(f"{data}_{each}", seeds=3, **FULL))
