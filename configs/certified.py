"""What certified experiments share: the recipe of Shi et al. 2021, and the fields of each defense.

A leaf calls `digits`, `mnist` or `cifar` with the defense it trains and returns the result.
"""

from __future__ import annotations

from configs import common
from configs.common import Config


def ramp_arguments(start_epoch: int, ramp_epochs: int) -> dict[str, object]:
    """Returns the fields of a radius that rises."""
    return {
        "start_epoch": start_epoch,  # 0-based, with which epsilon begins to rise from 0
        "ramp_epochs": ramp_epochs,  # epochs in which it rises
    }


def interval_arguments() -> dict[str, object]:
    """Returns the fields that IBP and CROWN-IBP have."""
    return {
        "kappa_start": 0.0,  # weight of the clean cross-entropy at epsilon 0
        "kappa_end": 0.0,  # and at the largest epsilon
    }


def sabr_arguments(share: float = 0.6, l1: float = 1e-6) -> dict[str, object]:
    """Returns the fields that only SABR has."""
    return {
        **interval_arguments(),
        "share": share,  # lambda, half-width of the small box over that of the whole
        "keeps": 1.0,  # share of upper ends kept at ReLUs of open sign; below 1 no bounds any more
        "num_steps": 8,  # K of the attack
        "step_share": 0.5,  # length of its first steps over epsilon
        "l1": l1,
        "has_norm": False,
        **gate_arguments(),
    }


def expressive_arguments(alpha: float, l1: float) -> dict[str, object]:
    """Returns the fields that MTL-IBP and CC-IBP have."""
    return {
        "alpha": alpha,  # weight of the bounds, the attack has the rest
        "attack_factor": 1.0,  # radius of the attack over that of the intervals
        "num_steps": 1,  # K of the attack
        "step_share": 2.0,  # length of its steps over its radius; a single one of 2 finds a corner
        "l1": l1,
        "has_norm": False,
        **gate_arguments(),
    }


def gate_arguments() -> dict[str, object]:
    """Returns the fields of an inner attack that FOSC may stop."""
    return {
        "c_max": 0.0,  # nats of one example, the first threshold; 0 has no gate
        "control_epochs": 40,  # T', epochs until it is 0
    }


def adv_ibp_arguments(short: bool, c_max: float = 1e-4) -> dict[str, object]:
    """Returns the fields that only AdvIBP has."""
    return {
        "start_epoch": None,  # follows the first two
        "clean_epochs": 1 if short else 10,  # on clean images
        "attacked_epochs": 2 if short else 40,  # on adversarial images, before epsilon rises
        "ramp_epochs": 10 if short else 50,  # epochs in which epsilon rises from 0
        "has_norm": False,
        "warm_up": 0.0,
        "bound": "ibp",  # ibp | crown-ibp
        "c_max": c_max,  # the first threshold: the adversarial loss leads below it
        "control_epochs": 10 if short else 50,  # T', epochs from the ramp's end until it is 0
        "fosc_of": "batch",  # unit of c_max: gradient of the batch's mean loss, or of an example
        "beta_1": 0.9,  # decay of the gradients' averages
        "beta_2": 0.99,  # decay of those of their norms
        "fixed_weight": 0.0,  # of the bounds beside 1 of the attack, instead; 0 mixes
        "latent_layer": "",  # before which layer is attacked; "" the image
        "step_share": 1.25,  # length of the attack's step over its radius
    }


def per_arguments(beta: float, examples: int = 0) -> dict[str, object]:
    """Returns the fields that only PER has."""
    return {
        "alpha": 0.15,  # distance from which on envelopes cost nothing
        "beta": beta,  # weight
        "closest": 4,  # wrong classes that count, C
        "examples": examples,  # of each batch that are looked at; 0 all
        "inner": "linear",  # bounds within: linear | interval
        "attacked": True,  # PER+at; False is PER
        "doublings": 0,  # of the radius on its way to epsilon
        "doubling_epochs": 20,  # epochs between two of them
        "from_epoch": 0,  # 0-based, from which on envelopes count
    }


def crown_arguments() -> dict[str, object]:
    """Returns the fields that CROWN-IBP has."""
    return {
        **interval_arguments(),
        "beta_end": 0.0,  # weight of the linear bounds at the largest epsilon; at 0 it is 1
        "loss_fusion": True,  # one row of linear bounds for all classes
    }


FIELDS = {
    "ramp": "smooth",  # how epsilon rises: smooth | linear
    "train_factor": 1.0,  # largest epsilon in training over epsilon
    "warm_up": 0.5,  # lambda, weight of the regularisers while epsilon rises; 0 none
    "l1": 0.0,  # weight of the kernels' magnitudes
}
"""The fields that all certified defenses have, besides the two epochs of the ramp."""


def digits(defense: str, **arguments: object) -> Config:
    """Returns a small certified experiment on the embedded 8x8 digits, about a minute."""
    config = _trained(common.base(), total_epochs=40, drop_epochs=(30, 36))
    config.optimizer.learning_rate = 2e-3
    config.certification.curve_examples = 100
    config.evaluation.checkpoints = ("best",)  # which proofs of held-out images have chosen
    own = FIELDS | ramp_arguments(1, 20) | arguments
    return common.with_defense(config, defense, epsilon=0.05, **_ended(own, config.total_epochs))


def mnist(
    defense: str,
    arg: str | None = None,
    of_epsilon: dict[float, dict[str, object]] | None = None,
    **arguments: object,
) -> Config:
    """Returns the MNIST recipe of Shi et al. 2021 for DM-small with batch norm.

    Args:
        defense: its name.
        arg: what follows the colon: `epsilon=0.1`, 0.2, 0.3 or 0.4, and `short` for 25 epochs, both
            with a comma between them.
        of_epsilon: arguments of the defense at a radius.
        **arguments: the defense's own.
    """
    radii = {f"{each}": each for each in (0.3, 0.1, 0.2, 0.4)}
    epsilon, short = _radius(arg, radii)
    epochs = {"total_epochs": 25, "drop_epochs": (18, 22)} if short else {}
    config = _trained(common.base(), **{"total_epochs": 70, "drop_epochs": (50, 60)} | epochs)
    config.data.name = "mnist"
    config.data.batch_size = 256
    config.data.held_out = 1000
    config.evaluation.batch_size = 500
    config.checkpoint.every_steps = 200
    config.log.fosc_every = 10
    own = FIELDS | ramp_arguments(1, 10 if short else 20) | arguments
    own |= (of_epsilon or {}).get(epsilon, {})
    return common.with_defense(config, defense, epsilon=epsilon, **_ended(own, config.total_epochs))


def cifar(
    defense: str,
    arg: str | None = None,
    of_epsilon: dict[int, dict[str, object]] | None = None,
    **arguments: object,
) -> Config:
    """Returns the CIFAR-10 recipe of Shi et al. 2021: CNN7, 160 epochs; for GPUs.

    Args:
        defense: its name.
        arg: what follows the colon: `epsilon=2/255`, 8/255 or 16/255, and `short` for DM-small in
            30 epochs.
        of_epsilon: arguments of the defense at a radius, in 255ths.
        **arguments: the defense's own.
    """
    epsilon, short = _radius(arg, {f"{n}/255": n / 255 for n in (8, 2, 16)})
    epochs = {"total_epochs": 30, "drop_epochs": (22, 27)} if short else {}
    config = _trained(common.base(), **{"total_epochs": 160, "drop_epochs": (120, 140)} | epochs)
    config.data.name = "cifar10"
    config.data.batch_size = 128
    config.data.held_out = 1000
    config.data.augment = True
    if not short:
        config.model.name, config.model.width = "cnn7", 64  # filters of the first two layers
    config.evaluation.batch_size = 500
    config.checkpoint.every_steps = 100
    config.log.fosc_every = 10
    own = FIELDS | ramp_arguments(2, 12 if short else 80) | arguments
    own |= (of_epsilon or {}).get(round(epsilon * 255), {})
    return common.with_defense(config, defense, epsilon=epsilon, **_ended(own, config.total_epochs))


def _ended(arguments: dict[str, object], total_epochs: int) -> dict[str, object]:
    """Returns the arguments without fields that the defense does not have, which are None here, and
    no schedule longer than the run."""
    kept = {name: value for name, value in arguments.items() if value is not None}
    if "control_epochs" in kept:
        kept["control_epochs"] = min(kept["control_epochs"], total_epochs)
    return {"attacks": False, "num_steps": 0, "step_share": None} | kept


def _trained(config: Config, *, total_epochs: int, drop_epochs: tuple[int, ...]) -> Config:
    """Returns the config with the network and optimizer of Shi et al. 2021."""
    config.total_epochs = total_epochs
    config.model.name = "dm_small"
    config.model.batch_norm = True  # before each activation
    config.model.initialization = "ibp"
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 5e-4
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 10.0
    config.optimizer.drop_epochs = drop_epochs
    config.optimizer.drop_factor = 0.2
    return config


def _radius(arg: str | None, radii: dict[str, float]) -> tuple[float, bool]:
    """Returns the radius, the first one if none is named, and whether `short` is wanted."""
    radius, short = next(iter(radii)), False
    for word in (arg or "").split(",") if arg else []:
        name, _, value = word.partition("=")
        if word == "short":
            short = True
        elif name == "epsilon" and value in radii:
            radius = value
        else:
            choices = " or ".join(f"epsilon={each}" for each in radii)
            raise ValueError(f"after the colon of --config goes {choices}, short; not {arg!r}")
    return radii[radius], short


def with_model(config: Config, name: str) -> Config:
    """Returns the config with the plain network of that name, as Keras draws its weights."""
    with config.unlocked():
        config.model = Config({"name": name, "weights": "", "initialization": "keras"})
    return config


def adv_ibp_paper(
    config: Config, total_epochs: int, drop_epochs: tuple[int, ...], drop_factor: float
) -> Config:
    """Returns the config with the network and schedule of Fan & Li 2021."""
    config.total_epochs = total_epochs
    config.optimizer.drop_epochs = drop_epochs
    config.optimizer.drop_factor = drop_factor
    config.optimizer.clip_norm = 0.0
    config.data.batch_size = 256
    return with_model(config, "dm_small")


def enveloped(config: Config, drop_epochs: tuple[int, ...] = ()) -> Config:
    """Returns the config with the schedule of Liu's thesis, Table 3.5."""
    config.total_epochs = 100
    config.data.batch_size = 100
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.weight_decay = 0.0
    config.optimizer.drop_epochs = drop_epochs
    return config
