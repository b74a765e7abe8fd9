"""N-FGSM adversarial training on the embedded digits.

    python main.py --config=configs/digits_n_fgsm.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
90.28 / 59.44 / 55.28 / 55.00 / 53.89.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.digits(
        "n_fgsm",
        step_share=1.0,
        num_steps=0,
        noise=2.0,  # radius of the noise in epsilons
        clip_noise=True,  # to [0, 1], before the step
    )
    return common.cyclic(config, learning_rate=0.05)
