"""ATTA: every attack goes on where the one of the epoch before has ended.

defense = get("atta", epsilon=8 / 255, num_examples=50000)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks.remembered import Remembered
from fosc_tf.data.augment import Augmentation
from fosc_tf.defenses.registry import register
from fosc_tf.number import number, whole
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, switch
from fosc_tf.types import Defense


@register("atta")
def atta(
    *,
    epsilon: float,
    num_examples: int | None = None,
    image_shape: tuple[int, ...] | None = None,
    augment: Augmentation | None = None,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    num_steps: int = 1,
    reset_epochs: int = 10,
    early_reset_epochs: int = 0,
    deviation: float = 0.001,
    norm: str = "linf",
    memory_dtype: str = "float32",
    memory_shrink: int = 1,
) -> Defense:
    """Returns adversarial training with transferable adversarial examples.

    Algorithm: each example starts at its clean image plus the perturbation that the attack of the
    last epoch has ended with, plus a little noise, and takes K steps; what it ends with is
    remembered. In epoch 0 and in every multiple of `reset_epochs` it starts at the clean image and
    noise. The weights descend the mean cross-entropy at the images found. Under augmentation
    perturbations are kept on the padded canvas and cropped and mirrored as their images are.

    Source: Zheng et al. 2020, Algorithm 1, with the resets and the noise of their code; with
    `early_reset_epochs` Amata + ATTA, Ye et al. 2021, section 3, where it is 2.

    Departures: the extra factor 1 / batch of the authors' CIFAR-10 loss is left out.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        num_examples: ids of the examples run from 0 to this number - 1.
        image_shape: (height, width, channels); None is that of the network.
        augment: how the pipeline augments; None where it does not.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: length of a step; None means epsilon / 2 for up to two steps, epsilon / 3 for
            three and epsilon / 4 for more (the authors: 0.48, 0.32 and, for ten, 0.23 of epsilon).
        num_steps: K.
        reset_epochs: period of the resets; 0 resets never (the authors on MNIST).
        early_reset_epochs: another period in epochs 0 to 4; 0 is the same one.
        deviation: of the noise, per pixel.
        norm: "linf", "l2" or "l1".
        memory_dtype: "float32", "float16" or "int8", in 127 steps of epsilon.
        memory_shrink: side of the squares of pixels whose mean alone is remembered, 1 for none;
            above 1 Algorithm 5.2 of Liu 2022 (thesis).
    """
    clock = Clock(steps_per_epoch)
    number("num_steps", num_steps, "num_steps=1", least=1)
    if step_size is None:
        step_size = number("epsilon", epsilon, "epsilon=8/255") / min(max(num_steps, 2), 4)
    period = whole("reset_epochs", reset_epochs, least=0)
    if whole("early_reset_epochs", early_reset_epochs, least=0):
        period = switch(before=early_reset_epochs, after=period, epoch=5, clock=clock)
    fresh = starts.normal(deviation) if deviation else "clean"
    start = Remembered(fresh, clock, period, deviation=deviation)
    attack = PGD(epsilon=epsilon, step_size=step_size, num_steps=num_steps, norm=norm, start=start)
    memory = start.memory(
        num_examples,
        epsilon=epsilon,
        image_shape=image_shape,
        augment=augment,
        dtype=memory_dtype,
        shrink=memory_shrink,
    )
    return Defense(
        attack=attack,
        objective=adversarial,
        clock=clock,
        memory=memory,
        remember=lambda batch, found, judged, step: start.kept(batch, found, step),
    )
