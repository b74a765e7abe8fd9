"""One step from a random point within the box that intervals leave of a hidden value.

attack = LatentFgsm("dense1", epsilon=0.3)
found = attack(network, image, label, seed=0)      # found.image is what the layer reads
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from fosc_tf.attacks.attack import Attack
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.bounds.interval_bounds import intervals
from fosc_tf.bounds.program import read
from fosc_tf.bounds.region import Region
from fosc_tf.bounds.training_mode import answer, cut_at
from fosc_tf.number import inside
from fosc_tf.replicas import rows_of_global_batch
from fosc_tf.schedules import at
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch, Found, Number, Schedule


class LatentFgsm(Attack):
    """Finds, where a layer reads, a point that the network errs on, within interval bounds.

    The box is that of the layer's input while the image is in its ball; nobody knows whether an
    image leads to every point of it. The FOSC is that of the box.

    Source: layer-wise training of Fan & Li 2021 (AdvIBP), appendix A.6; the step of the code of
    its authors.

    Args:
        layer: name of the layer before which the network is cut; all of the image must pass there.
        epsilon: radius of the images' ball over pixels in [0, 1], linf.
        step_share: length of the step in half-widths of the box.

    Raises:
        UserError: a number out of its range; with the network, one that cannot be cut there.
    """

    def __init__(self, layer: str, *, epsilon: Number | Schedule, step_share: float = 1.25) -> None:
        check_epsilon(epsilon, "linf")
        self.layer, self.epsilon, self.norm = layer, epsilon, "linf"
        self.step_share = inside("step_share", step_share, "step_share=1.25", ends="()")

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack."""
        shown = ("layer", "epsilon", "step_share")
        return {name: getattr(self, name) for name in shown}

    def check(self, shape: Sequence[int], step: int = 0) -> None:
        """Raises `UserError` where the ball does not fit images of `shape`."""
        super().check(shape, step)

    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Takes the step; see `Attack.__call__`. Two gradients with the FOSC, else one."""
        program, value = read(network), cut_at(network, self.layer)
        region = Region.around(batch.image, tf.cast(at(self.epsilon, step), tf.float32))
        lower, upper = intervals(program, region)[value]
        rows, shape = tf.shape(lower)[0], lower.shape[1:]
        key = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        drawn = rows_of_global_batch(
            lambda number: tf.random.stateless_uniform([number, *shape], key), rows
        )

        def slope(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                loss = cross_entropy(answer(program, x, first=value), batch.label)
            return loss, tape.gradient(loss, x)

        x = lower + drawn * (upper - lower)
        _, gradient = slope(x)
        x = x + self.step_share * 0.5 * (upper - lower) * tf.sign(gradient)
        x = tf.minimum(tf.maximum(x, lower), upper)
        found = Found.at(x, 1)

        def measured() -> Found:
            loss, gradient = slope(x)
            room = tf.nn.relu(gradient) * (upper - x) + tf.nn.relu(-gradient) * (x - lower)
            fosc = tf.reduce_sum(tf.reshape(room, [rows, -1]), axis=1)
            return found._replace(fosc=fosc, loss=loss, num_gradients=found.num_gradients + 1)

        return tf.cond(tf.convert_to_tensor(final_fosc), measured, lambda: found)
