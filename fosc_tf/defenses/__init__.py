"""Defenses by name, one function a file; each says where the climb starts, who may go on, what the
weights descend and in which order.

    defense = fosc_tf.defenses.get("dynamic", epsilon=0.3, steps_per_epoch=468)
"""

from fosc_tf.defenses import (
    adaptive_atta,
    amata,
    atas,
    atta,
    crown_ibp,
    curriculum,
    dynamic,
    dynamic_memory,
    fast,
    fat,
    fgsm_pgd,
    fine_tuning,
    free,
    grad_align,
    iat,
    ibp,
    mart,
    n_fgsm,
    sat,
    standard,
    trades,
    unsecured,
    yopo,
)
from fosc_tf.defenses.registry import factory, get, names, register

__all__ = [
    "adaptive_atta",
    "amata",
    "atas",
    "atta",
    "crown_ibp",
    "curriculum",
    "dynamic",
    "dynamic_memory",
    "factory",
    "fast",
    "fat",
    "fgsm_pgd",
    "fine_tuning",
    "free",
    "get",
    "iat",
    "ibp",
    "mart",
    "grad_align",
    "n_fgsm",
    "names",
    "register",
    "sat",
    "standard",
    "trades",
    "unsecured",
    "yopo",
]
