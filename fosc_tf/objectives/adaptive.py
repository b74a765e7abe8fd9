"""Targets that follow what the network says of an example, and weights that follow its doubt.

objective = adaptive_targets(rho=0.9, beta=0.1, reweight=True, from_epoch=5, clock=Clock(390))
judged = objective(network, batch, found, step)      # batch.context["target"] is remembered
remembered(judged)      # {"target": ..., "weight": ...}
"""

from __future__ import annotations

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.memory import Spec
from fosc_tf.number import whole
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.replicas import global_mean
from fosc_tf.schedules import Clock
from fosc_tf.terms import cross_entropy, distribution, divergence, to_label
from fosc_tf.types import Batch, Found, Judged

TARGET, WEIGHT = "target", "weight"
TERMS = (WEIGHT, "target_of_label")
"""What both objectives tell of each example: its weight, of mean 1 over the global batch, and the
probability that the target it was trained on gives to its label. The target itself is among their
terms too, to be remembered; zeros stand for the label."""


def specs(num_classes: int) -> dict[str, Spec]:
    """Returns what a memory of both objectives holds: the target, and the last weight to be shown.

    Raises:
        UserError: fewer than two classes.
    """
    return {TARGET: Spec((whole("num_classes", num_classes, least=2),)), WEIGHT: Spec()}


def remembered(judged: Judged) -> dict[str, tf.Tensor]:
    """Returns what is written of `specs` after a batch."""
    return {name: judged.terms[name] for name in (TARGET, WEIGHT)}


def adaptive_targets(
    *, rho: float, beta: float, reweight: bool, from_epoch: int, clock: Clock
) -> Objective:
    """Returns sum_i w_i CE(f(x_i'), t_i) / sum_i w_i, with constants w and t.

    p is the softmax at the adversarial image, in training mode. The remembered target moves to
    rho * target + (1 - rho) * p, t = beta * label + (1 - beta) * target, w = p of the label. Before
    `from_epoch` t is the label, w is 1 and nothing moves.

    Source: Liu 2022 (thesis), section 4.3.5, Algorithm 4.1. The code its authors released moves
    the target by the prediction before the attack's step.

    Args:
        rho: share of the target that stays.
        beta: share of the label in what is trained on; 1 leaves the targets out.
        reweight: False leaves the weights out.
        from_epoch: 0-based.
        clock: turns steps into epochs.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        logits = tf.cast(network(found.image, training=True), tf.float32)
        probability = tf.stop_gradient(tf.nn.softmax(logits))
        adapted = clock.epoch(step) >= from_epoch
        label, target = _targets(batch, probability, rho, adapted)
        goal = tf.where(adapted, beta * label + (1.0 - beta) * target, label)
        own = tf.one_hot(batch.label, logits.shape[1])
        weight = tf.reduce_sum(probability * own, axis=1) if reweight else tf.ones_like(own[:, 0])
        weight = _of_mean_one(tf.where(adapted, weight, 1.0))
        terms = {TARGET: target, WEIGHT: weight, "target_of_label": _of_label(goal, own)}
        return Judged(weight * cross_entropy(logits, goal), logits, terms)

    return objective


def fine_tuning(*, reweight: bool, beta: float) -> Objective:
    """Returns sum_i w_i (CE(f(x_i'), y_i) + beta KL(p(x_i) || p(x_i'))) / sum_i w_i.

    w is the probability of the label at the adversarial image, a constant, or 1.

    Source: Liu 2022 (thesis), section 4.3.5, adversarial fine-tuning with RW and KL.

    Args:
        reweight: False has all weights 1.
        beta: lambda of the thesis; at 0 the clean image is not looked at.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        del step
        logits = tf.cast(network(found.image, training=True), tf.float32)
        loss = to_label(logits, batch)
        if beta:
            clean = tf.cast(network(batch.image, training=True), tf.float32)
            loss += beta * divergence(clean, logits)
        if reweight:
            own = tf.one_hot(batch.label, logits.shape[1])
            loss *= _of_mean_one(tf.stop_gradient(_of_label(tf.nn.softmax(logits), own)))
        return Judged(loss, logits)

    return objective


def self_adaptive(*, rho: float, beta: float, from_epoch: int, clock: Clock) -> Objective:
    """Returns TRADES with targets that follow the clean prediction: w_i CE(f(x_i), t_i) + beta KL.

    From `from_epoch` on t moves to rho * t + (1 - rho) * the softmax at the clean image, in
    training mode, and the largest entry of t is the example's weight, divided by the batch's mean.

    Source: self-adaptive training, Huang et al. 2020, with TRADES as there.

    Args:
        rho: share of the target that stays.
        beta: weight of the divergence of clean and adversarial predictions.
        from_epoch: 0-based; before, this is TRADES.
        clock: turns steps into epochs.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        clean, adversarial = (
            tf.cast(network(image, training=True), tf.float32)
            for image in (batch.image, found.image)
        )
        adapted = clock.epoch(step) >= from_epoch
        label, target = _targets(batch, tf.stop_gradient(tf.nn.softmax(clean)), rho, adapted)
        goal = tf.where(adapted, target, label)
        weight = _of_mean_one(tf.where(adapted, tf.reduce_max(target, axis=1), 1.0))
        loss = weight * cross_entropy(clean, goal) + beta * divergence(clean, adversarial)
        own = tf.one_hot(batch.label, clean.shape[1])
        terms = {TARGET: target, WEIGHT: weight, "target_of_label": _of_label(goal, own)}
        return Judged(loss, adversarial, terms)

    return objective


def _targets(
    batch: Batch, probability: tf.Tensor, rho: float, moves: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the labels and the remembered targets, moved where `moves`, [batch, classes] each."""
    label, known = distribution(batch, probability.shape[1]), batch.context[TARGET]
    if known.shape[1] != label.shape[1]:
        raise UserError(
            "targets must be of as many classes as the network has logits",
            f"num_classes={label.shape[1]} of the defense",
            f"num_classes={known.shape[1]}",
        )
    target = tf.where(tf.reduce_sum(known, axis=1, keepdims=True) > 0, known, label)
    return label, tf.where(moves, rho * target + (1.0 - rho) * probability, target)


def _of_mean_one(weight: tf.Tensor) -> tf.Tensor:
    return tf.math.divide_no_nan(weight, global_mean(weight))


def _of_label(goal: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(goal * own, axis=1)
