"""FAB: walks along the decision boundary towards the clean image.

found = FAB(epsilon=8 / 255)(network, image, label, seed=0)           # targeted, 9 targets
nearest = FAB(epsilon=8 / 255).nearest(network, image, label)         # how far the boundary is
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from fosc_tf.attacks import losses
from fosc_tf.attacks.autoattack import look
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.autoattack.hyperplane import shortest_move
from fosc_tf.attacks.autoattack.member import Member
from fosc_tf.attacks.autoattack.nearest import Nearest, last_search, nearer, nothing_found
from fosc_tf.attacks.autoattack.outcome import misclassified
from fosc_tf.attacks.autoattack.random_point import random_point
from fosc_tf.attacks.ball import column, flat
from fosc_tf.attacks.limits import check_draw, check_examples

ALPHA_MAX = 0.1
OVERSHOOT = 1.05
BACKWARD = 0.9


class Walk(NamedTuple):
    """Where each example stands, [active, ...] each.

    Attributes:
        image: x_i.
        best: the nearest misclassified image so far, the clean one before there is any.
        distance: of `best`, inf before there is any.
        enough: a misclassified image within this distance ends the walk.
    """

    image: tf.Tensor
    best: tf.Tensor
    distance: tf.Tensor
    enough: tf.Tensor


class FAB(Member):
    """Fast adaptive boundary attack towards each of the most likely other classes.

    Each step takes the boundary between label and target for a hyperplane, projects x_i and the
    clean image onto it within the box, and mixes both with a weight of at most 0.1 for the clean
    one, overshooting by 1.05; from a misclassified point it first goes 10 % back to the clean
    image.
    Source: Croce and Hein 2020 (FAB), Algorithm 1 and section 2.4 (the search on the last segment);
    targets as in Croce and Hein 2020 (AutoAttack), section 4.
    Departures: a walk ends at the first misclassified point within epsilon, which is all that
    robust accuracy asks for; the last search tries a point a tenth beyond the secant's zero, which
    would otherwise often fall on the wrong side by rounding; restarts begin within epsilon / 2.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        norm: "linf" or "l2".
        num_steps: steps of a run: one gradient and one look each.
        restarts: runs for each target, all but the first from a random start.
        num_targets: most targets; fewer when there are fewer other classes.
        passes: network calls averaged at each point.

    Raises:
        UserError: a number out of its range, an unknown norm.
    """

    name = "fab-t"
    targeted = True
    folds = False  # It ends at the boundary, where rounding decides.

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
            num_steps=num_steps,
            restarts=restarts,
            num_targets=num_targets,
            passes=passes,
        )

    def nearest(self, network: Any, image: Any, label: Any, *, seed: int = 0) -> Nearest:
        """Returns the nearest misclassified images that all walks find, in the ball or not.

        Args:
            network: a Keras model, or anything called like one, from images to logits.
            image: [batch, height, width, channels] float32 in [0, 1].
            label: [batch] int in 0..num_classes-1.
            seed: decides the starts of restarts.

        Raises:
            UserError: images or labels out of range, probabilities instead of logits, a seed that
                is no whole number from 0 on.
        """
        image, label = check_examples(network, image, label)
        seed, _ = check_draw(seed, 0)
        return self.compiled(self._nearest, network, image, label, seed)

    def start(self, network: Any, problem: Problem, enough: float | None = None) -> Walk:
        """Returns everyone at the clean image, or in restarts at a random point."""
        del network
        again = column(problem.restart > 0, problem.image)
        random = random_point(problem, self.ball, self.norm, self.epsilon / 2)
        nowhere = tf.fill([tf.size(problem.row)], float("inf"))
        enough = tf.fill([tf.size(problem.row)], self.epsilon if enough is None else enough)
        return Walk(tf.where(again, random, problem.image), problem.image, nowhere, enough)

    def step(
        self, network: Any, problem: Problem, state: Walk, done: tf.Tensor
    ) -> tuple[Walk, tf.Tensor, tf.Tensor]:
        """Goes from x_i to x_{i+1} and notes whether that is misclassified, and how far away."""
        del done
        normal, lack = self._boundary(network, problem, state.image)
        image = self._forward(problem, state.image, normal, lack)
        adversarial = misclassified(look.logits(network, image, self.passes), problem.label)
        distance = self.ball.distance(image, problem.image)
        nearer = adversarial & (distance < state.distance)
        back = problem.image + BACKWARD * (image - problem.image)
        state = state._replace(
            image=tf.where(column(adversarial, image), back, image),
            best=tf.where(column(nearer, image), image, state.best),
            distance=tf.where(nearer, distance, state.distance),
        )
        return state, image, adversarial & (distance <= state.enough)

    def finish(self, network: Any, problem: Problem, state: Walk) -> tf.Tensor:
        """Returns the best image after a search on the segment from the clean image to it."""

        def margin(image: tf.Tensor) -> tf.Tensor:
            return losses.margin(look.logits(network, image, self.passes), problem.label)

        return last_search(margin, problem.image, state.best)

    def _boundary(
        self, network: Any, problem: Problem, image: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the gradient of z_t - z_y, [active, features], and what it lacks to 0."""
        ahead = look.slope(
            network, image, lambda logits: lead(logits, problem.label, problem.target), self.passes
        )
        return flat(ahead.gradient), -ahead.loss

    def _forward(
        self, problem: Problem, image: tf.Tensor, normal: tf.Tensor, lack: tf.Tensor
    ) -> tf.Tensor:
        here, clean = flat(image), flat(problem.image)
        move = shortest_move(self.norm, here, normal, lack)
        lack_of_clean = lack - tf.reduce_sum(normal * (clean - here), axis=1)
        move_of_clean = shortest_move(self.norm, clean, normal, lack_of_clean)
        length, length_of_clean = self._length(move), self._length(move_of_clean)
        alpha = tf.minimum(tf.math.divide_no_nan(length, length + length_of_clean), ALPHA_MAX)
        alpha = alpha[:, None]
        ahead = (1.0 - alpha) * (here + OVERSHOOT * move)
        ahead += alpha * (clean + OVERSHOOT * move_of_clean)
        return tf.reshape(tf.clip_by_value(ahead, 0.0, 1.0), tf.shape(image))

    def _length(self, move: tf.Tensor) -> tf.Tensor:
        return self.ball.distance(move, tf.zeros_like(move))

    def _nearest(
        self, network: Any, image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor
    ) -> Nearest:
        logits = self.logits(network, image)
        targets, num_runs = self.runs(logits, label)
        position = tf.range(tf.shape(image, tf.int64)[0])

        def body(run: tf.Tensor, best: Nearest) -> tuple[tf.Tensor, Nearest]:
            plan = self.plan(run, targets, position, seed)
            return run + 1, nearer(best, self._walk(network, image, label, *plan))

        best = nothing_found(image, misclassified(logits, label))
        return tf.while_loop(lambda run, _: run < num_runs, body, (0, best), parallel_iterations=1)[
            1
        ]

    def _walk(self, network: Any, image: tf.Tensor, label: tf.Tensor, *plan: tf.Tensor) -> Nearest:
        problem = Problem(tf.range(tf.shape(image)[0]), image, label, *plan)
        best, _ = self.go(network, problem, self.start(network, problem, enough=-1.0))
        broken = misclassified(self.logits(network, best), label)
        return Nearest(best, tf.where(broken, self.ball.distance(best, image), float("inf")))


def lead(logits: tf.Tensor, label: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns z_target - z_label, [batch]."""
    return tf.gather(logits, target, batch_dims=1) - tf.gather(logits, label, batch_dims=1)
