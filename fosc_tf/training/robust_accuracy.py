"""Accuracy under an attack, measured within `evaluate` and each validation of `fit`.

robust = RobustAccuracy(attack_of("pgd-10", defense), seed=0)
robust.judge(network, batch, right)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks import AutoAttack, presets
from fosc_tf.attacks.attack import Attack, declared
from fosc_tf.attacks.independent import Independent
from fosc_tf.errors import UserError
from fosc_tf.replicas import add
from fosc_tf.terms import is_right
from fosc_tf.types import Defense, Found

NAME = "robust_accuracy"


class RobustAccuracy(keras.metrics.Mean):
    """The share of examples classified right both clean and attacked.

    Random numbers depend on the seed and on which batch of the evaluation it is, so that epochs
    are compared by the same ones, on any number of replicas.

    Args:
        attack: to be called within a `tf.function`.
        seed: with the number of the batch it decides all random numbers.
    """

    def __init__(self, attack: Attack, seed: int) -> None:
        super().__init__(NAME)
        self.attack, self.seed = attack, seed
        self.batches = self.add_variable((), initializer="zeros", name="batches")

    def judge(self, network: Any, image: tf.Tensor, label: tf.Tensor, right: tf.Tensor) -> None:
        """Attacks one batch, on replicas this one's share of it.

        Args:
            network: maps images to logits.
            image: [batch, height, width, channels] float32 in [0, 1].
            label: [batch] int32.
            right: [batch] bool, who is classified right clean.
        """
        step = tf.cast(tf.convert_to_tensor(self.batches), tf.int64)
        found = self.attack(network, image, label, seed=self.seed, step=step)
        withstood = is_right(tf.cast(network(found.image, training=False), tf.float32), label)
        self.update_state(right & withstood)
        add(self.batches, tf.ones([]))

    def reset_state(self) -> None:
        """Begins another evaluation."""
        super().reset_state()
        self.batches.assign(0)


def attack_of(given: str | Attack | Callable[..., Found], defense: Defense) -> Attack:
    """Returns the attack of a validation: the value itself, or one by name in the defense's ball.

    Raises:
        UserError: an unknown name, a name where the defense has no ball of one size, or an attack
            that cannot run inside a compiled step.
    """
    if isinstance(given, str):
        attack, ball = defense.attack, None
        if attack is not None:
            ball = declared(attack)
        if ball is None or not isinstance(ball.epsilon, int | float):
            raise UserError(
                "a validation attack by name needs the ball of the defense's attack",
                "validation_attack=PGD(epsilon=8/255, step_size=2/255, num_steps=10)",
                f"validation_attack={given!r} with a defense that has no epsilon of one size",
            )
        given = presets.get(given, epsilon=ball.epsilon, norm=ball.norm)
    if isinstance(given, AutoAttack | Independent):
        raise UserError(
            "a validation attack runs inside the compiled step of evaluate",
            'validation_attack="pgd-10", or the callback fosc_tf.callbacks.HeldOut, which takes '
            "every attack",
            f"validation_attack={given!r}",
        )
    return declared(given)
