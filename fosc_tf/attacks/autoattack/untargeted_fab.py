"""FAB without a target: each step goes for the boundary that looks nearest.

found = UntargetedFAB(epsilon=8 / 255, restarts=5)(network, image, label, seed=0)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from fosc_tf.attacks.autoattack import look
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.autoattack.fab import FAB, lead
from fosc_tf.attacks.ball import flat


class UntargetedFAB(FAB):
    """FAB whose hyperplane is that of the nearest other class at every step.

    Nearest is the class of smallest |z_l - z_y| / ||gradient||_dual. This takes one gradient for
    each class at every step, so it suits few classes; only AutoAttack's version "plus" uses it.
    Source: Croce and Hein 2020 (FAB), equation 6 and Algorithm 1; see `FAB` for the rest.

    Args:
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; in (0, 1] for linf.
        norm: "linf" or "l2".
        num_steps: steps of a run.
        restarts: runs, all but the first from a random start.
        passes: network calls averaged at each point.

    Raises:
        UserError: a number out of its range, an unknown norm.
    """

    name = "fab"
    targeted = False

    def gradients(self, num_classes: int | tf.Tensor) -> int | tf.Tensor:
        """Returns the gradients that one step costs."""
        return num_classes

    def _boundary(
        self, network: Any, problem: Problem, image: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def towards(target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
            everyone = tf.fill(tf.shape(problem.label), target)
            ahead = look.slope(
                network, image, lambda logits: lead(logits, problem.label, everyone), self.passes
            )
            dual = self.ball.support(ahead.gradient, 1.0)
            reachable = (dual > 0) & (everyone != problem.label)
            away = tf.abs(ahead.loss) / tf.where(reachable, dual, 1.0)
            away = tf.where(reachable, away, float("inf"))
            return tf.shape(ahead.logits)[1], away, flat(ahead.gradient), -ahead.loss

        def body(target: tf.Tensor, away: tf.Tensor, normal: tf.Tensor, lack: tf.Tensor) -> Any:
            _, away_too, normal_too, lack_too = towards(target)
            nearer = away_too < away
            return (
                target + 1,
                tf.where(nearer, away_too, away),
                tf.where(nearer[:, None], normal_too, normal),
                tf.where(nearer, lack_too, lack),
            )

        classes, *first = towards(tf.constant(0))
        _, _, normal, lack = tf.while_loop(
            lambda target, *_: target < classes,
            body,
            (tf.constant(1), *first),
            parallel_iterations=1,
        )
        return normal, lack
