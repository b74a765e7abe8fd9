"""N-FGSM adversarial training on MNIST.

    python main.py --config=configs/mnist_n_fgsm.py

The paper has no MNIST; network, optimizer and epochs are those of `mnist_fast`. With the numbers of
CIFAR-10, noise=2.0 clipped to [0, 1], all robustness to more than one step was lost: held-out
accuracy after 4 of 10 epochs was 63.2 % clean and 0.1 % under PGD-10. With the noise of this config
it was 94.2 % and 42.3 % after 3 epochs, and rose. (2026-11-27, seed 0; no whole run was measured.)
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist_single_step(
        "n_fgsm",
        step_share=1.0,
        noise=1.0,  # radius of the noise in epsilons
        clip_noise=False,  # to [0, 1], before the step
    )
