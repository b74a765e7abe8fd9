"""FGSM training with gradient alignment on MNIST.

    python main.py --config=configs/mnist_grad_align.py

The paper has no MNIST; network, optimizer and epochs are those of `mnist_fast`.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist_single_step(
        "grad_align",
        step_share=1.0,
        alignment=0.2,  # weight of 1 - cosine
    )
