"""AdvIBP on MNIST: Fan & Li 2021.

    python main.py --config=configs/mnist_adv_ibp.py
    python main.py --config=configs/mnist_adv_ibp.py:epsilon=0.1,short

Paper, DM-small, errors in % (clean / verified / PGD-200): 1.63 / 3.69 / 2.70 at 0.1, 4.15 / 10.80 /
6.83 at 0.3. With `--config.defense.bound=crown-ibp` it is AdvCROWN-IBP. A stage of a layer goes on
with `--config.model.weights=FOLDER --config.defense.latent_layer=conv2`, no clean or attacked
epochs and `--config.optimizer.learning_rate=1.25e-4`.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    short = "short" in (arg or "")
    half = {"c_max": 1e-5}  # trained at 0.2 for 0.1 and 0.2, at 0.4 for 0.3 and 0.4
    of_epsilon = {
        0.1: half | {"train_factor": 2.0},
        0.2: half,
        0.3: {"train_factor": 4 / 3},
    }
    own = certified.adv_ibp_arguments(short)
    config = certified.mnist("adv_ibp", arg, of_epsilon, **own)
    return config if short else certified.adv_ibp_paper(config, 250, (150, 200), 0.25)
