"""PER: cross-entropy, and polyhedral envelopes that are pushed away from the images.

defense = get("per", epsilon=0.1, alpha=0.15, beta=0.1)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks.limits import check_climb, check_epsilon, step_length
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import flag, inside, number
from fosc_tf.objectives.distances import envelope
from fosc_tf.schedules import Clock, doubling, switch, times
from fosc_tf.types import Defense

INNER = ("linear", "interval")
NORMS = ("linf", "l2")


@register("per")
def per(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    num_classes: int = 10,
    batch_size: int | None = None,
    alpha: float | None = None,
    beta: float = 0.1,
    closest: int = 4,
    examples: int = 0,
    inner: str = "linear",
    attacked: bool = True,
    num_steps: int = 10,
    step_size: float | None = None,
    doublings: int = 0,
    doubling_epochs: int = 20,
    from_epoch: int = 0,
    norm: str = "linf",
) -> Defense:
    """Returns polyhedral envelope regularisation.

    Algorithm: every batch, K steps of PGD from a noisy start with the network in evaluation mode
    (PER+at; PER leaves that out). The weights descend the cross-entropy, the mean of clean and
    adversarial images where there was an attack, plus beta * the sum over the `closest` wrong
    classes of max(0, 1 - d / alpha). There d is the distance from the adversarial image, within
    [0, 1], to where the linear bound of the class' margin, which holds in the ball around the
    clean image, reaches 0; negative where it is below 0 there. Who is farther than alpha costs
    nothing: bounds are not made tighter than is of use.

    Source: Liu 2022 (thesis), section 3.3, Algorithm 3.6 and Table 3.5: MNIST in linf alpha 0.15,
    beta 0.1 with FC1, whose radius doubles every 20 epochs from 0.0064 to 0.1024 (`doublings=4`),
    beta 0.3 or 0.03 with a CNN of which 20 examples are looked at; CIFAR-10 alpha 0.1, beta 0.0003
    or 0.001, 10 examples. I-variants have intervals within.

    Departures: steps are those of the house, epsilon / 4, where the authors' code has epsilon / 5;
    that code attacks one half of a batch and leaves the other as it is, where the text has both
    copies of all. With intervals within, lines stay parallel.

    Args:
        epsilon: radius in which bounds hold, over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        num_classes: of the network.
        batch_size: over all replicas; None where nobody counts.
        alpha: distance from which on nothing is pushed; None means 1.5 * epsilon.
        beta: weight.
        closest: how many wrong classes count, C.
        examples: of each batch whose envelopes are looked at; 0 all.
        inner: bounds within, "linear" (L-PER) or "interval" (I-PER).
        attacked: PER+at; False is PER, on clean images alone.
        num_steps: K.
        step_size: length of a step at the last radius, in proportion before; None means
            epsilon / 4.
        doublings: how often the radius doubles on its way to epsilon; 0 has it from the first.
        doubling_epochs: epochs between two of them.
        from_epoch: 0-based epoch from which on envelopes count.
        norm: "linf" or "l2".
    """
    for name, known, value in (("norm", NORMS, norm), ("inner bounds", INNER, inner)):
        if value not in known:
            raise unknown_name(name, value, known)
    check_epsilon(number("epsilon", epsilon, "epsilon=0.1"), norm)
    alpha = 1.5 * epsilon if alpha is None else alpha
    inside("alpha", alpha, "alpha=0.15", ends="()")
    inside("beta", beta, "beta=0.1")
    number("num_steps", num_steps, "num_steps=10", least=1)
    number("num_classes", num_classes, "num_classes=10", least=2)
    if batch_size is not None:
        number("batch_size", batch_size, "batch_size=100", least=1)
    length = number("step_size", step_length(step_size, epsilon), "epsilon / 4")
    check_climb(epsilon, length, num_steps, norm, "ball")
    flag("attacked", attacked)
    number("examples", examples, "examples=20", least=0)
    number("closest", closest, "closest=4", least=1)
    if closest > num_classes - 1:
        raise UserError(
            "there are no more wrong classes than classes but one",
            f"closest={num_classes - 1}",
            f"closest={closest} with {num_classes} classes",
        )
    if batch_size is not None and examples > batch_size:
        raise UserError(
            "of a batch no more examples can be looked at than it has",
            f"examples={batch_size}, or 0 for all",
            f"examples={examples} with batches of {batch_size}",
        )
    clock = Clock(steps_per_epoch)
    radius = doubling(final=epsilon, times=doublings, epochs=doubling_epochs, clock=clock)
    weight = switch(before=0.0, after=beta, epoch=from_epoch, clock=clock)
    attack = None
    if attacked:
        attack = PGD(
            epsilon=radius if doublings else epsilon,
            step_size=times(radius, length / epsilon) if doublings else length,
            num_steps=num_steps,
            norm=norm,
            start=starts.uniform,
        )
    return Defense(
        attack=attack,
        objective=envelope(
            epsilon=radius,
            alpha=alpha,
            beta=weight if from_epoch else beta,
            closest=closest,
            examples=examples or None,
            inner=inner,
            norm=norm,
        ),
        clock=clock,
        schedules={"epsilon": radius} | ({"beta": weight} if from_epoch else {}),
        terms=("distance",),
        proof="linear" if inner == "linear" else "crown-ibp",
    )
