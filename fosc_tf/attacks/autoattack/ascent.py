"""Where Auto-PGD stands with each example, and what a checkpoint makes of it.

state = record(state, here)
state, gradient = judge(state, here, length)
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from fosc_tf.attacks.ball import column
from fosc_tf.attacks.slope import Slope

RISING = 0.75


class Ascent(NamedTuple):
    """Where each example stands, [active, ...] each.

    Attributes:
        image: x_k, not yet looked at.
        before: x_{k-1}.
        loss: f(x_{k-1}).
        step_size: eta, in units of the norm.
        best, best_gradient, best_loss: x_max with its gradient and f_max.
        rises: how often f rose since the last checkpoint.
        halved: whether the last checkpoint halved eta.
        best_loss_then: f_max at the last checkpoint.
    """

    image: tf.Tensor
    before: tf.Tensor
    loss: tf.Tensor
    step_size: tf.Tensor
    best: tf.Tensor
    best_gradient: tf.Tensor
    best_loss: tf.Tensor
    rises: tf.Tensor
    halved: tf.Tensor
    best_loss_then: tf.Tensor


def record(state: Ascent, here: Slope) -> Ascent:
    """Returns the state that knows f and its gradient at x_k."""
    better = here.loss > state.best_loss
    wide = column(better, state.image)
    return state._replace(
        rises=state.rises + tf.cast(here.loss > state.loss, tf.int32),
        loss=here.loss,
        best=tf.where(wide, state.image, state.best),
        best_gradient=tf.where(wide, here.gradient, state.best_gradient),
        best_loss=tf.where(better, here.loss, state.best_loss),
    )


def judge(state: Ascent, here: Slope, length: tf.Tensor) -> tuple[Ascent, tf.Tensor]:
    """Returns the state after a checkpoint and the gradient at its image.

    `length` is the number of steps since the last checkpoint, 0 where there is none now.
    """
    now = length > 0
    rarely = tf.cast(state.rises, tf.float32) < RISING * tf.cast(length, tf.float32)
    stuck = ~state.halved & (state.best_loss == state.best_loss_then)
    halve = now & (rarely | stuck)
    wide = column(halve, state.image)
    state = state._replace(
        step_size=tf.where(halve, state.step_size / 2.0, state.step_size),
        image=tf.where(wide, state.best, state.image),
        loss=tf.where(halve, state.best_loss, state.loss),
        rises=tf.where(now, tf.zeros_like(state.rises), state.rises),
        halved=tf.where(now, halve, state.halved),
        best_loss_then=tf.where(now, state.best_loss, state.best_loss_then),
    )
    return state, tf.where(wide, state.best_gradient, here.gradient)
