"""ATAS: one step an epoch, short for examples whose gradients are large.

defense = get("atas", epsilon=8 / 255, num_examples=50000)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.attacks.remembered import Remembered
from fosc_tf.attacks.running_norm import SQUARES, RunningNorm, squared_norm
from fosc_tf.data.augment import Augmentation
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError
from fosc_tf.memory import Spec
from fosc_tf.number import inside, number, whole
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, switch
from fosc_tf.types import Batch, Defense, Found, Judged


@register("atas")
def atas(
    *,
    epsilon: float,
    num_examples: int | None = None,
    image_shape: tuple[int, ...] | None = None,
    augment: Augmentation | None = None,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    least_step_size: float | None = None,
    most_step_size: float | None = None,
    constant: float = 1.28,
    beta: float = 0.5,
    constant_epochs: int = 5,
    reset_epochs: int = 10,
    norm: str = "linf",
    memory_dtype: str = "float32",
    memory_shrink: int = 1,
) -> Defense:
    """Returns adversarial training with adaptive step size.

    Algorithm: of each example i its perturbation d_i and v_i are remembered; d_i is uniform in the
    ball in epoch 0 and in every multiple of `reset_epochs`, v_i is 0 at first. With g_i the
    gradient of its own cross-entropy at x_i + d_i,

        v_i <- beta * v_i + (1 - beta) * ||g_i||_2^2
        a_i = clip(gamma * c / (c + sqrt(v_i)), least, most)
        d_i <- the projection of d_i + a_i * sign(g_i).

    In the first `constant_epochs` epochs a_i is epsilon. The weights descend the mean cross-entropy
    at x_i + d_i. Under augmentation perturbations are kept on the padded canvas and cropped and
    mirrored as their images are.

    Source: Huang et al. 2022; Liu's thesis, Algorithm 5.3, whose printed gamma / sqrt(v + c) does
    not agree with its numbers; resets, limits and constant epochs are those of the authors' code.

    Departures: v is of each example's own loss, where the authors' is of the mean over a batch of
    128, so c = 1.28 here is their 0.01. What a crop has never shown starts clean.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        num_examples: ids of the examples run from 0 to this number - 1.
        image_shape: (height, width, channels); None is that of the network.
        augment: how the pipeline augments; None where it does not.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: gamma, the step of a gradient of 0; None means 2 * epsilon, 16/255 at 8/255.
        least_step_size: shortest step; None means epsilon / 2.
        most_step_size: longest step; None means 1.75 * epsilon.
        constant: c, in nats of one example per unit of pixels.
        beta: share of v that stays, in [0, 1).
        constant_epochs: epochs in which all steps are epsilon.
        reset_epochs: period of the resets; 0 resets never.
        norm: "linf"; "l2" and "l1" take the same steps in their own direction.
        memory_dtype: of the perturbations: "float32", "float16" or "int8", in 127 steps of epsilon.
        memory_shrink: side of the squares of pixels whose mean alone is remembered, 1 for none.

    Raises:
        UserError: beta or c out of its range, limits that cross.
    """
    clock = Clock(steps_per_epoch)
    check_epsilon(number("epsilon", epsilon, "epsilon=8/255"), norm)
    gamma = 2.0 * epsilon if step_size is None else step_size
    least = 0.5 * epsilon if least_step_size is None else least_step_size
    most = 1.75 * epsilon if most_step_size is None else most_step_size
    number("least_step_size", least, "least_step_size=4/255")
    number("most_step_size", most, "most_step_size=14/255")
    if not 0.0 < least <= most <= 2.0 * epsilon:
        raise UserError(
            "steps lie between their limits, which lie in (0, 2 * epsilon]",
            f"least_step_size={epsilon / 2:.4g} with most_step_size={1.75 * epsilon:.4g}",
            f"least_step_size={least:.4g} with most_step_size={most:.4g}",
        )
    inside("beta", beta, "beta=0.5", below=1)
    inside("constant", constant, "constant=1.28", ends="()")
    whole("constant_epochs", constant_epochs, least=0)
    alike = switch(before=float(epsilon), after=0.0, epoch=constant_epochs, clock=clock)
    rule = RunningNorm(constant, beta, least, most, alike)
    start = Remembered("uniform", clock, whole("reset_epochs", reset_epochs, least=0))
    attack = PGD(
        epsilon=epsilon,
        step_size=gamma,
        num_steps=1,
        norm=norm,
        start=start,
        rule=rule,
        watch={SQUARES: squared_norm},
    )
    memory = start.memory(
        num_examples,
        epsilon=epsilon,
        image_shape=image_shape,
        augment=augment,
        dtype=memory_dtype,
        shrink=memory_shrink,
        **{SQUARES: Spec()},
    )

    def remember(
        batch: Batch, found: Found, judged: Judged, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        del judged
        squares = rule.moved(batch.context[SQUARES], found.seen[SQUARES])
        return start.kept(batch, found, step) | {SQUARES: squares}

    return Defense(
        attack=attack, objective=adversarial, clock=clock, memory=memory, remember=remember
    )
