"""How many weights each layer keeps of those that a pruning rate leaves to all together.

allocation((1728, 36864, 640), rate=0.99, gamma=0.1)      # (120, 164, 108), in sum 392
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole


def allocation(sizes: Sequence[int], rate: float = 0.99, gamma: float = 0.1) -> tuple[int, ...]:
    """Returns the number of weights that each layer keeps, m_l ~ n_l^gamma, none above n_l.

    With gamma=1 every layer keeps the same share, with gamma=0 the same number. Layers are served
    from the smallest on, those of one size in their order: each gets its part of what is left,
    rounded down and at most all it has, and the others share the rest, so the last one gets what
    rounding has left. The sum is floor((1 - rate) * sum of n_l), of the rate as it is written: of
    1000 weights 0.9 leaves 100, whatever 1 - 0.9 is in binary.

    Source: Liu's thesis, section 5.1, m_l ~ n_l^gamma; the cap and its order as in the authors'
    code. Both numbers of kept weights printed for its ResNet-34 are rounded down in this way.

    Args:
        sizes: n_l >= 1, weights of each layer.
        rate: share of all weights that goes, in [0, 1).
        gamma: in [0, 1].

    Raises:
        UserError: anything else.
    """
    if isinstance(sizes, str) or not isinstance(sizes, Sequence | np.ndarray):
        rule = "sizes must be a list with a number for each layer"
        raise UserError(rule, "sizes=(1728, 640)", f"sizes={sizes!r}")
    sizes = [whole("sizes", size, least=1, below=2**40) for size in sizes]
    rate = inside("rate", rate, "rate=0.99", below=1.0)
    gamma = inside("gamma", gamma, "gamma=0.1", below=1.0, ends="[]")
    order = sorted(range(len(sizes)), key=lambda index: sizes[index])
    parts = [float(size) ** gamma for size in sizes]
    left = math.floor((1 - Fraction(repr(float(rate)))) * sum(sizes))
    kept = [0] * len(sizes)
    for place, index in enumerate(order):
        others = math.fsum(parts[each] for each in order[place:])
        # The product first: where the parts are whole numbers only the quotient is rounded.
        fair = math.floor(left * parts[index] / others)
        kept[index] = min(sizes[index], left if index == order[-1] else fair)
        left -= kept[index]
    return tuple(kept)
