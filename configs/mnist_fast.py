"""Fast adversarial training (FGSM-RS) on MNIST: Wong et al. 2020.

    python main.py --config=configs/mnist_fast.py

Accuracy in % (clean / AutoAttack), as the list of that attack has it: 98.50 / 82.93.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist_single_step(
        "fast",
        step_share=1.25,
        weak_epochs=0,  # Amata + Fast: epochs with a fixed start before those with a random one
    )
