"""Who survives: the loop over a dataset that every evaluation shares.

survival = Survival(network, dataset, seed=0)
survival.row(stages("pgd-20", epsilon=0.3))
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.errors import UserError
from fosc_tf.evaluation.journal import Journal, Known, fingerprint, key
from fosc_tf.evaluation.stages import Stages
from fosc_tf.training.first_batch import check_batch
from fosc_tf.types import Attack, Batch


class _Examples(NamedTuple):
    """One batch: images, labels, its number, and the place of its first example in the set."""

    image: np.ndarray
    label: np.ndarray
    number: int
    first: int

    def digest(self) -> str:
        """Returns what tells these images and labels from others."""
        content = hashlib.sha256(self.image.tobytes())
        content.update(self.label.tobytes())
        return content.hexdigest()[:16]


class Survival:
    """Judges `network` on `dataset` after attacks on it or, for transfer, on a surrogate.

    Args:
        network: maps images to logits.
        dataset: batches of (image, label), or dicts with these.
        seed: decides, with the stage and the batch, all random numbers.
        journal: what is already known; None finds everything anew at each call, as for a network
            whose weights change in between.
        surrogate: what the attacker knows; the network itself if None.

    Attributes:
        farthest: the largest distance of a judged image from its clean one over all rows, as a
            share of epsilon; above 1 an attack left its ball.
        outside: the farthest a judged pixel was from [0, 1].

    Raises:
        UserError: an endless dataset; when judging, an empty one or one that does not fit.
    """

    def __init__(
        self,
        network: Any,
        dataset: tf.data.Dataset,
        *,
        seed: int,
        journal: Journal | None = None,
        surrogate: Any = None,
    ) -> None:
        self.network, self.dataset, self.seed, self.journal = network, dataset, seed, journal
        self.surrogate = network if surrogate is None else surrogate
        self._identity: list[str] = []
        if journal is not None:
            first = next(iter(dataset), None)
            if first is None:
                raise _empty()
            sample = Batch.of(first).image[:4]
            both = [network] if surrogate is None else [network, surrogate]
            self._identity = [fingerprint(each, sample) for each in both]
        self.farthest = self.outside = 0.0
        self._classes: int | None = None
        self._right: Callable[..., tf.Tensor] | None = None
        if (
            isinstance(dataset, tf.data.Dataset)
            and dataset.cardinality() == tf.data.INFINITE_CARDINALITY
        ):
            raise UserError("the dataset must end", "one without repeat()", "an endless dataset")

    def row(self, plan: Stages) -> dict[str, Any]:
        """Returns attack, accuracy in 0..1, n, parameters, and `after` with several stages."""
        masks = self.masks(plan)
        after = {name: float(np.mean(mask)) for name, mask in masks.items()}
        last = list(masks.values())[-1]
        row = {"attack": plan.name, "accuracy": float(np.mean(last)), "n": len(last)}
        row["parameters"] = {"seed": self.seed} | plan.parameters
        if len(plan.attacks) > 1:
            row["after"] = after
        return row

    def masks(self, plan: Stages) -> dict[str, np.ndarray]:
        """Returns who is still right, [n] bool, clean and after each stage, by its name.

        Stages that need more classes than there are stay away.
        """
        found: dict[str, list[np.ndarray]] = {}
        first = 0
        for number, data in enumerate(self.dataset):
            if plan.examples is not None and first >= plan.examples:
                break
            batch = check_batch(self.network, data)
            rest = slice(None if plan.examples is None else plan.examples - first)
            image, label = np.asarray(batch.image)[rest], np.asarray(batch.label, np.int64)[rest]
            examples = _Examples(image, label, number, first)
            first += len(examples.label)
            place = [number, examples.digest()] if self.journal is not None else []
            robust = self._known([*place, "clean"], self._judge, examples.image, examples.label)
            found.setdefault("clean", []).append(robust)
            before: list[Any] = []
            for stage, (name, attack) in enumerate(self._fitting(plan, batch.image).items()):
                # Who is left to attack depends on the stages before.
                before = [*before, [name, attack.parameters()]]
                robust = self._known(
                    [*place, before], self._attacked, attack, examples, robust, stage
                )
                found.setdefault(name, []).append(robust)
        if not found:
            raise _empty()
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def _fitting(self, plan: Stages, image: tf.Tensor) -> dict[str, Attack]:
        if self._classes is None:
            self._classes = int(self.network(image[:1], training=False).shape[-1])
        return {
            name: attack
            for name, attack in plan.attacks.items()
            if getattr(attack, "least_classes", 2) <= self._classes
        }

    def _known(
        self, place: list[Any], find: Callable[..., np.ndarray], *arguments: Any
    ) -> np.ndarray:
        """Returns what the journal has for `place`, or finds and keeps it."""
        if self.journal is None:
            return find(*arguments)
        name = key(*self._identity, self.seed, *place)
        known = self.journal.known(name)
        if known is None:
            before, self.farthest, self.outside = (self.farthest, self.outside), 0.0, 0.0
            mask = find(*arguments)
            known = Known(mask, {"farthest": self.farthest, "outside": self.outside})
            self.farthest, self.outside = before
            self.journal.keep(name, mask, **known.numbers)
        self.farthest = max(self.farthest, known.numbers["farthest"])
        self.outside = max(self.outside, known.numbers["outside"])
        return known.mask

    def _attacked(
        self, attack: Attack, examples: _Examples, robust: np.ndarray, stage: int
    ) -> np.ndarray:
        alive = np.flatnonzero(robust)
        if not alive.size:
            return robust
        image, label = examples.image[alive], examples.label[alive]
        if hasattr(attack, "search"):
            # AutoAttack's members key their random numbers by example.
            options = {"seed": self.seed, "position": examples.first + alive}
            found = attack.search(self.surrogate, image, label, **options)
        else:
            # Restarts must draw other numbers than each other; batches differ by the step.
            seed = self.seed if stage == 0 else zlib.crc32(f"{self.seed}/{stage}".encode())
            found = attack(self.surrogate, image, label, seed=seed, step=examples.number)
        image_adv = np.asarray(found.image)
        self._measure(attack, image_adv, image)
        survivors = robust.copy()
        survivors[alive] = self._judge(image_adv, label)
        return survivors

    def _judge(self, image: np.ndarray, label: np.ndarray) -> np.ndarray:
        if self._right is None:
            # One trace for batches of any size.
            pixels = tf.TensorSpec([None, *image.shape[1:]], tf.float32)
            self._right = tf.function(
                lambda image, label: tf.argmax(self.network(image, training=False), 1) == label,
                autograph=False,
                input_signature=[pixels, tf.TensorSpec([None], tf.int64)],
            )
        return np.asarray(self._right(image, label))

    def _measure(self, attack: Attack, image_adv: np.ndarray, image: np.ndarray) -> None:
        numbers = attack.parameters()
        distance = balls.get(numbers["norm"]).distance(image_adv, image)
        self.farthest = max(self.farthest, float(np.max(distance)) / numbers["epsilon"])
        self.outside = max(self.outside, float(-image_adv.min()), float(image_adv.max() - 1.0))


def _empty() -> UserError:
    return UserError("the dataset must not be empty", "at least one batch", "no batch")
