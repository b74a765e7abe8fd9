"""Standard training with the recipe that most methods of today are compared with.

    python main.py --config=configs/cifar_strong.py

PreAct-ResNet-18, 200 epochs, weight decay 5e-4; the best epoch is chosen by PGD-10 on 1,000
held-out images, where Rice et al. 2020 look at the test set. What made it stronger since:
--config.perturbation.gamma=0.01 (AWP), --config.label_smoothing=0.1, --config.average.decay=0.995.
"""

from configs import changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return changes.strong(common.cifar("standard", arg or "model=preact_resnet18"))
