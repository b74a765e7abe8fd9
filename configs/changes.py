"""What experiments change together: schedules, periods of epsilon, parts of a network.

A leaf takes a finished config through them: changes.strong(common.cifar("trades")).
"""

from __future__ import annotations

from ml_collections import ConfigDict as Config


def adapting_radii(config: Config, warm_up_epochs: int) -> Config:
    """Returns the config with the fields that only IAT has."""
    defense = config.defense
    with config.unlocked():
        defense.change = defense.get_ref("epsilon") * 0.2375  # gamma, what a radius is tried by
        defense.rate = 0.1  # share of the way that a radius moves to the one it withstands
        defense.most_epsilon = float("inf")  # no radius is larger
        defense.warm_up_epochs = warm_up_epochs  # in which everyone has epsilon
    return config


def in_periods(config: Config, lengths: tuple[int, ...], **of_rise: object) -> Config:
    """Returns the config whose epsilon rises in periods, the drops of the rate within the first.

    Args:
        config: changed in place.
        lengths: of the periods, epochs.
        **of_rise: further fields of `config.periods`.
    """
    share = lengths[0] / config.total_epochs
    drops = tuple(int(epoch * share) for epoch in config.optimizer.drop_epochs)
    config.optimizer.drop_epochs = drops
    config.total_epochs = sum(lengths)
    config.periods.lengths = lengths
    for name, value in of_rise.items():
        config.periods[name] = value
    return config


def fine_tuning(config: Config) -> Config:
    """Returns the config with the schedule of Liu's thesis, section 4.3.5: an epoch at one rate."""
    config.total_epochs = 1
    config.optimizer.schedule = "constant"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.drop_epochs = ()
    config.optimizer.weight_decay = 5e-4
    return config


def strong(config: Config) -> Config:
    """Returns the config with the recipe that most methods of today are compared with.

    Source: Rice et al. 2020, the code of its authors; Pang et al. 2021 for the weight decay.
    """
    config.total_epochs = 200
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = (100, 150)
    config.optimizer.weight_decay = 5e-4
    return config


def subnetwork(config: Config, rate: float = 0.99) -> Config:
    """Returns the config with the settings of Liu's thesis, section 5.1: scores are trained.

    Source: the thesis for rate, gamma and schedule; the code of its authors for the rest.
    """
    config.subnetwork.rate = rate
    config.optimizer.schedule = "cosine"
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = ()
    config.optimizer.weight_decay = 5e-4
    return config


def pruned(config: Config, rate: float, trained: str) -> Config:
    """Returns the config whose network is a part of the one that `model.weights` names.

    The schedule is one of fine-tuning, of this project: a third of the epochs, the rate falling
    from a fifth.

    Args:
        config: changed in place.
        rate: share of all weights that goes.
        trained: scores, which choose the part, or weights.
    """
    config.subnetwork.rate = rate
    config.subnetwork.weights = "own"
    config.subnetwork.trained = trained
    config.total_epochs //= 3
    config.optimizer.schedule = "cosine"
    config.optimizer.learning_rate /= 5
    config.optimizer.drop_epochs = ()
    return config


def binary_connect(config: Config) -> Config:
    """Returns the config whose network works by the signs of its weights.

    Adam, of which steps have one size: a last batch norm divides by the deviation of sums of
    signs, which leaves gradients far below those of other networks. Weights do not decay: only
    their signs work.
    """
    config.subnetwork.trained = "signs"
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 0.01
    config.optimizer.momentum = 0.0
    config.optimizer.schedule = "cosine"
    config.optimizer.drop_epochs = ()
    config.optimizer.weight_decay = 0.0
    return config
