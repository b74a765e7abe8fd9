"""FGSM training with gradient alignment on MNIST.

    python main.py --config=configs/mnist_grad_align.py

The paper has no MNIST; network, optimizer and epochs are those of `mnist_fast`, at whose learning
rate of 0.005 nothing was learnt in two epochs. At 0.001 the weight of CIFAR-10, 0.2, collapses in
epoch 3 of 10 and withstands nothing at the end. Of 20,000 images and 8 epochs a weight of 1 left
42 % under PGD-10 without a collapse, and 5 the constant classifier (2026-11-28, seed 0).
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.mnist_single_step(
        "grad_align",
        step_share=1.0,
        alignment=1.0,  # weight of 1 - cosine
    )
    config.optimizer.learning_rate = 1e-3
    return config
