"""What the attacks of the ensemble share: restarts, targets, compilation and the last word.

A member adds `start`, `step` and `finish`, which see the examples that are not broken yet.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks import losses
from fosc_tf.attacks.attack import Attack, Traits
from fosc_tf.attacks.autoattack import look, noise
from fosc_tf.attacks.autoattack.active import Problem, shrink
from fosc_tf.attacks.autoattack.defined import check_ball, check_classes
from fosc_tf.attacks.autoattack.outcome import (
    Outcome,
    keep_better,
    misclassified,
    ranked_others,
)
from fosc_tf.attacks.compiled import compiled
from fosc_tf.models.folding import folded
from fosc_tf.number import whole
from fosc_tf.types import Batch, Found


class Member(Attack):
    """One attack of the ensemble, usable alone.

    Examples that the network misclassifies anyway are returned clean. Every other one gets
    `restarts` runs, for targeted attacks one for each target and restart, and leaves for good
    once it is broken. Whoever is never broken keeps the image of largest margin. Random numbers
    are keyed by seed, member, run and the example's `position`, so that neither batch size nor
    company matter beyond rounding.

    Attributes:
        name: the name in the ensemble and in tables.
        targeted: whether each run goes for one other class: the most likely first, at most
            `num_targets`, and no more than there are other classes.
        least_classes: what its loss is defined for.
        num_steps: most steps of a run.
        folds: whether the search may see `folding.folded(network)`, equal up to rounding; the
            network itself has the last word in any case.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        norm: "linf" or "l2".
        num_steps: steps of a run, at least 1.
        restarts: runs for each example (and target), at least 1.
        num_targets: most targets of a targeted attack, at least 1.
        passes: network calls averaged at each point, 1 unless the network is random.

    Raises:
        UserError: a number out of its range, an unknown norm.
    """

    name = "member"
    targeted = False
    least_classes = 2
    folds = True

    def __init__(
        self,
        *,
        epsilon: float,
        norm: str = "linf",
        num_steps: int,
        restarts: int = 1,
        num_targets: int = 1,
        passes: int = 1,
    ) -> None:
        check_ball(epsilon, norm)
        self.epsilon, self.norm, self.ball = float(epsilon), norm, balls.get(norm)
        self.num_steps = whole("num_steps", num_steps, least=1)
        self.restarts = whole("restarts", restarts, least=1)
        self.num_targets = whole("num_targets", num_targets, least=1)
        self.passes = whole("passes", passes, least=1)

    @property
    def traits(self) -> Traits:
        """Examples leave the batch as soon as the network errs; each has its own random numbers."""
        return Traits(
            fixed_shapes=False,
            passes=self.passes,
            least_classes=self.least_classes,
            by_example=True,
            until_wrong=True,
        )

    def again(self, name: str, times: int) -> dict[str, Attack]:
        """Returns itself with so many restarts: another seed would repeat FAB, whose first run
        draws no random numbers."""
        if times == self.restarts:
            return {name: self}
        twin = copy.copy(self)
        twin.restarts = times
        return {name: twin}

    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Returns `Found`: `loss` is the margin max_{j != y} z_j - z_y, positive where broken."""
        del final_fosc  # These attacks know no FOSC.
        outcome = self.search(
            network,
            batch.image,
            batch.label,
            seed=seed,
            step=step,
            position=batch.context.get("position"),
        )
        found = Found.at(outcome.image, outcome.num_gradients)
        return found._replace(loss=outcome.margin)

    def search(
        self,
        network: Any,
        image: tf.Tensor,
        label: tf.Tensor,
        *,
        seed: int | tf.Tensor = 0,
        step: int | tf.Tensor = 0,
        position: tf.Tensor | None = None,
    ) -> Outcome:
        """Attacks images already checked: a pure function of its arguments and the weights.

        Args:
            network: maps images to logits.
            image: [batch, ...] float32 in [0, 1].
            label: [batch] int32.
            seed: with `step` and `position` it decides all random numbers.
            step: such as the number of the batch.
            position: [batch] int64, each example's place in the whole set; None for 0, 1, ...

        Raises:
            UserError: fewer classes than the loss needs.
        """
        image, label = tf.cast(image, tf.float32), tf.cast(label, tf.int32)
        if position is None:
            position = tf.range(tf.shape(image, tf.int64)[0])
        given = (image, label, *(tf.cast(number, tf.int64) for number in (position, seed, step)))
        if tf.executing_eagerly():
            return self.compiled(self._search, network, *given)
        return self._search(network, *given)

    def compiled(self, function: Callable[..., Any], network: Any, *given: Any) -> Any:
        """Returns `function(network, *given)` of this attack, see `compiled`."""
        return compiled(self, function, network, *given)

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack, for records."""
        names = ("name", "epsilon", "norm", "num_steps", "restarts", "num_targets", "passes")
        return {name: getattr(self, name) for name in names}

    def arguments(self) -> dict[str, Any]:
        """Returns what it was made with."""
        hidden = {"name"} if self.targeted else {"name", "num_targets"}
        return {name: value for name, value in self.parameters().items() if name not in hidden}

    def runs(self, logits: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the targets in their order, [batch, targets] int32, and the number of runs.

        All targets come once before any comes again; without targets there is one of no meaning.
        """
        others = ranked_others(logits, label)
        targets = others[:, : tf.minimum(self.num_targets, tf.shape(logits)[1] - 1)]
        targets = targets if self.targeted else others[:, :1]
        return targets, self.restarts * tf.shape(targets)[1]

    def plan(
        self, run: tf.Tensor, targets: tf.Tensor, position: tf.Tensor, *seeds: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns target, restart and key of each example in one run, [active] each."""
        ranks = tf.shape(targets)[1]
        restart = tf.fill(tf.shape(position), run // ranks)
        # The name keeps attacks of one seed apart.
        key = noise.keys(*seeds, zlib.crc32(self.name.encode()), run, position=position)
        return targets[:, run % ranks], restart, key

    def start(self, network: Any, problem: Problem) -> Any:
        """Returns the state before the first step, a nest of tensors [active, ...]."""
        raise NotImplementedError

    def step(
        self, network: Any, problem: Problem, state: Any, done: tf.Tensor
    ) -> tuple[Any, tf.Tensor, tf.Tensor]:
        """Returns the next state, the images looked at, and which of them leave as broken."""
        raise NotImplementedError

    def finish(self, network: Any, problem: Problem, state: Any) -> tf.Tensor:
        """Returns the best images [active, ...] of those who stayed to the end."""
        raise NotImplementedError

    def go(self, network: Any, problem: Problem, state: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns images [batch, ...], not yet projected, and steps [batch] int32 of one run."""

        def step(problem: Problem, state: Any, done: tf.Tensor) -> Any:
            return self.step(network, problem, state, done)

        left, rest, state = shrink(step, problem, state, self.num_steps)

        def stayed() -> tf.Tensor:
            image_adv = self.finish(network, rest, state)
            return tf.tensor_scatter_nd_update(left.image, rest.row[:, None], image_adv)

        image_adv = tf.cond(tf.size(rest.row) > 0, stayed, lambda: left.image)
        return image_adv, left.num_steps

    def gradients(self, num_classes: int | tf.Tensor) -> int | tf.Tensor:
        """Returns the gradients that one step costs."""
        del num_classes
        return 1

    def leaves(self, logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        """Returns who need not be looked at any more, [active] bool: the misclassified.

        Nobody where looks are noisy: the first wrong one lies where the next may be right.
        """
        wrong = misclassified(logits, label)
        return wrong if self.passes == 1 else tf.zeros_like(wrong)

    def logits(self, network: Any, image: tf.Tensor) -> tf.Tensor:
        """Returns the logits [batch, classes] that decide whether an example is broken."""
        return look.logits(network, image, self.passes)

    def _search(
        self,
        network: Any,
        image: tf.Tensor,
        label: tf.Tensor,
        position: tf.Tensor,
        *seeds: tf.Tensor,
    ) -> Outcome:
        logits = self.logits(network, image)
        check_classes(self.name, logits.shape[1], least=self.least_classes)
        targets, num_runs = self.runs(logits, label)

        def unfinished(run: tf.Tensor, outcome: Outcome) -> tf.Tensor:
            return (run < num_runs) & ~tf.reduce_all(outcome.broken)

        def body(run: tf.Tensor, outcome: Outcome) -> tuple[tf.Tensor, Outcome]:
            row = tf.where(~outcome.broken)[:, 0]
            given = (tf.gather(rows, row) for rows in (image, label))
            where = (tf.gather(rows, row) for rows in (targets, position))
            found = self._run(network, *given, *self.plan(run, *where, *seeds))
            return run + 1, keep_better(outcome, row, found)

        broken, margin = misclassified(logits, label), losses.margin(logits, label)
        outcome = Outcome(image, broken, margin, tf.zeros_like(label))
        return tf.while_loop(unfinished, body, (0, outcome), parallel_iterations=1)[1]

    def _run(self, network: Any, image: tf.Tensor, label: tf.Tensor, *plan: tf.Tensor) -> Outcome:
        problem = Problem(tf.range(tf.shape(image)[0]), image, label, *plan)
        seen = folded(network) if self.folds else network
        image_adv, num_steps = self.go(seen, problem, self.start(seen, problem))
        image_adv = self.ball.project(image_adv, image, self.epsilon)
        # Projection and rounding may undo what an attack saw, so only this look decides.
        logits = self.logits(network, image_adv)
        margin = losses.margin(logits, label)
        num_gradients = num_steps * self.gradients(tf.shape(logits)[1])
        return Outcome(image_adv, misclassified(logits, label), margin, num_gradients)
