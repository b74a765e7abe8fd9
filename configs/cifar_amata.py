"""Amata on CIFAR-10: Ye et al. 2021, section 3.1, Table 2.

    python main.py --config=configs/cifar_amata.py

Paper, accuracy in % of its PreAct-ResNet-18 (clean / PGD-20): 85.52 / 47.62, in 14,309 seconds;
its PGD-10 training: 85.27 / 47.31 in 23,108. The column C&W of its table is another attack than
C&W-linf here.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar("amata", arg or "model=preact_resnet18", **arguments.amata())
    config.total_epochs = 100
    config.optimizer.learning_rate = 0.05
    config.optimizer.drop_epochs = (75, 90)
    config.optimizer.weight_decay = 5e-4
    return config
