"""The images of a config: what is trained on, what is held out, how batches are augmented."""

from __future__ import annotations

from ml_collections import ConfigDict

from fosc_tf import data


def parts(config: ConfigDict, arrays: data.Arrays) -> tuple[data.Part, data.Part]:
    """Returns what is trained on and what is held out of a training set.

    Args:
        config: of an experiment.
        arrays: cut to `data.examples`.

    Raises:
        UserError: more held-out images than there are, a subset that cannot be chosen.
    """
    train, held_out = data.split(arrays, held_out=config.data.held_out, seed=config.seed)
    if config.data.get("subset"):
        train = _subset(config, arrays, train)
    return train, held_out


def _subset(config: ConfigDict, arrays: data.Arrays, train: data.Part) -> data.Part:
    """Returns what `config.data.subset` leaves of the part that is trained on."""
    settings, difficulty = config.data, None
    if settings.subset_run:
        # Only a run on a subset needs what draws and ranks, which is slow to import.
        from fosc_tf.analysis.difficulty import difficulty_of_run

        difficulty = difficulty_of_run(
            settings.subset_run, num_examples=len(arrays.x_train), sha256=arrays.sha256
        )
    return data.chosen(
        train,
        settings.subset,
        settings.subset_examples,
        num_classes=data.get(settings.name).num_classes,
        difficulty=difficulty,
        seed=config.seed,
    )


def augmentation(config: ConfigDict) -> data.Augmentation | None:
    """Returns what the catalog says of the dataset, or None where the config wants none."""
    return data.get(config.name).augment if config.augment else None
