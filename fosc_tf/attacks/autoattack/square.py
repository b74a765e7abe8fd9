"""Square Attack: random search that needs logits only, no gradient.

found = Square(epsilon=8 / 255, num_steps=5000)(network, image, label, seed=0)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from fosc_tf.attacks import losses
from fosc_tf.attacks.autoattack import look
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.autoattack.bumps import Bumps
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.autoattack.patches import Patches
from fosc_tf.attacks.autoattack.sides import sides
from fosc_tf.attacks.ball import column
from fosc_tf.errors import UserError
from fosc_tf.number import number

PROPOSALS = {"linf": (Patches, {}), "l2": (Bumps, {"smallest": 3, "odd": True})}


class Search(NamedTuple):
    """`best` [active, ...] with its `margin` [active], and the `proposal` not yet looked at."""

    best: tf.Tensor
    margin: tf.Tensor
    proposal: tf.Tensor


class Square(Member):
    """Changes a square of each image at random and keeps what raises the margin.

    Source: Andriushchenko et al. 2020 (Square Attack), Algorithm 1, with the untargeted margin
    loss; the proposals are those of Algorithms 2 and 3, see `patches` and `bumps`.
    Departure: the start counts as the first query.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        norm: "linf" or "l2".
        num_steps: queries of a run, one image each.
        restarts: runs.
        p_init: share of pixels that the first squares change, in (0, 1].
        stretch: True (the paper) makes the schedule of p, meant for 10,000 queries, as long as
            `num_steps`; False cuts it off there, as AutoAttack does.
        passes: network calls averaged for each query.

    Raises:
        UserError: a number out of its range, an unknown norm.
    """

    name = "square"

    def __init__(
        self,
        *,
        epsilon: float,
        norm: str = "linf",
        num_steps: int = 5000,
        restarts: int = 1,
        p_init: float = 0.8,
        stretch: bool = False,
        passes: int = 1,
    ) -> None:
        super().__init__(
            epsilon=epsilon, norm=norm, num_steps=num_steps, restarts=restarts, passes=passes
        )
        if not 0.0 < number("p_init", p_init, "p_init=0.8") <= 1.0:
            raise UserError(
                "p_init is a share of the pixels, in (0, 1]", "p_init=0.8", f"p_init={p_init!r}"
            )
        self.p_init, self.stretch = float(p_init), stretch

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack, for records."""
        return super().parameters() | {"p_init": self.p_init, "stretch": self.stretch}

    def gradients(self, num_classes: int | tf.Tensor) -> int | tf.Tensor:
        """Returns 0: queries are looks."""
        del num_classes
        return 0

    def proposals(self, problem: Problem) -> Patches | Bumps:
        """Returns what proposes images for this norm and these images."""
        height, width, _ = problem.image.shape[1:]
        kind, windows = PROPOSALS[self.norm]
        found = sides(
            self.num_steps,
            height=height,
            width=width,
            p_init=self.p_init,
            stretch=self.stretch,
            **windows,
        )
        return kind(problem.image.shape[1:], self.epsilon, found)

    def start(self, network: Any, problem: Problem) -> Search:
        """Returns everyone at the clean image, with the first proposal."""
        del network
        lowest = tf.fill([tf.size(problem.row)], float("-inf"))
        return Search(problem.image, lowest, self.proposals(problem).first(problem))

    def step(
        self, network: Any, problem: Problem, state: Search, done: tf.Tensor
    ) -> tuple[Search, tf.Tensor, tf.Tensor]:
        """Looks at the proposal, keeps it where it is better, and makes the next one."""
        logits = look.logits(network, state.proposal, self.passes)
        margin = losses.margin(logits, problem.label)
        better = margin > state.margin
        best = tf.where(column(better, state.best), state.proposal, state.best)
        onward = Search(
            best,
            tf.where(better, margin, state.margin),
            self.proposals(problem).next(problem, best, done + 1),
        )
        return onward, state.proposal, self.leaves(logits, problem.label)

    def finish(self, network: Any, problem: Problem, state: Search) -> tf.Tensor:
        """Returns the best image."""
        del network, problem
        return state.best
