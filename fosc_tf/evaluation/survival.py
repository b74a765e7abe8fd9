"""Who survives: the loop over a dataset that every evaluation shares.

survival = Survival(network, dataset, seed=0)
survival.row(stages("pgd-20", epsilon=0.3))
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf import signs
from fosc_tf.attacks import ball as balls
from fosc_tf.attacks.attack import Attack, asked
from fosc_tf.attacks.autoattack import look
from fosc_tf.attacks.autoattack.defined import check_classes
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.limits import check_draw
from fosc_tf.data import test_batches
from fosc_tf.errors import UserError
from fosc_tf.evaluation.journal import Journal, Known, fingerprint, key
from fosc_tf.evaluation.stages import Stages
from fosc_tf.terms import is_right

_NOWHERE = {"farthest": 0.0, "outside": 0.0}
"""How far clean images went; the units are those of `Survival`."""


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
        dataset: batches of (image, label), or dicts with these, there for every attack anew; or a
            pair of arrays.
        seed: decides, with the stage and the batch, all random numbers.
        journal: what is already known; None finds everything anew at each call, as for a network
            whose weights change in between.
        surrogate: what the attacker knows; the network itself if None.

    Attributes:
        farthest: the largest distance of a judged image from its clean one over all rows, as a
            share of epsilon; above 1 an attack left its ball.
        outside: the farthest a judged pixel was from [0, 1].

    Raises:
        UserError: an endless or empty dataset, or one whose first batch does not fit, or a seed
            that is no whole number from 0 on; when judging, another batch that does not fit, or a
            network without finite logits at clean images.
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
        dataset = batches_of(dataset)
        self.network, self.dataset, self.journal = network, dataset, journal
        self.seed = int(check_draw(seed, 0)[0])
        self.surrogate = network if surrogate is None else surrogate
        self.farthest = self.outside = 0.0
        self._size = 0  # examples, once all have been seen
        self._right: dict[int, Callable[..., tf.Tensor]] = {}
        first = first_of(dataset)
        both = [network] if surrogate is None else [network, surrogate]
        batches = [check_batch(each, first) for each in both]
        sample = batches[0].image[:4]
        self._shape = tuple(sample.shape[1:])
        self._classes = int(network(sample[:1], training=False).shape[-1])
        self._identity = [fingerprint(each, sample) for each in both] if journal is not None else []

    def check(self, plan: Stages) -> None:
        """Raises `UserError` where no attack of `plan` fits the classes, or a ball the images."""
        for attack in plan.attacks.values():
            attack.check(self._shape)
        if plan.attacks and not self._fitting(plan):
            name, attack = next(iter(plan.attacks.items()))
            check_classes(name, self._classes, least=attack.traits.least_classes)

    def row(self, plan: Stages) -> dict[str, Any]:
        """Returns what a table needs to know.

        Returns:
            attack, accuracy in 0..1, n and parameters; for an attack also `farthest` and `outside`,
            as the attributes but of this row alone; with several stages `after`, the accuracy after
            each stage by its name; and `left_out`, the names of the stages that need more classes,
            where there are any.

        Raises:
            UserError: a batch that does not fit, or what `check` raises.
        """
        radius = plan.parameters.get("epsilon")
        name = plan.name if radius is None else f"{plan.name} at {radius:.4g}"
        with signs.work(name, self._count(plan)) as work:
            found = self._tried(plan, work)
            work.result = f"{np.mean(list(_masks(found).values())[-1]):.2%}"
        after = {name: float(np.mean(mask)) for name, mask in _masks(found).items()}
        row = {"attack": plan.name, "accuracy": list(after.values())[-1]}
        row["n"] = sum(len(known.mask) for known in found["clean"])
        row["parameters"] = {"seed": self.seed} | plan.parameters
        if plan.attacks:
            row |= _reached(found)
        if len(plan.attacks) > 1:
            row["after"] = after
        left_out = [name for name in plan.attacks if name not in found]
        if left_out:
            row["left_out"] = left_out
        return row

    def masks(self, plan: Stages) -> dict[str, np.ndarray]:
        """Returns who is still right, [n] bool, clean and after each stage, by its name.

        Stages that need more classes than there are stay away.

        Raises:
            UserError: a batch that does not fit, or what `check` raises.
        """
        return _masks(self._tried(plan, signs.Work(plan.name)))

    def _count(self, plan: Stages) -> int:
        """Returns on how many examples `plan` is tried, 0 where nothing has told."""
        return min(self._size, plan.examples or self._size)

    def _tried(self, plan: Stages, work: signs.Work) -> dict[str, list[Known]]:
        """Returns what was found in each batch, clean and after each stage, by its name."""
        self.check(plan)
        found: dict[str, list[Known]] = {}
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
            # One noisy answer must not decide what the attack decides by a mean.
            judged = [*place, "clean"] if plan.passes == 1 else [*place, "clean", plan.passes]
            known = self._known(judged, self._clean, examples, plan.passes)
            found.setdefault("clean", []).append(known)
            before: list[Any] = []
            for stage, (name, attack) in enumerate(self._fitting(plan).items()):
                work.detail = name if len(plan.attacks) > 1 else ""
                # Who is left to attack depends on the stages before.
                before = [*before, [name, attack.parameters()]]
                known = self._known(
                    [*place, before],
                    self._attacked,
                    attack,
                    examples,
                    known.mask,
                    stage,
                    plan.passes,
                )
                found.setdefault(name, []).append(known)
            work.advance(len(examples.label))
        else:
            self._size = first
        reached = _reached(found)
        self.farthest = max(self.farthest, reached["farthest"])
        self.outside = max(self.outside, reached["outside"])
        return found

    def _fitting(self, plan: Stages) -> dict[str, Attack]:
        return {
            name: attack
            for name, attack in plan.attacks.items()
            if attack.traits.least_classes <= self._classes
        }

    def _known(self, place: list[Any], find: Callable[..., Known], *arguments: Any) -> Known:
        """Returns what the journal has for `place`, or finds and keeps it."""
        if self.journal is None:
            return find(*arguments)
        name = key(*self._identity, self.seed, *place)
        known = self.journal.known(name)
        if known is None:
            known = find(*arguments)
            self.journal.keep(name, known.mask, **known.numbers)
        return known

    def _clean(self, examples: _Examples, passes: int) -> Known:
        right, finite = self._judge(examples.image, examples.label, passes)
        if not finite.all():
            raise UserError(
                "a network that is evaluated must return finite logits",
                "one whose training has not diverged",
                f"NaN or infinite logits for {np.sum(~finite)} of {len(finite)} clean images",
            )
        return Known(right, _NOWHERE)

    def _attacked(
        self, attack: Attack, examples: _Examples, robust: np.ndarray, stage: int, passes: int
    ) -> Known:
        alive = np.flatnonzero(robust)
        if not alive.size:
            return Known(robust, _NOWHERE)
        image, label = examples.image[alive], examples.label[alive]
        # Restarts must draw other numbers than each other; batches differ by the step.
        seed, step = self.seed, examples.number
        if attack.traits.by_example:
            step = 0
        elif stage:
            seed = zlib.crc32(f"{self.seed}/{stage}".encode())
        context = {"position": examples.first + alive}
        found = attack(self.surrogate, image, label, context=context, seed=seed, step=step)
        image_adv = np.asarray(found.image)
        survivors = robust.copy()
        survivors[alive] = self._judge(image_adv, label, passes)[0]
        return Known(survivors, _measured(attack, image_adv, image))

    def _judge(
        self, image: np.ndarray, label: np.ndarray, passes: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns who is right, and whose logits are finite, [n] bool each."""
        if passes not in self._right:

            def judged(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                logits = look.logits(self.network, image, passes)
                finite = tf.reduce_all(tf.math.is_finite(logits), axis=1)
                return is_right(logits, label), finite

            # One trace for batches of any size.
            pixels = tf.TensorSpec([None, *image.shape[1:]], tf.float32)
            self._right[passes] = tf.function(
                judged,
                autograph=False,
                input_signature=[pixels, tf.TensorSpec([None], tf.int64)],
            )
        right, finite = self._right[passes](image, label)
        return right.numpy(), finite.numpy()


def batches_of(dataset: Any, batch_size: int = 250) -> Any:
    """Returns batches of a pair of arrays, images and labels; a dataset as it is."""
    if isinstance(dataset, tuple) and len(dataset) == 2 and np.ndim(dataset[0]) == 4:
        image, label = (np.asarray(part) for part in dataset)
        return test_batches(image, label, batch_size=batch_size)
    return dataset


def first_of(dataset: Any) -> Any:
    """Returns the first batch of `dataset`, unchecked.

    Raises:
        UserError: an endless or empty dataset, or one that is read once.
    """
    if (
        isinstance(dataset, tf.data.Dataset)
        and dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    ):
        raise UserError("the dataset must end", "one without repeat()", "an endless dataset")
    if isinstance(dataset, Iterator):
        raise UserError(
            "the dataset must be there for every attack anew",
            "a tf.data.Dataset or a list of batches",
            f"a {type(dataset).__name__}, which is read once",
        )
    if not isinstance(dataset, Iterable):
        raise UserError(
            "the dataset must hold batches",
            "a tf.data.Dataset, a list of batches, or a pair (images, labels)",
            repr(dataset),
        )
    first = next(iter(dataset), None)
    if first is None:
        raise UserError("the dataset must not be empty", "at least one batch", "no batch")
    return first


def _masks(found: dict[str, list[Known]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([known.mask for known in parts]) for name, parts in found.items()}


def _reached(found: dict[str, list[Known]]) -> dict[str, float]:
    everything = [known.numbers for parts in found.values() for known in parts]
    return {name: max(numbers[name] for numbers in everything) for name in _NOWHERE}


def _measured(attack: Attack, image_adv: np.ndarray, image: np.ndarray) -> dict[str, float]:
    distance = np.asarray(balls.get(attack.norm).distance(image_adv, image))
    beyond = np.maximum(-image_adv, image_adv - 1.0)
    # What is not a number is nowhere near.
    far, out = (float(np.nan_to_num(each, nan=np.inf).max()) for each in (distance, beyond))
    return {"farthest": far / asked("epsilon", attack.epsilon, 0), "outside": max(0.0, out)}
