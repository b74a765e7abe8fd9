"""Fast adversarial training (FGSM-RS) on CIFAR-10: Wong et al. 2020.

    python main.py --config=configs/cifar_fast.py

Paper, accuracy in % of its PreAct-ResNet-18 (clean / PGD-50 of 10 restarts), 30 epochs:
83.81 / 46.06. Its code has 15 epochs, as here.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar(
        "fast",
        arg or "model=preact_resnet18",
        step_share=1.25,
        num_steps=0,
        weak_epochs=0,  # Amata + Fast: epochs with a fixed start before those with a random one
    )
    return common.cyclic(config, total_epochs=15, learning_rate=0.2)
