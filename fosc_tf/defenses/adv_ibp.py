"""AdvIBP: adversarial and certified training, their gradients mixed so that both descend.

defense = get("adv_ibp", epsilon=0.3, ramp_epochs=50)
"""

from __future__ import annotations

from fosc_tf.attacks import PGD
from fosc_tf.bounds.latent import LatentFgsm
from fosc_tf.defenses.ramped import ramped
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, number
from fosc_tf.objectives.bounded import SHOWN
from fosc_tf.objectives.two_losses import two_objectives
from fosc_tf.schedules import begun, delayed_threshold, following, held_before, times
from fosc_tf.training.gradient_mixing import PARTS, Mixing
from fosc_tf.training.two_objectives import TwoObjectiveTrainer
from fosc_tf.types import Defense

LED = ("agree", "adversarial_leads")
BOUNDS = ("ibp", "crown-ibp")
UNITS = ("example", "batch")


@register("adv_ibp")
def adv_ibp(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    total_epochs: int | None = None,
    clean_epochs: int = 10,
    attacked_epochs: int = 40,
    ramp_epochs: int = 50,
    ramp: str = "smooth",
    train_factor: float = 1.0,
    bound: str = "ibp",
    c_max: float = 1e-4,
    control_epochs: int = 50,
    fosc_of: str = "batch",
    beta_1: float = 0.9,
    beta_2: float = 0.99,
    fixed_weight: float = 0.0,
    latent_layer: str = "",
    step_share: float = 1.25,
    warm_up: float = 0.0,
    l1: float = 0.0,
) -> Defense:
    """Returns joint adversarial and certified training.

    Algorithm: `clean_epochs` on clean images, then `attacked_epochs` of single-step adversarial
    training at the largest radius. From then on, every batch, one step from a random start in the
    ball of the epoch; the gradients of the adversarial and of the interval loss are taken apart.
    By moving averages of both over the batches before: where they agree, the update goes along the
    bisector of their directions; where not, one leads and the other's projection on it is taken
    away. The adversarial loss leads where the FOSC of the batch is at most c_t, which stays at
    c_max until the radius has come to its end and then falls to 0 over T' epochs; the interval loss
    leads elsewhere, and half of its square is added. With `bound="crown-ibp"` (AdvCROWN-IBP) the
    second loss is that of `crown_ibp` while the radius rises. With `latent_layer`, for a network
    that has been trained before, all layers before that one are frozen, and stay so, and the attack
    is within the interval bounds of what it reads, batch norms in evaluation mode; a stage for each
    layer in turn is a run for each.

    Source: Fan & Li 2021, Algorithms 1 and 2, appendix A.5 and A.6.

    Departures: the code of its authors takes products and norms over the first parameter tensor
    alone, trains on intervals alone while the radius rises, adds the square whenever the gradients
    disagree and weighs both by the norm moments in another way; this is the paper's algorithm. Of
    the first batch nothing is known, and both losses count a half. Momentum of the optimizer comes
    on top, as there. Epochs before the joint ones cost as much as those: what they do not use is
    computed all the same.

    Args:
        epsilon: radius that is to be proved, over pixels in [0, 1], linf.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        total_epochs: of the run, which must see the end of the ramp; None where nobody counts.
        clean_epochs: T_nat.
        attacked_epochs: T_adv.
        ramp_epochs: R, in which the radius rises.
        ramp: "smooth" or "linear".
        train_factor: largest radius in training over epsilon; the paper trains MNIST at 0.2 for
            0.1 and 0.2, at 0.4 for 0.3 and 0.4, CIFAR-10 at 1.1 times epsilon.
        bound: "ibp" or "crown-ibp".
        c_max: the first threshold; the paper: 1e-4 at 0.4, 1e-5 at 0.2, CIFAR-10 1e-3 or 1e-5.
        control_epochs: T'.
        fosc_of: unit of the thresholds: "batch", FOSC by the gradient of the batch's mean loss, as
            the paper's numbers are, or "example", by each example's own, larger by the batch size.
        beta_1: decay of the gradients' averages, in [0, 1).
        beta_2: decay of the norms' averages, in [0, 1).
        fixed_weight: weight of the second loss beside 1 of the first, instead of all that: the
            baseline of Figure 2, where it is 1; 0 mixes.
        latent_layer: name of the layer before which the attack is; "" the image.
        step_share: length of the step over the radius, at most 2.
        warm_up: weight of the regularisers of `ibp` while the radius rises; 0 none. A part of the
            second loss.
        l1: weight of the kernels' magnitudes, a part of the second loss.
    """
    if bound not in BOUNDS:
        raise unknown_name("bound", bound, BOUNDS)
    if fosc_of not in UNITS:
        raise unknown_name("unit of the FOSC", fosc_of, UNITS)
    for name, value in {"beta_1": beta_1, "beta_2": beta_2}.items():
        inside(name, value, f"{name}=0.9", below=1)
    for name, value in {"clean_epochs": clean_epochs, "attacked_epochs": attacked_epochs}.items():
        number(name, value, f"{name}=10", least=0)
    inside("fixed_weight", fixed_weight, "fixed_weight=1.0")
    if not isinstance(latent_layer, str):
        raise UserError("latent_layer is a name", 'latent_layer="dense1"', f"{latent_layer!r}")
    if latent_layer and clean_epochs:
        raise UserError(
            "a latent stage goes on with a trained network, without clean epochs",
            "clean_epochs=0 and attacked_epochs=0",
            f"clean_epochs={clean_epochs} with latent_layer={latent_layer!r}",
        )
    inside("step_share", step_share, "step_share=1.25", below=2, ends="(]")
    inside("c_max", c_max, "c_max=1e-4")
    number("control_epochs", control_epochs, "50", least=1)
    first = clean_epochs + attacked_epochs
    parts = ramped(
        epsilon=epsilon,
        train_factor=train_factor,
        start_epoch=first,
        ramp_epochs=ramp_epochs,
        ramp=ramp,
        total_epochs=total_epochs,
        steps_per_epoch=steps_per_epoch,
        warm_up=warm_up,
        l1=l1,
    )
    clock = parts.clock
    phase = begun(epochs=(clean_epochs, first), clock=clock)
    threshold = delayed_threshold(
        c_max=c_max, from_epoch=first + ramp_epochs, control_epochs=control_epochs, clock=clock
    )
    radius = held_before(parts.epsilon, value=epsilon * train_factor, epoch=first, clock=clock)
    if latent_layer:
        attack = LatentFgsm(latent_layer, epsilon=radius, step_share=step_share)
    else:
        attack = PGD(epsilon=radius, step_size=times(radius, step_share), num_steps=1)
    beta = following(parts.epsilon, first=1.0, last=0.0) if bound == "crown-ibp" else None
    objective = two_objectives(
        epsilon=parts.epsilon,
        phase=phase,
        crown=beta,
        latent_layer=latent_layer or None,
        penalties=parts.penalties,
    )
    return parts.defense(
        objective,
        proof="ibp",
        attack=attack,
        changing={"threshold": threshold} | ({} if beta is None else {"beta": beta}),
        terms=(*SHOWN, *PARTS, *(() if fixed_weight else LED)),
        trainer=TwoObjectiveTrainer,
        mixing=Mixing(phase, threshold, fosc_of, beta_1, beta_2, fixed_weight or None),
    )
