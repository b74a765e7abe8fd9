"""ATTA with targets that follow the network, and less weight on what it cannot fit.

defense = get("adaptive_atta", epsilon=8 / 255, num_examples=50000, num_classes=10)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks.remembered import Remembered
from fosc_tf.data.augment import Augmentation
from fosc_tf.defenses.registry import register
from fosc_tf.number import flag, inside, number, whole
from fosc_tf.objectives import adaptive
from fosc_tf.schedules import Clock
from fosc_tf.types import Batch, Defense, Found, Judged


@register("adaptive_atta")
def adaptive_atta(
    *,
    epsilon: float,
    num_examples: int | None = None,
    num_classes: int = 10,
    image_shape: tuple[int, ...] | None = None,
    augment: Augmentation | None = None,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    num_steps: int = 1,
    rho: float = 0.9,
    beta: float = 0.1,
    reweight: bool = True,
    warm_up_epochs: int = 5,
    reset_epochs: int = 0,
    norm: str = "linf",
    memory_dtype: str = "float32",
    memory_shrink: int = 1,
) -> Defense:
    """Returns fast adversarial training that does not insist on hard examples.

    Algorithm: each example starts at its clean image plus the perturbation of the epoch before, at
    first a random one, and takes a step on the cross-entropy to its label. With p the prediction
    there, its remembered target moves to rho * target + (1 - rho) * p. The weights descend
    sum_i w_i CE(., t_i) / sum_i w_i, where t_i = beta * label + (1 - beta) * target and w_i = p of
    the label are constants. In the first epochs t_i is the label and w_i is 1. With beta = 1 and
    without `reweight` this is ATTA from a random start.

    Source: Liu 2022 (thesis), section 4.3.5, Algorithm 4.1, base ATTA (Zheng et al. 2020);
    perturbations from a random start that are never reset are those of the code its authors
    released. Departure from that code: it moves the target by the prediction before the step.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        num_examples: ids of the examples run from 0 to this number - 1.
        num_classes: of the labels.
        image_shape: (height, width, channels); None is that of the network.
        augment: how the pipeline augments; None where it does not.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: length of a step; None means epsilon / 2.
        num_steps: K.
        rho: share of the remembered target that stays, in [0, 1).
        beta: share of the label in the target, in [0, 1]; 1 leaves the adaptive target out.
        reweight: False leaves the weights out.
        warm_up_epochs: epochs without either.
        reset_epochs: period of epochs in which perturbations begin anew; 0 never.
        norm: "linf", "l2" or "l1".
        memory_dtype: of the perturbations: "float32", "float16" or "int8", in 127 steps of epsilon.
        memory_shrink: side of the squares of pixels whose mean alone is remembered, 1 for none.
    """
    clock = Clock(steps_per_epoch)
    if step_size is None:
        step_size = number("epsilon", epsilon, "epsilon=8/255") / 2
    start = Remembered(starts.uniform, clock, whole("reset_epochs", reset_epochs, least=0))
    attack = PGD(epsilon=epsilon, step_size=step_size, num_steps=num_steps, norm=norm, start=start)
    memory = start.memory(
        num_examples,
        epsilon=epsilon,
        image_shape=image_shape,
        augment=augment,
        dtype=memory_dtype,
        shrink=memory_shrink,
        **adaptive.specs(num_classes),
    )

    def remember(
        batch: Batch, found: Found, judged: Judged, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return start.kept(batch, found, step) | adaptive.remembered(judged)

    objective = adaptive.adaptive_targets(
        rho=inside("rho", rho, "rho=0.9", below=1),
        beta=inside("beta", beta, "beta=0.1", below=1, ends="[]"),
        reweight=flag("reweight", reweight),
        from_epoch=whole("warm_up_epochs", warm_up_epochs, least=0),
        clock=clock,
    )
    return Defense(
        attack=attack,
        objective=objective,
        clock=clock,
        terms=adaptive.TERMS,
        memory=memory,
        remember=remember,
    )
