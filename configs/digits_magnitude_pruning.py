"""The largest weights of a trained network, trained on, on the embedded digits.

    python main.py --config=configs/digits_magnitude_pruning.py

Begins with a trained network, --config.model.weights=FOLDER of a finished run or its export: of a
dense run, one-shot pruning and adversarial fine-tuning; of a run of this config at a lower rate,
iterative pruning; of a run of digits_hydra, its fine-tuning:

    python main.py --config=digits_standard --workdir=dense
    python main.py --config=digits_magnitude_pruning --workdir=half \\
        --config.model.weights=dense --config.subnetwork.rate=0.5
    python main.py --config=digits_magnitude_pruning --config.model.weights=half

Han et al. (NeurIPS 2015), with the allocation of Liu's thesis (EPFL 2022), section 5.1;
--config.subnetwork.gamma=1 is the same share of each layer.

Measured 2026-11-28, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf), after digits_standard, whose own is 95.83 / 72.50 / 67.50 /
66.39 / 68.89:
96.11 / 71.94 / 65.28 / 64.44 / 68.33; after digits_hydra
96.39 / 72.22 / 66.11 / 64.44 / 68.06.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.pruned(common.digits("standard"), rate=0.9, trained="weights")
