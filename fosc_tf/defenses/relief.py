"""A training attack that can be made stronger while training goes on.

defense = with_relief(fosc_tf.defenses.get("fast", epsilon=8 / 255))
defense.relief.more()      # twice the steps, half as long, from the next batch on
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks.budget import Mixed
from fosc_tf.errors import UserError
from fosc_tf.schedules import at
from fosc_tf.types import Batch, Defense, PerExample

MOST_STEPS = 10


class Relief:
    """Counts how often a training attack was made stronger.

    With a count of r an attack of K steps of length a takes min(K * 2^r, max(K, 10)) steps of
    max(a / 2^r, min(a, epsilon / 4)): a single step becomes PGD-2, PGD-4, ..., whose climbs are as
    long.

    Attributes:
        count: r, a Keras variable, which the trainer checkpoints.
    """

    def __init__(self) -> None:
        self.count = keras.Variable(0, dtype="int32", trainable=False, name="relief")

    def __repr__(self) -> str:
        """Returns one line."""
        return "Relief()"

    def more(self) -> None:
        """Makes the attack stronger from the next batch on."""
        self.count.assign(self.count + 1)

    def steps(self, value: Any) -> Any:
        """Returns the schedule of the number of steps; `value` is what it is without."""

        def num_steps(step: tf.Tensor) -> tf.Tensor:
            plain = tf.cast(at(value, step), tf.int32)
            return tf.minimum(plain * self._factor, tf.maximum(plain, MOST_STEPS))

        return num_steps

    def length(self, value: Any, epsilon: Any) -> Any:
        """Returns the schedule of the length of a step, or what each example has of it."""

        def shorter(plain: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
            least = tf.minimum(plain, radius / 4.0)
            return tf.maximum(plain / tf.cast(self._factor, tf.float32), least)

        def of_example(step: tf.Tensor, batch: Batch) -> tf.Tensor:
            plain, radius = (
                tf.cast(at(each, step, batch), tf.float32) for each in (value, epsilon)
            )
            return shorter(plain, radius)

        def of_step(step: tf.Tensor) -> tf.Tensor:
            plain, radius = (tf.cast(at(each, step), tf.float32) for each in (value, epsilon))
            return shorter(plain, radius)

        apart = any(isinstance(each, PerExample) for each in (value, epsilon))
        return PerExample(of_example) if apart else of_step

    @property
    def _factor(self) -> tf.Tensor:
        return tf.bitwise.left_shift(1, tf.minimum(tf.convert_to_tensor(self.count), 8))


def with_relief(defense: Defense) -> Defense:
    """Returns the defense whose attack `relief.more()` makes stronger, until then the same.

    Raises:
        UserError: no attack, or one that is no PGD with as many steps for all; a trainer of its
            own, which takes the steps itself.
    """
    attack = defense.attack
    fits = type(attack) is PGD and not isinstance(attack.num_steps, Mixed | PerExample)
    if not fits or defense.trainer is not None:
        raise UserError(
            "only a PGD with as many steps for all can be made stronger while training goes on",
            "monitor.action='warn', or another defense",
            f"{defense!r}",
        )
    relief = Relief()
    changed = {
        "num_steps": relief.steps(attack.num_steps),
        "step_size": relief.length(attack.step_size, attack.epsilon),
        "watch": attack.parts.watch,
    }
    stronger = PGD(**attack.arguments() | changed)
    state = (*defense.state, relief.count)
    return dataclasses.replace(defense, attack=stronger, state=state, relief=relief)
