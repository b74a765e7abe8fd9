"""Dynamic with memory: an attack goes on where the last one ended, if FOSC says it should.

defense = get("dynamic_memory", epsilon=0.3, num_examples=60000, control_epochs=12)
"""

from __future__ import annotations

import keras
import tensorflow as tf

from fosc_tf.attacks import PGD, fosc_above
from fosc_tf.attacks.gates import from_start
from fosc_tf.attacks.limits import step_length
from fosc_tf.attacks.remembered import Remembered
from fosc_tf.data.augment import Augmentation
from fosc_tf.defenses.annealing import annealed
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError
from fosc_tf.number import inside, number, whole
from fosc_tf.objectives import adversarial
from fosc_tf.replicas import gather_over_replicas, put
from fosc_tf.schedules import Clock, fosc_threshold
from fosc_tf.types import Batch, Defense, Found, Judged

_AT_START = "fosc_at_start"


@register("dynamic_memory")
def dynamic_memory(
    *,
    epsilon: float,
    num_examples: int | None = None,
    image_shape: tuple[int, ...] | None = None,
    augment: Augmentation | None = None,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    num_steps: int = 1,
    least_steps: int | None = None,
    total_epochs: int = 50,
    c_max: float = 0.25,
    c_min: float = 0.0,
    control_epochs: int = 40,
    stop_share: float = 0.0,
    reset_epochs: int = 0,
    refresh: float = 0.0,
    norm: str = "linf",
    feasible: str = "box",
    memory_dtype: str = "float32",
    memory_shrink: int = 1,
) -> Defense:
    """Returns Dynamic adversarial training that remembers perturbations from epoch to epoch.

    Algorithm: each example starts at its clean image plus the perturbation that the attack of the
    last epoch has ended with; in epoch 0, and when it starts anew, at a random point of the ball.
    One gradient there tells its FOSC. While that is above c_t, and for at most K steps, it climbs;
    otherwise it stays, after no step at all if it stops at its start. What it ends with is
    remembered. The weights descend the mean cross-entropy at the images found, in training mode.

    Source: ours: the gate of Wang et al. 2019, Algorithm 1, with the memory of ATTA, Zheng et al.
    2020. K steps from a remembered start find stronger examples than K fresh ones; the gate leaves
    alone whom the network has not moved since.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        num_examples: ids of the examples run from 0 to this number - 1.
        image_shape: (height, width, channels); None is that of the network.
        augment: how the pipeline augments; None where it does not.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: length of a step; None means epsilon / 4.
        num_steps: K, the most steps of an epoch.
        least_steps: K of the first epoch, rising to `num_steps` as in `amata`, with steps of
            num_steps * step_size / K; None leaves K as it is.
        total_epochs: T, over which it rises.
        c_max: c_t in epoch 0, in nats; it falls as in `dynamic`.
        c_min: the last c_t; the same as `c_max` for one that never changes.
        control_epochs: T', from which on c_t is `c_min`.
        stop_share: instead of these, c_t is what this share of the examples of the batch before
            was at or below at its start, in (0, 1); it falls to 0 over `control_epochs`. 0 leaves
            c_t to `c_max`.
        reset_epochs: everybody starts anew in each epoch that is a multiple of it; 0 never.
        refresh: share of the examples that start anew in any epoch, in [0, 1).
        norm: "linf", "l2" or "l1".
        feasible: "box", the FOSC that knows the pixel limits, or "ball" (Wang et al.).
        memory_dtype: "float32", "float16" or "int8", in 127 steps of epsilon.
        memory_shrink: side of the squares of pixels whose mean alone is remembered, 1 for none.

    Raises:
        UserError: a number out of its range.
    """
    clock = Clock(steps_per_epoch)
    number("total_epochs", total_epochs, "total_epochs=50", least=1)
    number("control_epochs", control_epochs, "40", least=1)
    if not 0.0 <= number("c_min", c_min, "c_min=0.0") <= number("c_max", c_max, "c_max=0.25"):
        raise UserError(
            "c_t falls from c_max to c_min, numbers of nats from 0 on",
            "c_max=0.25 with c_min=0.0",
            f"c_max={c_max} with c_min={c_min}",
        )
    inside("stop_share", stop_share, "stop_share=0.3", below=1)
    start = Remembered("uniform", clock, whole("reset_epochs", reset_epochs, least=0), refresh)
    level = _Level(stop_share, control_epochs, clock) if stop_share else None
    threshold = level or fosc_threshold(
        c_max=c_max, c_min=c_min, control_epochs=control_epochs, clock=clock
    )
    steps = {"step_size": step_length(step_size, epsilon), "num_steps": num_steps}
    changing = annealed(
        epsilon=epsilon,
        **steps,
        least_steps=least_steps,
        total_epochs=total_epochs,
        clock=clock,
        norm=norm,
    )
    attack = PGD(
        epsilon=epsilon,
        **steps | changing,
        norm=norm,
        start=start,
        gate=from_start(fosc_above(threshold)),
        feasible=feasible,
        watch={_AT_START: lambda point: point.fosc} if level else None,
    )
    memory = start.memory(
        num_examples,
        epsilon=epsilon,
        image_shape=image_shape,
        augment=augment,
        dtype=memory_dtype,
        shrink=memory_shrink,
    )

    def remember(
        batch: Batch, found: Found, judged: Judged, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        del judged
        if level:
            level.learn(found.seen[_AT_START], step)
        return start.kept(batch, found, step)

    return Defense(
        attack=attack,
        objective=adversarial,
        clock=clock,
        schedules={"threshold": threshold} | changing,
        memory=memory,
        remember=remember,
        state=(level.value,) if level else (),
    )


class _Level:
    """c_t as the FOSC that a share of the examples is at or below at its start, a schedule."""

    def __init__(self, share: float, control_epochs: int, clock: Clock) -> None:
        # Nobody stops before the first batch has been seen: FOSC is never below 0.
        first = keras.initializers.Constant(-1.0)
        self.value = keras.Variable(first, shape=(), trainable=False, name="threshold")
        self.share = fosc_threshold(c_max=share, control_epochs=control_epochs, clock=clock)
        self.first_share = share

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        del step
        return tf.convert_to_tensor(self.value)

    def __repr__(self) -> str:
        return f"stop_share={self.first_share:g}"

    def learn(self, fosc: tf.Tensor, step: tf.Tensor) -> None:
        """Takes in the FOSC of a batch, [batch], for the next one."""
        ordered = tf.sort(gather_over_replicas(fosc))
        count = tf.cast(self.share(step) * tf.cast(tf.size(ordered), tf.float32), tf.int32)
        put(self.value, tf.where(count > 0, ordered[tf.maximum(count - 1, 0)], -1.0))
