"""AutoAttack, native in TensorFlow: the usual yardstick for robust accuracy.

found = AutoAttack(epsilon=8 / 255)(network, image, label, seed=0)      # the ensemble
found = APGD(epsilon=8 / 255)(network, image, label, seed=0)            # one member alone

Written from Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of
Diverse Parameter-free Attacks (ICML 2020), Croce and Hein, Minimally Distorted Adversarial
Examples with a Fast Adaptive Boundary Attack (ICML 2020), and Andriushchenko et al., Square
Attack (ECCV 2020).
"""

from fosc_tf.attacks.autoattack.apgd import APGD, TargetedAPGD
from fosc_tf.attacks.autoattack.ensemble import AutoAttack, AutoAttackFound
from fosc_tf.attacks.autoattack.fab import FAB
from fosc_tf.attacks.autoattack.outcome import Outcome
from fosc_tf.attacks.autoattack.square import Square
from fosc_tf.attacks.autoattack.untargeted_fab import UntargetedFAB

__all__ = [
    "APGD",
    "FAB",
    "AutoAttack",
    "AutoAttackFound",
    "Outcome",
    "Square",
    "TargetedAPGD",
    "UntargetedFAB",
]
