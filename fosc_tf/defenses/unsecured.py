"""Unsecured: training on clean images, the baseline without any defense.

defense = get("unsecured")
"""

from __future__ import annotations

from fosc_tf.defenses.registry import register
from fosc_tf.objectives import adversarial
from fosc_tf.types import Defense


@register("unsecured")
def unsecured() -> Defense:
    """Returns training on clean images.

    Algorithm: every batch, one descent step on the mean cross-entropy of the clean images.

    Source: Wang et al. 2019, section 5, baseline "Unsecured".
    """
    return Defense(attack=None, objective=adversarial)
