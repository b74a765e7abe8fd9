"""How hard each example is: its rank among all by the mean of its losses while training.

d = difficulty(losses)                  # [epochs, n] -> [n], 0 the hardest
difficulty_distance(d, d_of_another_run)
difficulty_of_run("runs/digits_standard")       # [n] by id
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from scipy import stats

from fosc_tf import files
from fosc_tf.analysis.recording import Recording
from fosc_tf.errors import UserError
from fosc_tf.number import whole

GROUPS = 10


def difficulty(losses: np.ndarray) -> np.ndarray:
    """Returns the share of examples whose mean loss is larger, ties counting half.

    Source: Liu 2022 (thesis), section 4.3.1, with the adversarial losses of training epochs.

    Args:
        losses: [epochs, n] floating, NaN where an example was not recorded.

    Returns:
        [n] float64 in (0, 1): near 0 the hardest, near 1 the easiest; NaN for an example that was
        never recorded.

    Raises:
        UserError: another shape, or nothing recorded at all.
    """
    losses = np.asarray(losses, np.float64)
    known = ~np.isnan(losses)
    if losses.ndim != 2 or not known.any():
        raise UserError(
            "losses must be those of each example in each epoch, some of them recorded",
            "an array [epochs, n]",
            f"an array of shape {list(losses.shape)}" + " without a number" * (losses.ndim == 2),
        )
    seen = known.any(axis=0)
    mean = np.where(known, losses, 0.0).sum(axis=0)[seen] / known.sum(axis=0)[seen]
    found = np.full(losses.shape[1], np.nan)
    found[seen] = (seen.sum() - stats.rankdata(mean) + 0.5) / seen.sum()
    return found


def difficulty_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the mean difference of two difficulties of the same examples.

    0 for the same order, 1/2 for the reverse and 1/3 on average for random ones (the thesis prints
    0.375). Examples that one of them does not know are left out.

    Source: Liu 2022 (thesis), section 4.3.1.

    Args:
        one: [n], from `difficulty`.
        other: [n], of the same examples.

    Raises:
        UserError: of other numbers of examples, or with none in common.
    """
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.ndim != 1:
        raise UserError(
            "difficulties are compared example by example",
            "two arrays [n]",
            f"shapes {list(one.shape)} and {list(other.shape)}",
        )
    apart = np.abs(one - other)
    if np.isnan(apart).all():
        raise UserError(
            "two difficulties must know some of the same examples", "some in common", "none"
        )
    return float(np.nanmean(apart))


def difficulty_of_run(
    folder: str | os.PathLike,
    *,
    first_epoch: int = 0,
    of: str = "loss",
    num_examples: int | None = None,
    sha256: str | None = None,
) -> np.ndarray:
    """Returns the difficulty of a work folder's training examples by id, [n] float64.

    From the cross-entropy at the images trained on, see `callbacks.ExampleLosses`. NaN for what
    was not trained on, such as held-out examples.

    Source: Liu 2022 (thesis), section 4.3.1; its released code drops 10 epochs.

    Args:
        folder: of a run.
        first_epoch: 0-based, the first one that counts.
        of: "loss", or "error" for the mean 0-1 error, which has many ties.
        num_examples: n of the examples that are asked about; None for any.
        sha256: fingerprint of their data set, `Arrays.sha256`; None for any.

    Raises:
        UserError: a run without recorded losses from that epoch on, difficulty of another data set.
    """
    recording = Recording(files.local(folder, "folder"))
    losses = recording.every_loss(of)
    _check_data(recording, losses.shape[1], num_examples, sha256)
    known = np.array(recording.epochs_of_losses) >= whole("first_epoch", first_epoch, least=0)
    if not known.any():
        raise UserError(
            "difficulty is taken from epochs whose losses were recorded",
            f"first_epoch of at most {recording.epochs_of_losses[-1]}",
            f"first_epoch={first_epoch}",
        )
    return difficulty(losses[known])


def difficulty_distances(
    runs: Sequence[str | os.PathLike], *, first_epoch: int = 0, of: str = "loss"
) -> np.ndarray:
    """Returns the D-distance of each pair of work folders, [runs, runs] float64, symmetric.

    Source: Liu 2022 (thesis), Table 4.3.

    Args:
        runs: work folders of runs on the same data set.
        first_epoch: as for `difficulty_of_run`.
        of: as there.

    Raises:
        UserError: what `difficulty_of_run` refuses; runs on several data sets.
    """
    first = Recording(files.local(runs[0], "folder")) if runs else None
    same = {} if first is None else {"sha256": _fingerprint(first) or None}
    found = [difficulty_of_run(each, first_epoch=first_epoch, of=of, **same) for each in runs]
    return np.array([[difficulty_distance(one, other) for other in found] for one in found])


def _check_data(recording: Recording, n: int, num_examples: int | None, sha256: str | None) -> None:
    own = _fingerprint(recording)
    other = bool(own and sha256) and own != sha256
    if num_examples in (None, n) and not other:
        return
    wanted = "" if num_examples is None else f"{num_examples} examples, "
    raise UserError(
        "difficulty must be that of the same training set",
        f"a run on {wanted}data of fingerprint {(sha256 or 'any')[:12]}",
        f"{recording.folder}: {n} examples, data of fingerprint {(own or 'unknown')[:12]}",
    )


def _fingerprint(recording: Recording) -> str:
    """Returns the SHA-256 of the data that a run was trained on, "" where nothing tells."""
    path = recording.folder / "run.json"
    if not path.exists():
        return ""
    form = {"data": ({"sha256": (str, None)}, None)}
    return (files.read_json(path, form, "an undamaged file").get("data") or {}).get("sha256") or ""


def groups(difficulty: np.ndarray, count: int = GROUPS) -> np.ndarray:
    """Returns the group of each example, [n] int: 0 the hardest tenth; -1 where it is not known.

    Source: Liu 2022 (thesis), section 4.3.2: group i holds i / 10 <= d < (i + 1) / 10.
    """
    known = ~np.isnan(difficulty)
    found = np.floor(count * np.where(known, difficulty, 0.0)).astype(int)
    return np.where(known, np.minimum(found, count - 1), -1)
