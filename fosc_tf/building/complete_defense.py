"""The defense of a config, with all that goes with every defense."""

from __future__ import annotations

import dataclasses

from ml_collections import ConfigDict

from fosc_tf import data, defenses
from fosc_tf.building.division import augmentation
from fosc_tf.building.taken import taken
from fosc_tf.defenses.periods import with_periods
from fosc_tf.defenses.relief import with_relief
from fosc_tf.errors import UserError
from fosc_tf.schedules import Clock
from fosc_tf.training import WeightAverage, WeightPerturbation
from fosc_tf.types import Defense


def defense(
    config: ConfigDict, steps_per_epoch: int, num_examples: int = 1, batch_size: int | None = None
) -> Defense:
    """Returns the config's defense; what it takes of the run's facts it gets by their names.

    Args:
        config: of an experiment.
        steps_per_epoch: batches of one pass over the part that is trained on.
        num_examples: of the whole training set, the held-out part too: ids run over all of it.
        batch_size: over all replicas; None is that of the config.

    Raises:
        UserError: arguments that make no defense.
    """
    entry = data.get(config.data.name)
    facts = {
        "steps_per_epoch": steps_per_epoch,
        "total_epochs": config.total_epochs,
        "num_examples": num_examples,
        "image_shape": entry.image_shape,
        "num_classes": entry.num_classes,
        "batch_size": batch_size or config.data.batch_size,
        "augment": augmentation(config.data),
    }
    arguments = taken(defenses.factory(config.defense.name), facts)
    arguments |= {name: config.defense[name] for name in config.defense if name != "name"}
    found = defenses.get(config.defense.name, **arguments)
    parts, clock = {}, Clock(steps_per_epoch)
    for part, make, size in (
        ("perturbation", WeightPerturbation, "gamma"),
        ("average", WeightAverage, "decay"),
    ):
        section = config[part]
        if section[size]:  # 0 leaves the defense its own
            parts[part] = make(section[size], from_epoch=section.from_epoch, clock=clock)
    if config.get("label_smoothing"):
        parts["label_smoothing"] = config.label_smoothing
    found = dataclasses.replace(found, **parts)
    if found.proof is not None and config.precision != "float32":
        raise UserError(
            "what bounds are trained of must be computed in float32",
            "precision=float32",
            f"precision={config.precision!r} with defense.name={config.defense.name!r}",
        )
    if periods(config):
        run = {"total_epochs": config.total_epochs, "steps_per_epoch": steps_per_epoch}
        found = with_periods(found, **config.periods, **run)
    going_back = config.get("monitor", {}).get("action") == "go_back"
    if going_back and found.proof is not None:
        raise UserError(
            "certified training descends bounds, which nothing learns to fool: it is not watched",
            "monitor.action=off or warn, or a defense that attacks",
            f"monitor.action='go_back' with defense.name={config.defense.name!r}",
        )
    return with_relief(found) if going_back else found


def periods(config: ConfigDict) -> tuple[int, ...]:
    """Returns the epochs of each period of epsilon; none where it does not rise in periods."""
    return tuple(config.get("periods", {}).get("lengths", ()))
