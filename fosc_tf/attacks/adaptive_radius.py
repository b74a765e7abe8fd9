"""An attack within a ball of each example's own, which grows where the example withstands it.

attack = AdaptiveRadius(epsilon=8 / 255, step_size=2 / 255, num_steps=10, change=1.9 / 255)
found = attack(network, image, label, context={"radius": radius})
found.seen["radius"], found.seen["next_radius"]
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from fosc_tf.attacks.attack import Attack, Traits
from fosc_tf.attacks.limits import check_climb
from fosc_tf.attacks.pgd import PGD
from fosc_tf.number import inside
from fosc_tf.terms import is_right
from fosc_tf.types import Batch, Found, PerExample, Schedule

RADIUS, NEXT_RADIUS, _STEPS = "radius", "next_radius", "num_steps"


class AdaptiveRadius(Attack):
    """PGD within `radius` + `change`, else within `radius`, else within `radius` - `change`.

    The first of them that the network withstands is the one that counts, or the last. `next_radius`
    moves towards it by the share `rate`, and stays where the second counts. An example is attacked
    again only if it did not withstand: it costs K, 2 K or 3 K gradients.

    Source: instance adaptive adversarial training, Balaji et al. 2019, with the numbers of the code
    that Liu 2022 released. Departure: that code attacks everyone three times, the last time with
    other random numbers than those that have told how large the radius may be.

    Args:
        epsilon: radius of the ball where everyone has the same, over pixels in [0, 1].
        step_size: length of a step.
        num_steps: K.
        change: gamma, by how much the radius is tried larger or smaller.
        rate: share of the way that `next_radius` moves, in (0, 1].
        most: no radius is larger.
        alike: a schedule, true while everyone has epsilon.
        norm: "linf", "l2" or "l1".

    Attributes:
        seen of what it finds: `radius`, of the ball that the image was found in, and `next_radius`,
            [batch] both.

    Raises:
        UserError: a number out of its range.
    """

    traits = Traits(fixed_shapes=False)

    def __init__(
        self,
        *,
        epsilon: float,
        step_size: float,
        num_steps: int,
        change: float,
        rate: float = 0.1,
        most: float = float("inf"),
        alike: Schedule | None = None,
        norm: str = "linf",
    ) -> None:
        climb = check_climb(epsilon, step_size, num_steps, norm, "ball", changing=False)
        self.epsilon, self.step_size, self.num_steps = climb
        self.norm, self.alike = norm, alike
        self.change = inside("change", change, "change=1.9/255")
        self.rate = inside("rate", rate, "rate=0.1", below=1, ends="(]")
        self.most = inside("most", most, "most=16/255", least=self.epsilon, ends="[]")
        self.within = PGD(
            epsilon=PerExample(lambda step, batch: batch.context[RADIUS]),
            step_size=step_size,
            num_steps=PerExample(lambda step, batch: batch.context[_STEPS]),
            norm=norm,
        )

    def parameters(self) -> dict[str, Any]:
        """Returns the numbers and names that make this attack, for records."""
        names = ("epsilon", "step_size", "num_steps", "change", "rate", "most", "norm")
        return {name: getattr(self, name) for name in names}

    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Attacks up to three times; see `Attack.__call__`."""
        known = batch.context[RADIUS]
        alike = tf.constant(False) if self.alike is None else self.alike(step) > 0
        radii = (
            tf.where(alike, self.epsilon, tf.minimum(known + self.change, self.most)),
            known,
            tf.maximum(known - self.change, 0.0),
        )

        def attacked(radius: tf.Tensor, who: tf.Tensor) -> Found:
            context = {RADIUS: radius, _STEPS: tf.where(who, self.num_steps, 0)}
            return self.within.find(
                network,
                batch._replace(context=batch.context | context),
                seed=seed,
                step=step,
                final_fosc=final_fosc,
            )

        def withstood(image: tf.Tensor) -> tf.Tensor:
            logits = tf.cast(network(image, training=False), tf.float32)
            return is_right(logits, batch.label) | alike

        falls = tf.ones_like(batch.label, tf.bool)
        result, rank = None, tf.zeros_like(batch.label)
        for radius in radii:
            found = attacked(radius, falls)
            result = found if result is None else _chosen(falls, found, result)
            falls &= ~withstood(result.image)
            rank += tf.cast(falls, rank.dtype)
        counts = tf.minimum(rank, 2)
        radius = tf.gather(tf.stack(radii, axis=1), counts, batch_dims=1)
        moved = known + self.rate * (radius - known)
        following = tf.where((counts == 1) | alike, known, moved)
        return result._replace(seen={RADIUS: radius, NEXT_RADIUS: following})


def _chosen(who: tf.Tensor, new: Found, old: Found) -> Found:
    """Returns what is new of `who`, [batch] bool, and the gradients of both."""
    wide = tf.reshape(who, [-1] + [1] * (len(new.image.shape) - 1))
    return Found(
        tf.where(wide, new.image, old.image),
        tf.where(who, new.fosc, old.fosc),
        tf.where(who, new.loss, old.loss),
        new.num_gradients + old.num_gradients,
        tf.where(who, new.stopped, old.stopped),
    )
