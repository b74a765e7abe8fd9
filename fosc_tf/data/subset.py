"""Part of what is trained on: its easiest, hardest or any examples, as many of each class.

few = chosen(train, "hardest", 10000, num_classes=10, difficulty=d)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fosc_tf.data.held_out import Part
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import whole
from fosc_tf.sections import path, rules

KINDS = ("easiest", "random", "hardest")


def chosen(
    part: Part,
    kind: str,
    examples: int,
    *,
    num_classes: int,
    difficulty: np.ndarray | None = None,
    seed: int = 0,
) -> Part:
    """Returns `examples` of the part, examples / num_classes of each class, with their ids.

    The smaller of two subsets of one kind and seed is within the larger.

    Source: Liu 2022 (thesis), section 4.3.2.

    Args:
        part: what would be trained on.
        kind: "easiest", "random" or "hardest".
        examples: N, a multiple of `num_classes`.
        num_classes: labels run from 0 to this number - 1.
        difficulty: [n] by id of the whole training set, 0 the hardest, 1 the easiest, NaN where it
            is not known, which leaves the example out; None for "random".
        seed: of the random ones, >= 0.

    Raises:
        UserError: an unknown kind, a number that does not divide, a subset larger than a class
            has, difficulty of another data set.
    """
    if kind not in KINDS:
        raise unknown_name("subset", kind, KINDS)
    whole("subset_examples", examples, least=1)
    if examples % num_classes:
        raise UserError(
            "a subset has as many examples of each class",
            f"data.subset_examples={max(1, examples // num_classes) * num_classes}",
            f"data.subset_examples={examples} with {num_classes} classes",
        )
    if kind == "random":
        whole("seed", seed, least=0, below=2**63)
        rank = np.random.Philox(key=seed).random_raw(int(part.ids[-1]) + 1).astype(float)[part.ids]
    else:
        rank = _known(part, difficulty) * (-1 if kind == "easiest" else 1)
    places, each = [], examples // num_classes
    for label in range(num_classes):
        (own,) = np.nonzero((part.label == label) & ~np.isnan(rank))
        if len(own) < each:
            raise UserError(
                "a subset must not be larger than a class has examples to train on",
                f"data.subset_examples of at most {len(own) * num_classes}, or more data.examples",
                f"data.subset_examples={examples}, {each} of each class, "
                f"of {len(own)} of class {label}",
            )
        places.append(own[np.argsort(rank[own], kind="stable")[:each]])
    kept = np.sort(np.concatenate(places))
    return Part(part.image[kept], part.label[kept], part.ids[kept])


def _known(part: Part, difficulty: np.ndarray | None) -> np.ndarray:
    if difficulty is None or len(difficulty) <= part.ids[-1]:
        raise UserError(
            "a subset is chosen by the difficulty of the same training examples",
            f"difficulty of ids up to {part.ids[-1]}, of a run on the same data set",
            "none" if difficulty is None else f"difficulty of {len(difficulty)} examples",
        )
    return np.asarray(difficulty, float)[part.ids]


def _subset(name: str, value: Any, config: Mapping[str, Any]) -> None:
    settings = config["data"]
    examples, run = settings.get("subset_examples", 0), settings.get("subset_run", "")
    if value and value not in KINDS:
        raise unknown_name("subset", value, KINDS)
    if bool(value) != bool(examples):
        raise UserError(
            "a subset needs a number of examples, and a number a subset",
            "data.subset=hardest with data.subset_examples=10000, or neither",
            f"{name}={value!r} with data.subset_examples={examples}",
        )
    if bool(run) != (value in ("easiest", "hardest")):
        raise UserError(
            "easiest and hardest are told by the losses of another run, and nothing else is",
            "data.subset_run=FOLDER of a run on the same data, for easiest or hardest alone",
            f"{name}={value!r} with data.subset_run={run!r}",
        )


def _examples(name: str, value: Any, config: Mapping[str, Any]) -> None:
    del config
    whole(name, value, least=0)


rules("data", subset_examples=_examples, subset_run=path, subset=_subset)
