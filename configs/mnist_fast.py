"""Fast adversarial training (FGSM-RS) on MNIST: Wong et al. 2020.

    python main.py --config=configs/mnist_fast.py

Accuracy in % (clean / AutoAttack), as the list of that attack has it: 98.50 / 82.93.
Measured 2026-11-27, seed 0, two shared x86-64 cores, in four minutes; accuracy in % of the last
network (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
98.50 / 94.98 / 85.17 / 81.63 / 82.18.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist_single_step(
        "fast",
        step_share=1.25,
        weak_epochs=0,  # Amata + Fast: epochs with a fixed start before those with a random one
    )
