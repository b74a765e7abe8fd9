"""SABR: training on interval bounds over small boxes around adversarial images.

defense = get("sabr", epsilon=0.3, share=0.6, ramp_epochs=20)
"""

from __future__ import annotations

import math

from fosc_tf.attacks.rules import Shortening
from fosc_tf.defenses.inner_attack import inner_attack
from fosc_tf.defenses.ramped import ramped
from fosc_tf.defenses.registry import register
from fosc_tf.number import inside, number
from fosc_tf.objectives.small_boxes import small_boxes
from fosc_tf.types import Defense


@register("sabr")
def sabr(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int | None = None,
    start_epoch: int = 1,
    ramp_epochs: int = 20,
    ramp: str = "smooth",
    train_factor: float = 1.0,
    share: float = 0.6,
    keeps: float = 1.0,
    num_steps: int = 8,
    step_share: float = 0.5,
    c_max: float = 0.0,
    control_epochs: int = 40,
    kappa_start: float = 0.0,
    kappa_end: float = 0.0,
    warm_up: float = 0.5,
    l1: float = 1e-6,
) -> Defense:
    """Returns training on small adversarial bounding regions.

    Algorithm: every batch, K steps of PGD from a random start with the network in evaluation mode,
    tenfold shorter after half of them, after 80 and after 90 %. The weights descend the robust
    cross-entropy of interval bounds over a box of `share` times the half-width around what was
    found, which stays within the images' own box, batch norms with the statistics of the clean
    batch.

    Source: Müller et al. 2023 and their code. MNIST: share 0.4 and l1 1e-5 at 0.1, 0.6 and 1e-6 at
    0.3; CIFAR-10: 0.1, 1e-6 and keeps 0.8 at 2 / 255, 0.7 and 0 at 8 / 255. Gated by FOSC: ours.

    Departures: the authors keep the image of highest loss, here it is the last one; they stop a
    batch when everybody is misclassified; their penalty counts biases and batch norms too. Boxes at
    pixels near 0 and 1 are narrower, as in CTBench (see `objectives.small_boxes`).

    Args:
        epsilon: radius that is to be proved, over pixels in [0, 1], linf.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: of the run, which must see the end of the ramp; None where nobody counts.
        start_epoch: 0-based epoch with which the radius begins to rise.
        ramp_epochs: how long it rises.
        ramp: "smooth" or "linear".
        train_factor: largest radius in training over epsilon.
        share: lambda, half-width of the small box over that of the whole, in (0, 1].
        keeps: share of upper ends kept at ReLUs of open sign, in (0, 1]; see `small_boxes`.
        num_steps: K.
        step_share: length of the first steps over the radius.
        c_max: first FOSC threshold in nats, at which an attack stops after its first step or a
            later one; 0 has no gate.
        control_epochs: T', epochs until that threshold is 0.
        kappa_start: weight of the clean cross-entropy at radius 0.
        kappa_end: the same at the largest radius.
        warm_up: lambda of Shi et al., weight of the regularisers while the radius rises; 0 none.
        l1: weight of the kernels' magnitudes.
    """
    parts = ramped(
        epsilon=epsilon,
        train_factor=train_factor,
        start_epoch=start_epoch,
        ramp_epochs=ramp_epochs,
        ramp=ramp,
        total_epochs=total_epochs,
        steps_per_epoch=steps_per_epoch,
        warm_up=warm_up,
        l1=l1,
    )
    inside("share", share, "share=0.6", below=1, ends="(]")
    inside("keeps", keeps, "keeps=1.0", below=1, ends="(]")
    number("num_steps", num_steps, "num_steps=8", least=1)
    shorter = tuple(math.ceil(part * num_steps) for part in (0.5, 0.8, 0.9))
    attack, changing = inner_attack(
        parts,
        factor=1.0,
        step_share=step_share,
        num_steps=num_steps,
        c_max=c_max,
        control_epochs=control_epochs,
        rule=Shortening(shorter),
    )
    kappa = parts.kappa(kappa_start, kappa_end)
    objective = small_boxes(
        epsilon=parts.epsilon,
        share=share,
        natural=kappa.get("kappa", 0.0),
        keeps=keeps,
        penalties=parts.penalties,
    )
    return parts.defense(
        objective, proof="crown-ibp", attack=attack, changing={**kappa, **changing}
    )
