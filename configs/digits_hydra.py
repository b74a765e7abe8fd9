"""A robust part of a trained network, chosen by scores, on the embedded digits: HYDRA.

    python main.py --config=configs/digits_hydra.py

Begins with a trained network, --config.model.weights=FOLDER of a finished run or its export, and
is fine-tuned by another run:

    python main.py --config=digits_standard --workdir=dense
    python main.py --config=digits_hydra --workdir=chosen --config.model.weights=dense
    python main.py --config=digits_magnitude_pruning --config.model.weights=chosen

Sehwag et al., HYDRA (NeurIPS 2020), with the allocation of Liu's thesis (EPFL 2022), section 5.1;
--config.subnetwork.gamma=1 is HYDRA's own.

Measured 2026-11-28, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf), after digits_standard, whose own is 95.83 / 72.50 / 67.50 /
66.39 / 68.89:
95.83 / 71.94 / 65.28 / 64.44 / 67.22.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.pruned(common.digits("standard"), rate=0.9, trained="scores")
