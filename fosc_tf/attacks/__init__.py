"""Inner maximisation: balls, losses, FOSC, gates, starts and the one climb built from them."""

from fosc_tf.attacks.adaptive_radius import AdaptiveRadius
from fosc_tf.attacks.attack import Attack, Traits, declared
from fosc_tf.attacks.autoattack import AutoAttack, AutoAttackFound
from fosc_tf.attacks.budget import Mixed
from fosc_tf.attacks.fosc import fosc
from fosc_tf.attacks.gates import Friendly, Gate, fosc_above
from fosc_tf.attacks.independent import Independent
from fosc_tf.attacks.losses import carlini_wagner
from fosc_tf.attacks.pgd import PGD
from fosc_tf.attacks.presets import get, names, register
from fosc_tf.attacks.rules import Momentum, StepRule
from fosc_tf.attacks.trace import Trace, trace

__all__ = [
    "PGD",
    "AdaptiveRadius",
    "Attack",
    "AutoAttack",
    "AutoAttackFound",
    "Friendly",
    "Gate",
    "Independent",
    "Mixed",
    "Momentum",
    "StepRule",
    "Trace",
    "Traits",
    "carlini_wagner",
    "declared",
    "fosc",
    "fosc_above",
    "get",
    "names",
    "register",
    "trace",
]
