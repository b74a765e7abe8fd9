"""Auto-PGD: projected gradient ascent that finds its own step size.

found = APGD(epsilon=8 / 255)(network, image, label, seed=0)                 # cross-entropy
found = APGD(epsilon=8 / 255, loss="dlr")(network, image, label, seed=0)
found = TargetedAPGD(epsilon=8 / 255)(network, image, label, seed=0)         # 9 targets
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import losses
from fosc_tf.attacks.autoattack import look
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.autoattack.ascent import Ascent, judge, record
from fosc_tf.attacks.autoattack.halvings import lengths
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.autoattack.random_point import random_point
from fosc_tf.attacks.ball import column

MOMENTUM = 0.75
FIRST_STEP = 2.0


class APGD(Member):
    """Auto-PGD on cross-entropy or DLR, one gradient a step.

    Source: Croce and Hein 2020 (AutoAttack), Algorithm 1: eta starts at 2 * epsilon; at the
    checkpoints of `halvings.lengths` it is halved, and the climb goes on from x_max, when f rose
    in fewer than 75 % of the steps since the last checkpoint, or when neither eta nor f_max have
    changed since then. Momentum 0.75.
    Departures: a checkpoint w is judged when x_w is looked at, and x_w is what x_max replaces;
    Algorithm 1 as printed has already taken one step more, which its condition does not see.
    An example leaves when it is misclassified, where the paper goes on to raise the loss; with
    several passes everyone goes on, as in the paper.
    The start is uniform in the ball.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        norm: "linf" or "l2".
        loss: "cross_entropy" (named apgd-ce), "dlr" (apgd-dlr, at least 3 classes), another one
            that `losses.get` knows, or a function of logits and label to [batch].
        num_steps: N, gradients of a run.
        restarts: runs, each from another start.
        passes: network calls averaged for each gradient (20 in AutoAttack's version "rand").
        name: in the ensemble, in tables and journals, and of the random numbers; of a loss that is
            a function it should tell that function from others. None takes "apgd-" and the loss.

    Raises:
        UserError: a number out of its range, an unknown norm or loss.
    """

    names = {"cross_entropy": "apgd-ce", "dlr": "apgd-dlr"}

    def __init__(
        self,
        *,
        epsilon: float,
        norm: str = "linf",
        loss: str | losses.Loss = "cross_entropy",
        num_steps: int = 100,
        restarts: int = 1,
        passes: int = 1,
        name: str | None = None,
        **targets: int,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            norm=norm,
            num_steps=num_steps,
            restarts=restarts,
            passes=passes,
            **targets,
        )
        self.loss = losses.get(loss)
        self.name = name or self.names.get(loss, f"apgd-{getattr(loss, '__name__', loss)}")
        self.least_classes = 3 if loss == "dlr" else 2
        self._lengths = tuple(lengths(self.num_steps))

    def ascended(self, problem: Problem) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns the ascended loss of logits [active, classes], [active]."""
        return lambda logits: self.loss(logits, problem.label)

    def start(self, network: Any, problem: Problem) -> Ascent:
        """Returns everyone at a random point of the ball."""
        del network
        count = tf.size(problem.row)
        image = random_point(problem, self.ball, self.norm, self.epsilon)
        lowest, none = tf.fill([count], float("-inf")), tf.zeros([count], tf.int32)
        return Ascent(
            image=image,
            before=image,
            loss=-lowest,
            step_size=tf.fill([count], FIRST_STEP * self.epsilon),
            best=image,
            best_gradient=tf.zeros_like(image),
            best_loss=lowest,
            rises=none,
            halved=none > 0,
            best_loss_then=lowest,
        )

    def step(
        self, network: Any, problem: Problem, state: Ascent, done: tf.Tensor
    ) -> tuple[Ascent, tf.Tensor, tf.Tensor]:
        """Looks at x_k and goes on to x_{k+1}."""
        here = look.slope(network, state.image, self.ascended(problem), self.passes)
        broken = self.leaves(here.logits, problem.label)
        looked_at = state.image
        state, gradient = judge(record(state, here), here, tf.gather(self._lengths, done))
        ahead = self._ahead(problem, state, gradient, tf.where(done == 0, 1.0, MOMENTUM))
        return state._replace(image=ahead, before=state.image), looked_at, broken

    def finish(self, network: Any, problem: Problem, state: Ascent) -> tf.Tensor:
        """Returns x_max after a look, without a gradient, at the last point."""
        logits = look.logits(network, state.image, self.passes)
        last = self.ascended(problem)(logits) > state.best_loss
        last |= self.leaves(logits, problem.label)
        return tf.where(column(last, state.image), state.image, state.best)

    def _ahead(
        self, problem: Problem, state: Ascent, gradient: tf.Tensor, momentum: tf.Tensor
    ) -> tf.Tensor:
        """Returns x_{k+1} = P(x_k + a (z - x_k) + (1 - a) (x_k - x_{k-1}))."""
        size = column(state.step_size, state.image)
        z = state.image + size * self.ball.steepest(gradient, state.image)
        z = self.ball.project(z, problem.image, self.epsilon)
        along = momentum * (z - state.image) + (1.0 - momentum) * (state.image - state.before)
        return self.ball.project(state.image + along, problem.image, self.epsilon)


class TargetedAPGD(APGD):
    """Auto-PGD on the targeted DLR loss, one run for each of the most likely other classes.

    Source: Croce and Hein 2020 (AutoAttack), equation 7 and section 4; see `APGD` for the rest.
    Targets are ranked by the clean logits.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        norm: "linf" or "l2".
        num_steps: gradients of a run.
        restarts: runs for each target.
        num_targets: most targets; fewer when there are fewer other classes.
        passes: network calls averaged for each gradient.

    Raises:
        UserError: a number out of its range, an unknown norm; when called, fewer than 4 classes.
    """

    targeted = True

    def __init__(
        self,
        *,
        epsilon: float,
        norm: str = "linf",
        num_steps: int = 100,
        restarts: int = 1,
        num_targets: int = 9,
        passes: int = 1,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            norm=norm,
            loss="dlr",
            num_steps=num_steps,
            restarts=restarts,
            num_targets=num_targets,
            passes=passes,
        )
        self.name, self.least_classes = "apgd-t", 4

    def ascended(self, problem: Problem) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns the targeted DLR loss of logits [active, classes], [active]."""
        return lambda logits: losses.targeted_dlr(logits, problem.label, problem.target)
