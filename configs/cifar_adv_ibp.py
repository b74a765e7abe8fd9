"""AdvIBP on CIFAR-10: Fan & Li 2021.

    python main.py --config=configs/cifar_adv_ibp.py
    python main.py --config=configs/cifar_adv_ibp.py:epsilon=2/255,short

Paper, DM-small, errors in % at 8/255 (clean / verified / PGD-200): 57.88 / 70.31 / 66.52.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    short = "short" in (arg or "")
    own = certified.adv_ibp_arguments(short, c_max=1e-3) | {"train_factor": 1.1}
    if not short:
        own |= {"clean_epochs": 400, "attacked_epochs": 410, "ramp_epochs": 1000}
        own |= {"control_epochs": 280}
    config = certified.cifar("adv_ibp", arg, {2: {"c_max": 1e-5}}, **own)
    return config if short else certified.adv_ibp_paper(config, 3200, (2200, 2700), 0.1)
