"""AutoAttack: attacks in a row, each on the examples that those before it left unbroken.

found = AutoAttack(epsilon=8 / 255)(network, image, label, seed=0)
found.accuracy, found.image, found.robust
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import findings
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.autoattack.outcome import misclassified
from fosc_tf.attacks.autoattack.versions import members_of
from fosc_tf.attacks.limits import check_draw, check_epsilon, check_examples
from fosc_tf.errors import UserError
from fosc_tf.number import whole
from fosc_tf.readable import extent, one_line, readable
from fosc_tf.types import Batch

CHECKED = 100
_WHITE_BOX = ("apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t")


class AutoAttackFound(NamedTuple):
    """What AutoAttack returns; n is the number of examples.

    Attributes:
        image: [n, ...] float32, in the ball and in [0, 1]: adversarial where an attack broke the
            example, else clean.
        robust: [n] bool, classified right and broken by nobody.
        broken_by: [n] strings: the member that broke it, "clean" where the clean image is
            misclassified already, "" where robust.
        accuracy: robust accuracy in 0..1 after "clean" and after each member, in their order.
        num_gradients: [n] int32, gradients spent on each example by all members together.
        notes: reasons to doubt the accuracy, see `findings`; empty when there are none.
    """

    image: tf.Tensor
    robust: tf.Tensor
    broken_by: np.ndarray
    accuracy: dict[str, float]
    num_gradients: tf.Tensor
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        """Returns one line: the shape of the images, the accuracies, the gradients, the notes."""
        parts = [f"image {list(self.image.shape)}", f"robust {extent(self.robust)}"]
        parts += [f"accuracy {readable(self.accuracy)}"]
        parts += [f"num_gradients {extent(self.num_gradients)}", *self.notes]
        return f"AutoAttackFound({', '.join(parts)})"


class AutoAttack:
    """The ensemble of Croce and Hein 2020 (AutoAttack), section 5.

    "standard" runs apgd-ce (100 steps), apgd-t (9 targets, 100 steps each), fab-t (9 targets, 100
    steps each) and square (5000 queries). "plus" runs apgd-ce, apgd-dlr and fab without targets (5
    restarts each), square, apgd-t, fab-t. "rand" runs apgd-ce and apgd-dlr, each gradient the mean
    of 20, for networks whose answers are random; there an example counts as broken when the mean
    of 20 logits is wrong.

    With fewer than 10 classes there is one target for each other class. DLR is not defined for 2
    classes, nor targeted DLR for 2 or 3: apgd-dlr and apgd-t then stay away, and a note says so.

    Every example that is broken leaves the batch at once. What a member finds for an example is a
    function of member, weights, image, label, seed and position in the set alone, up to rounding:
    batch size, order of batches and interruptions do not matter.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        norm: "linf" or "l2".
        version: "standard", "plus" or "rand".
        members: attacks of your own instead of a version's, each with a name of its own.

    Attributes:
        members: the attacks by name, in the order they run.
        version: as given, or "custom" with members of your own.

    Raises:
        UserError: epsilon out of its range, unknown norm or version, members that are none,
            two members of one name.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        norm: str = "linf",
        version: str = "standard",
        members: Sequence[Member] | None = None,
    ) -> None:
        of_version = members_of(version, epsilon=epsilon, norm=norm)
        chosen = of_version if members is None else members
        if not isinstance(chosen, Sequence) or not all(isinstance(one, Member) for one in chosen):
            raise UserError(
                "members of AutoAttack must be a list of attacks of the ensemble",
                "members=[APGD(epsilon=0.3), Square(epsilon=0.3)]",
                f"members={members!r}",
            )
        self.epsilon, self.norm = float(epsilon), norm
        self.version = version if members is None else "custom"
        self.members = {member.name: member for member in chosen}
        if not chosen or len(self.members) < len(chosen):
            raise UserError(
                "members of AutoAttack need names of their own, and there must be one at least",
                "members=[APGD(epsilon=0.3), Square(epsilon=0.3)]",
                ", ".join(member.name for member in chosen) or "no member",
            )
        for member in chosen:
            if (member.epsilon, member.norm) != (self.epsilon, norm):
                raise UserError(
                    "all members attack within one ball",
                    f"epsilon={self.epsilon:g}, norm={norm!r} for each",
                    f"{member.name} with epsilon={member.epsilon:g}, norm={member.norm!r}",
                )

    def __call__(
        self, network: Any, image: Any, label: Any, *, seed: int = 0, batch_size: int = 250
    ) -> AutoAttackFound:
        """Attacks `image`; call it outside `tf.function`.

        What can be interrupted and gone on with is an evaluation: see `evaluation.white_box` and
        its journal.

        Args:
            network: a Keras model, or anything called like one, from images to logits.
            image: [n, height, width, channels] float32 in [0, 1], clean.
            label: [n] int in 0..num_classes-1.
            seed: decides all random numbers.
            batch_size: most examples in one call of the network.

        Returns:
            `AutoAttackFound`.

        Raises:
            UserError: images or labels out of range, probabilities instead of logits, a seed that
                is no whole number from 0 on.
        """
        image, label = (part.numpy() for part in check_examples(network, image, label))
        check_epsilon(self.epsilon, self.norm, image.shape[1:])
        seed, _ = check_draw(seed, 0)
        whole("batch_size", batch_size, least=1)
        logits = self._logits(network, image, batch_size)
        names = self.names(logits.shape[1])
        notes = self._notes(network, image[:CHECKED], label[:CHECKED], names)
        wrong = misclassified(logits, label).numpy()
        broken_by = np.where(wrong, "clean", "").astype(object)
        found, num_gradients = image.copy(), np.zeros(len(image), np.int32)
        for name in names:
            for position in _batches(np.flatnonzero(broken_by == ""), batch_size):
                outcome = self.members[name].search(
                    network, image[position], label[position], seed=seed, position=position
                )
                broken = outcome.broken.numpy()
                found[position[broken]] = outcome.image.numpy()[broken]
                broken_by[position[broken]] = name
                num_gradients[position] += outcome.num_gradients.numpy()
        accuracy, left = {}, len(image)
        for name in ("clean", *names):
            left -= int(np.sum(broken_by == name))
            accuracy[name] = left / len(image)
        return AutoAttackFound(
            image=tf.constant(found),
            robust=tf.constant(broken_by == ""),
            broken_by=broken_by.astype(str),
            accuracy=accuracy,
            num_gradients=tf.constant(num_gradients),
            notes=(*notes, *_warned(black_box_findings(accuracy))),
        )

    def names(self, num_classes: int) -> list[str]:
        """Returns the members that run with so many classes, in their order."""
        return [name for name, m in self.members.items() if num_classes >= m.traits.least_classes]

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack, for records."""
        members = {name: member.parameters() for name, member in self.members.items()}
        return {
            "epsilon": self.epsilon,
            "norm": self.norm,
            "version": self.version,
            "members": members,
        }

    def __repr__(self) -> str:
        """Returns one line: the ball, and the version or the names of the members."""
        said = {"epsilon": self.epsilon, "norm": self.norm}
        if self.version == "custom":
            said["members"] = list(self.members.values())
        else:
            said["version"] = self.version
        return one_line("AutoAttack", said)

    def _notes(
        self, network: Any, image: np.ndarray, label: np.ndarray, names: list[str]
    ) -> list[str]:
        notes = [f"{name} needs more classes" for name in self.members if name not in names]
        looked = []
        if all(self.members[name].passes == 1 for name in names):
            looked.append(findings.same_answers(network, image))
        if any(self.members[name].gradients(1) for name in names):
            batch = Batch(tf.constant(image), tf.constant(label), {})
            looked.append(findings.gradients(network, [batch]))
        return _warned(looked, notes)

    def _logits(self, network: Any, image: np.ndarray, batch_size: int) -> np.ndarray:
        """Returns the clean logits, [n, classes]."""
        first = next(iter(self.members.values()))
        logits = [
            first.compiled(first.logits, network, image[position]).numpy()
            for position in _batches(np.arange(len(image)), batch_size)
        ]
        return np.concatenate(logits)


def black_box_findings(accuracy: dict[str, float]) -> list[findings.Finding]:
    """Returns what the accuracies after each member, in their order, say of hidden gradients.

    A black box that breaks what white boxes left is a sign of them.
    """
    names = list(accuracy)
    earlier = names[: names.index("square")] if "square" in names else []
    if not any(name in earlier for name in _WHITE_BOX):
        return []
    pair = accuracy[earlier[-1]], accuracy["square"]
    names = "white boxes", "square after them"
    name = "white against black box"
    return [findings.at_least_as_strong(name, *pair, *names, tolerance=0.0)]


def _warned(looked: Sequence[findings.Finding], notes: Sequence[str] = ()) -> list[str]:
    """Returns notes and flags, each issued as a Python warning."""
    found = [*notes, *(each.note for each in looked if not each.passed)]
    for note in found:
        warnings.warn(note, stacklevel=4)
    return found


def _batches(position: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    for begin in range(0, len(position), batch_size):
        yield position[begin : begin + batch_size]
