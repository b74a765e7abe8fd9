"""Dynamic training with Amata's annealed steps on CIFAR-10.

    python main.py --config=configs/cifar_amata_dynamic.py

A combination that no paper prints numbers for; settings of `cifar_dynamic`.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return common.cifar(
        "dynamic",
        arg,
        least_steps=2,  # K of the first epoch, rising to num_steps
        **arguments.dynamic(control_epochs=100),
    )
