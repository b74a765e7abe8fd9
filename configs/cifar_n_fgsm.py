"""N-FGSM adversarial training on CIFAR-10: de Jorge et al. 2022.

    python main.py --config=configs/cifar_n_fgsm.py

PreAct-ResNet-18, 30 epochs. No number of the paper is at hand that was checked.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar(
        "n_fgsm",
        arg or "model=preact_resnet18",
        step_share=1.0,
        num_steps=0,
        noise=2.0,  # radius of the noise in epsilons
        clip_noise=True,  # to [0, 1], before the step
    )
    return common.cyclic(config, total_epochs=30, learning_rate=0.2)
