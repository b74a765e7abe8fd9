"""N-FGSM adversarial training on MNIST.

    python main.py --config=configs/mnist_n_fgsm.py

The paper has no MNIST; network, optimizer and epochs are those of `mnist_fast`.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist_single_step(
        "n_fgsm",
        step_share=1.0,
        noise=2.0,  # radius of the noise in epsilons
    )
