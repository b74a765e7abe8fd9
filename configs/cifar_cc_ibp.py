"""CC-IBP on CIFAR-10: De Palma et al. 2024.

    python main.py --config=configs/cifar_cc_ibp.py
    python main.py --config=configs/cifar_cc_ibp.py:epsilon=2/255,short

The authors train 260 epochs at 8/255. Verified accuracy in %: 63.78 at 2/255, 35.27 at 8/255.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    at_2 = {"alpha": 0.01, "l1": 3e-6, "num_steps": 8, "step_share": 0.25, "attack_factor": 2.1}
    own = certified.expressive_arguments(alpha=0.5, l1=0.0)
    return certified.cifar("cc_ibp", arg, {2: at_2}, **own)
