"""AutoAttack: attacks in a row, each on the examples that those before it left unbroken.

found = AutoAttack(epsilon=8 / 255)(network, image, label, seed=0)
found.accuracy, found.image, found.robust
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks.autoattack.checks import gradient_notes, random_notes, result_notes, warn
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.autoattack.outcome import Outcome, misclassified
from fosc_tf.attacks.autoattack.record import AutoAttackFound, Ledger, Piece
from fosc_tf.attacks.autoattack.versions import members_of
from fosc_tf.attacks.limits import check_draw, check_epsilon, check_examples
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import whole

CHECKED = 100


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
        self,
        network: Any,
        image: Any,
        label: Any,
        *,
        seed: int = 0,
        batch_size: int = 250,
        done: Iterable[Piece] = (),
        on_piece: Callable[[Piece], None] | None = None,
    ) -> AutoAttackFound:
        """Attacks `image`; call it outside `tf.function`.

        To go on after an interruption, store every piece in `on_piece` and hand them all back as
        `done`, with the same network, images, labels and seed: the result is the same as without
        the interruption, up to rounding.

        Args:
            network: a Keras model, or anything called like one, from images to logits.
            image: [n, height, width, channels] float32 in [0, 1], clean.
            label: [n] int in 0..num_classes-1.
            seed: decides all random numbers.
            batch_size: most examples in one call of the network.
            done: pieces of an earlier run.
            on_piece: called with every new piece.

        Returns:
            `AutoAttackFound`.

        Raises:
            UserError: images or labels out of range, probabilities instead of logits, a seed that
                is no whole number from 0 on, a piece of another attack, seed, image or label.
        """
        image, label = (part.numpy() for part in check_examples(network, image, label))
        check_epsilon(self.epsilon, self.norm, image.shape[1:])
        seed, _ = check_draw(seed, 0)
        whole("batch_size", batch_size, least=1)
        ledger, num_classes = self._clean(network, image, label, batch_size)
        of = self._digest(seed, image, label)
        for piece in done:
            if piece.of != of:
                raise UserError(
                    "a run goes on from pieces of its own",
                    "those of the same attack, seed, images and labels",
                    f"a piece of {piece.member} made with others",
                )
            ledger.enter(piece)
        names = self.names(num_classes)
        notes = self._notes(network, image[:CHECKED], label[:CHECKED], names)
        for name in names:
            for position in _batches(ledger.waiting(name), batch_size):
                found = self.run_member(
                    name, network, image[position], label[position], seed=seed, position=position
                )
                piece = _piece(name, of, position, found)
                ledger.enter(piece)
                if on_piece is not None:
                    on_piece(piece)
        notes += warn(result_notes(ledger.accuracy(names)))
        return ledger.found(names, notes)

    def names(self, num_classes: int) -> list[str]:
        """Returns the members that run with so many classes, in their order."""
        return [name for name, m in self.members.items() if num_classes >= m.least_classes]

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack, for records."""
        members = {name: member.parameters() for name, member in self.members.items()}
        return {
            "epsilon": self.epsilon,
            "norm": self.norm,
            "version": self.version,
            "members": members,
        }

    def run_member(
        self,
        name: str,
        network: Any,
        image: tf.Tensor,
        label: tf.Tensor,
        *,
        seed: int | tf.Tensor = 0,
        position: tf.Tensor | None = None,
    ) -> Outcome:
        """Returns what one member finds for one batch: a pure function, to distribute or store.

        Args:
            name: of the member.
            network: see `__call__`.
            image: [batch, ...] float32 in [0, 1].
            label: [batch] int32.
            seed: as for the whole set.
            position: [batch] int64, places of the examples in the whole set; None for 0, 1, ...

        Raises:
            UserError: unknown name, or fewer classes than the member needs.
        """
        if name not in self.members:
            raise unknown_name("member of AutoAttack", name, self.members)
        return self.members[name].search(network, image, label, seed=seed, position=position)

    def _notes(
        self, network: Any, image: np.ndarray, label: np.ndarray, names: list[str]
    ) -> list[str]:
        notes = [f"{name} needs more classes" for name in self.members if name not in names]
        if all(self.members[name].passes == 1 for name in names):
            notes += random_notes(network, image)
        if any(self.members[name].gradients(1) for name in names):
            notes += gradient_notes(network, image, label)
        return warn(notes)

    def _digest(self, seed: Any, image: np.ndarray, label: np.ndarray) -> str:
        made_by = json.dumps([self.parameters(), int(seed), image.shape], sort_keys=True)
        digest = hashlib.sha256(made_by.encode())
        for part in (image, label):
            digest.update(part.tobytes())
        return digest.hexdigest()

    def _clean(
        self, network: Any, image: np.ndarray, label: np.ndarray, batch_size: int
    ) -> tuple[Ledger, int]:
        first = next(iter(self.members.values()))
        logits = [
            first.compiled(first.logits, network, image[position]).numpy()
            for position in _batches(np.arange(len(image)), batch_size)
        ]
        logits = np.concatenate(logits)
        return Ledger(image, misclassified(logits, label).numpy()), logits.shape[1]


def _piece(name: str, of: str, position: np.ndarray, found: Outcome) -> Piece:
    image, broken = found.image.numpy(), found.broken.numpy()
    return Piece(name, of, position, broken, image[broken], found.num_gradients.numpy())


def _batches(position: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    for begin in range(0, len(position), batch_size):
        yield position[begin : begin + batch_size]
