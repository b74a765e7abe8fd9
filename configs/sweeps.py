"""Many runs from one command: lists of experiments with their overrides.

    python main.py --config=sweeps:mnist_table --mode=sweep
    python main.py --config=sweeps:mnist_table --mode=sweep --config.only=3
    python main.py --config=sweeps:mnist_table --mode=sweep --config.jobs=0

The lists are in `configs/lists_*.py`. A run is (label, *arguments): runs with the same label differ
only in their seed, and the summary gives their mean and standard error. A job array starts the
second line with the number of each run, or one line each of what `config.print_only` prints; the
third then makes the table.

Further arguments for all runs go into `config.arguments`, which is split into words as a shell
splits its line: what has quotes or spaces of its own stands in another pair of quotes.

    "--config.arguments=--config.total_epochs=3 \"--config.evaluation.attacks=('clean','fgsm')\""
"""

from __future__ import annotations

import inspect

from ml_collections import ConfigDict

from configs import lists_cifar, lists_digits, lists_mnist, lists_proofs, lists_studies

SWEEPS = {
    name: found
    for module in (lists_digits, lists_mnist, lists_proofs, lists_studies, lists_cifar)
    for name, found in vars(module).items()
    if inspect.isfunction(found) and found.__module__ == module.__name__ and name[0] != "_"
}
"""Lists of runs by name."""


def get_config(name: str = "digits") -> ConfigDict:
    """Returns the sweep of that name, one of `SWEEPS`."""
    if name not in SWEEPS:
        raise ValueError(f"after the colon of --config goes {' or '.join(SWEEPS)}; not {name!r}")
    config = ConfigDict()
    config.runs = SWEEPS[name]()  # (label, *flags) of each
    config.arguments = ""  # of every run, such as --config.data.npz=mnist.npz; quotes: see above
    config.jobs = 1  # processes at a time; 0 starts none and sums up what is finished. They share
    # out the cores, and the GPUs if CUDA_VISIBLE_DEVICES lists them; else each takes all GPUs
    config.only = ()  # numbers of runs of the list, from 0, to run without a summary; () all
    config.print_only = False  # print a command for each run not finished, and run nothing
    return config.lock()
