"""Training seen through its own FOSC: densities at chosen epochs, at the end, and the course.

arrays = fosc_by_epoch(Recording(folder), [2, 15, 25])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fosc_tf.analysis.bins import pearson
from fosc_tf.analysis.density import on_one_grid
from fosc_tf.analysis.difficulty import GROUPS, difficulty, groups
from fosc_tf.analysis.recording import Recording, not_recorded
from fosc_tf.analysis.store import Arrays
from fosc_tf.errors import UserError

EARLY_MIDDLE_LATE = (10 / 120, 60 / 120, 100 / 120)
"""Where epochs 10, 60 and 100 of Wang et al. 2019, Figures 3 and 5, lie in its 120 epochs."""


def chosen_epochs(recorded: list[int], wanted: Sequence[int]) -> list[int]:
    """Returns the `wanted` epochs, or an early, a middle and a late one where none is wanted.

    Args:
        recorded: 0-based epochs that there are, ascending.
        wanted: 0-based epochs.

    Raises:
        UserError: an epoch that is not recorded.
    """
    for epoch in wanted:
        if epoch not in recorded:
            raise not_recorded(epoch, recorded)
    if wanted or not recorded:
        return sorted(set(wanted))
    # The paper counts from 1.
    ideal = [share * (recorded[-1] + 1) - 1 for share in EARLY_MIDDLE_LATE]
    return sorted({min(recorded, key=lambda epoch: abs(epoch - place)) for place in ideal})


def fosc_by_epoch(recording: Recording, epochs: Sequence[int], *, upper: float = 0.1) -> Arrays:
    """Returns the density of the training examples' FOSC at each of `epochs`.

    Source: Wang et al. 2019, Figures 3a, 3c and 5.

    Returns:
        `epoch`, `count` (examples) and `share` (of examples in [0, upper]), [epochs]; `grid`
        [points] in loss units; `density` [epochs, points] in 1 / loss unit.

    Raises:
        UserError: an epoch that is not recorded, or whose values are all equal.
    """
    values = [recording.fosc(epoch) for epoch in epochs]
    grid, density = on_one_grid(values)
    return {
        "epoch": np.array(epochs),
        "count": np.array([len(each) for each in values]),
        "share": np.array([np.mean(each <= upper) for each in values]),
        "upper": np.array(upper),
        "grid": grid,
        "density": density,
    }


def last_epoch(recordings: Mapping[str, Recording]) -> Arrays:
    """Returns the densities of FOSC and of loss of the last recorded epoch's training examples.

    Source: Wang et al. 2019, Figures 2c to 2f.

    Args:
        recordings: by the name of their training setting; each has recorded FOSC.

    Returns:
        `setting` [settings] names; `epoch` and `count` [settings]; `fosc_grid` and `loss_grid`
        [points] in loss units; `fosc_density` and `loss_density` [settings, points] in
        1 / loss unit, NaN where a run did not record its loss.

    Raises:
        UserError: values that are all equal.
    """
    fosc = [each.fosc(each.epochs[-1]) for each in recordings.values()]
    loss = [each.loss(each.epochs[-1]) for each in recordings.values()]
    arrays = {
        "setting": np.array(list(recordings)),
        "epoch": np.array([each.epochs[-1] for each in recordings.values()]),
        "count": np.array([len(each) for each in fosc]),
    }
    for name, values in (("fosc", fosc), ("loss", loss)):
        arrays[f"{name}_grid"], arrays[f"{name}_density"] = on_one_grid(values)
    return arrays


def course(recording: Recording, *, upper: float = 0.1) -> Arrays:
    """Returns what each epoch's attacks cost and how far they converged.

    Returns:
        `epoch` [epochs], 0-based; `share` of examples whose FOSC is in [0, upper], `gradients`
        spent per example, `threshold` c_t in loss units and `frozen`, the share of examples that
        stopped before the last step: [epochs] float64, NaN where not recorded.
    """
    rows = {int(row["epoch"]): row for row in recording.history}
    for epoch in recording.epochs:
        share = float(np.mean(recording.fosc(epoch) <= upper))
        rows[epoch] = rows.get(epoch, {}) | {"share": share}
    epochs = sorted(rows)
    return {"epoch": np.array(epochs, int), "upper": np.array(upper)} | {
        name: np.array([rows[epoch].get(name, np.nan) for epoch in epochs], float)
        for name in ("share", "gradients", "threshold", "frozen")
    }


def gradient_norms(recording: Recording, epochs: Sequence[int], *, bins: int = 30) -> Arrays:
    """Returns how the norms of the input gradients at held-out images are spread in some epochs.

    Source: the histograms of Liu 2022 (thesis), section 5.2.2, which show the long tail of
    catastrophic overfitting.

    Returns:
        `epoch`, `median` and `largest` norm [epochs]; `edges` [bins + 1], of equal ratios, and
        `share` of the images in each bin [epochs, bins], those without a gradient left out.

    Raises:
        UserError: an epoch that is not recorded, or in which nothing has a gradient.
    """
    values = [recording.norms(epoch) for epoch in epochs]
    known = [each[each > 0] for each in values]
    if not all(each.size for each in known):
        raise UserError(
            "input gradients must not all be zero", "an epoch in which they are not", "all zero"
        )
    low = min(each.min() for each in known)
    high = max(each.max() for each in known)
    edges = np.geomspace(low, max(high, 1.001 * low), bins + 1)
    return {
        "epoch": np.array(epochs),
        "median": np.array([np.median(each) for each in values]),
        "largest": np.array([each.max() for each in values]),
        "edges": edges,
        "share": np.array([np.histogram(each, edges)[0] / len(each) for each in values]),
    }


def updates(recording: Recording) -> Arrays:
    """Returns what was measured of the first and of the last weight updates.

    Source: Liu 2022 (thesis), section 4.2.3.

    Returns:
        `count` N; for both parts, `first` and `last`, `PART_update` [n] int64, counted from 1,
        `PART_gradient_norm` (l2, loss units per unit of weight), `PART_distance` (l2, from the
        weights that training began with) and `PART_error`, share of the batch, [n] float64. A run
        of up to N updates has no last ones.

    Raises:
        UserError: nothing was measured, or its file is damaged.
    """
    known = recording.updates()
    if not known:
        raise UserError("weight updates must have been measured", "log.updates=500", "none")
    count = known.pop("count")
    early = known["update"] <= count
    return {"count": count} | {
        f"{part}_{name}": values[rows]
        for part, rows in (("first", early), ("last", ~early))
        for name, values in known.items()
    }


def adaptation(recording: Recording) -> Arrays:
    """Returns what the defense has adapted to examples of each tenth of difficulty.

    Source: Liu 2022 (thesis), Figures 4.23 to 4.26.

    Returns:
        `group` [groups], 0 the hardest tenth; for each value that is remembered of an example, such
        as its `radius`, the means over the groups under its name; of a `target`, the probability
        that it gives to the label, and `target_right`, the share whose largest is the label's; and
        `correlation_NAME`, that of the value with the difficulty, from -1 to 1.

    Raises:
        UserError: nothing that was adapted, or no losses of the examples.
    """
    known = recording.adapted()
    if not known:
        raise UserError("a defense must adapt something to examples", "iat, sat, ...", "none")
    label, trained_on = known.pop("label"), known.pop("trained_on")
    hard = difficulty(recording.losses(len(trained_on)))
    use = np.isfinite(hard) & trained_on
    values = {}
    for name, value in known.items():
        if value.ndim == 1:
            values[name] = value[use]
        else:  # zeros stand for the label
            unset = value.sum(axis=1) == 0
            values[name] = np.where(unset, 1.0, value[np.arange(len(label)), label])[use]
            right = unset | (value.argmax(axis=1) == label)
            values[f"{name}_right"] = right[use].astype(float)
    group = groups(hard)[use]
    members = [group == number for number in range(GROUPS)]
    arrays = {"group": np.arange(GROUPS), "count": np.array([each.sum() for each in members])}
    for name, value in values.items():
        arrays[name] = np.array([value[each].mean() if each.any() else np.nan for each in members])
        arrays[f"correlation_{name}"] = np.array(pearson(hard[use], value))
    return arrays
