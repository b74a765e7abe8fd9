"""What an attack is: its ball, its nature, and one way to be called.

class Mine(Attack):
    def find(self, network, batch, *, seed, step, final_fosc): ...
    def parameters(self): ...

found = Mine(...)(network, image, label, seed=0)
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.attacks.limits import check_draw, check_epsilon, check_examples
from fosc_tf.errors import UserError
from fosc_tf.number import flag
from fosc_tf.readable import one_line, without_defaults
from fosc_tf.schedules import at
from fosc_tf.types import Batch, Found, Number, PerExample, Schedule


@dataclasses.dataclass(frozen=True)
class Traits:
    """What whoever uses an attack must know of it.

    Attributes:
        fixed_shapes: no example leaves the batch, so that XLA can compile it.
        gated: examples may stop before their last step.
        passes: answers of the network that are averaged to judge; 1 unless it is random.
        least_classes: what its loss is defined for.
        until_wrong: an example is left alone as soon as the network errs on it.
        by_example: its random numbers are keyed by `context["position"]`, [batch] int64, the places
            of the examples in the whole set.
    """

    fixed_shapes: bool = True
    gated: bool = False
    passes: int = 1
    least_classes: int = 2
    by_example: bool = False
    until_wrong: bool = False


class Attack(abc.ABC):
    """Finds adversarial images within a ball; a subclass says how in `find`.

    Attributes:
        epsilon: radius of the ball over pixels in [0, 1].
        norm: of the ball.
        traits: its nature.
    """

    epsilon: Number | Schedule | PerExample
    norm: str
    traits = Traits()

    @abc.abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Returns the numbers and names that make this attack, for records."""

    def arguments(self) -> dict[str, Any]:
        """Returns what it was made with, as it is; `repr` shows all but the defaults."""
        return self.parameters()

    def __repr__(self) -> str:
        """Returns one line with the arguments that matter."""
        return one_line(type(self).__name__, without_defaults(type(self), self.arguments()))

    @abc.abstractmethod
    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Attacks a batch that has been checked, within a `tf.function` or outside."""

    def check(self, shape: Sequence[int], step: int = 0) -> None:
        """Raises `UserError` where the attack does not fit images of `shape` at `step`."""
        if not isinstance(self.epsilon, PerExample):
            check_epsilon(asked("epsilon", self.epsilon, step), self.norm, shape)

    def again(self, name: str, times: int) -> dict[str, Attack]:
        """Returns so many tries of the attack called `name`, by their names; seeds differ."""
        if times == 1:
            return {name: self}
        return {f"{name} #{number + 1}": self for number in range(times)}

    @final
    def __call__(
        self,
        network: Any,
        image: tf.Tensor,
        label: tf.Tensor,
        *,
        context: dict[str, tf.Tensor] | None = None,
        seed: int | tf.Tensor = 0,
        step: int | tf.Tensor = 0,
        final_fosc: bool | tf.Tensor = False,
    ) -> Found:
        """Attacks `image`.

        Args:
            network: a Keras model, or anything called like one, from images to logits.
            image: [batch, height, width, channels] float32 in [0, 1], clean.
            label: [batch] int in 0..num_classes-1.
            context: what else is known of the examples by name, [batch, ...], such as their `id`.
            seed: with `step` it decides all random numbers.
            step: what schedules are asked for.
            final_fosc: True spends one more gradient on examples that climbed to the end, so that
                their FOSC and loss are known; otherwise these are NaN. Means nothing to attacks
                that know no FOSC.

        Returns:
            `Found`, each field [batch] but the image.

        Raises:
            UserError: fewer classes than the loss needs; outside a `tf.function` also images or
                labels out of range, probabilities instead of logits, a radius beyond the diameter
                of the images, a seed or step that is no whole number from 0 on.
        """
        if _listening:
            _listening[-1].append(self)
            return Found.at(tf.convert_to_tensor(image))
        context = context or {}
        if tf.executing_eagerly():
            image, label = check_examples(network, image, label)
            seed, step = check_draw(seed, step)
            if not tf.is_tensor(final_fosc):
                final_fosc = flag("final_fosc", final_fosc)
            self.check(image.shape[1:], int(step))
            context = {name: tf.convert_to_tensor(value) for name, value in context.items()}
        batch = Batch(image, label, context)
        return self.find(network, batch, seed=seed, step=step, final_fosc=final_fosc)


def asked(name: str, value: Any, step: int) -> Any:
    """Returns what a schedule says at `step`, or a tensor, as a number; anything else as it is.

    Raises:
        UserError: a schedule or tensor that says NaN.
    """
    if callable(value):
        value = at(value, tf.constant(step, tf.int64))
    elif not (tf.is_tensor(value) or isinstance(value, keras.Variable)):
        return value
    said = float(np.asarray(value))
    if said != said:
        raise UserError(
            f"{name} as a schedule or tensor must be a number at every step",
            f"{name}=lambda step: ...",
            f"{name}=NaN at step {step}",
        )
    return said


class Wrapped(Attack):
    """A plain function around attacks, which has the nature of those that it calls.

    Args:
        function: called as an attack is, with all its options by name.
        attacks: those that it calls; none for an attack that is nothing but a function, of which
            nothing is known.
    """

    def __init__(self, function: Callable[..., Found], attacks: Sequence[Attack]) -> None:
        self.function, self.attacks = function, attacks
        traits = [attack.traits for attack in attacks]
        self.traits = Traits(
            fixed_shapes=bool(traits) and all(each.fixed_shapes for each in traits),
            gated=any(each.gated for each in traits),
            passes=max([1, *(each.passes for each in traits)]),
            least_classes=max([2, *(each.least_classes for each in traits)]),
            by_example=bool(traits) and all(each.by_example for each in traits),
            until_wrong=any(each.until_wrong for each in traits),
        )
        # None of a function of which nothing is known.
        self.epsilon, self.norm = None, None
        if attacks:
            self.epsilon, self.norm = attacks[0].epsilon, attacks[0].norm

    def parameters(self) -> dict[str, Any]:
        """Returns the name of the function, and what the attack within says of itself."""
        name = getattr(self.function, "__name__", repr(self.function))
        return {"function": name, **(self.attacks[0].parameters() if self.attacks else {})}

    def arguments(self) -> dict[str, Any]:
        """Returns the function and the attacks within."""
        return {"function": self.function, "attacks": self.attacks}

    def check(self, shape: Sequence[int], step: int = 0) -> None:
        """Asks the attacks within."""
        for attack in self.attacks:
            attack.check(shape, step)

    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Calls the function."""
        options = {"context": batch.context} if batch.context else {}
        options |= {"seed": seed, "step": step, "final_fosc": final_fosc}
        return self.function(network, batch.image, batch.label, **options)


_listening: list[list[Attack]] = []


@contextlib.contextmanager
def _calls() -> Iterator[list[Attack]]:
    """Gives the attacks that are called within the block; they attack nothing there."""
    _listening.append([])
    try:
        yield _listening[-1]
    finally:
        _listening.pop()


def declared(attack: Any) -> Attack:
    """Returns an `Attack` as it is, and a plain function, such as a lambda, as `Wrapped`.

    To learn which attacks a function calls, it is called once on a grey image and no network,
    while no attack does anything.

    Raises:
        UserError: what cannot be called.
    """
    if isinstance(attack, Attack):
        return attack
    if isinstance(attack, type) or not callable(attack):
        raise UserError(
            "an attack must be one of fosc_tf.attacks, or a function around one",
            "PGD(epsilon=0.3, step_size=0.075, num_steps=10)",
            f"attack={attack!r}",
        )
    with _calls() as called, contextlib.suppress(Exception):  # whatever it does without a network
        attack(None, np.full([1, 8, 8, 1], 0.5, np.float32), np.zeros(1, np.int32))
    return Wrapped(attack, list(called))
