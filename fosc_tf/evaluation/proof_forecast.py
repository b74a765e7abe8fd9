"""What each method of proof would take, before any of them is asked: which to choose.

for each in forecast(network, image, label, epsilon=0.1, n=10000): print(each)
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fosc_tf import bounds
from fosc_tf.bounds.inner_bounds import ROW_NUMBERS
from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import Program, read
from fosc_tf.bounds.slopes import STEPS
from fosc_tf.evaluation.certified import CASCADE, EXACT
from fosc_tf.evaluation.stages import first_examples

MEASURED = ("ibp", "crown-ibp")
"""Methods that are tried on a few images; what others take is reckoned from these."""
_COPIES = 6  # of what a pass holds at a time: rows, their halves and what becomes of them


class Forecast(NamedTuple):
    """What a method would take.

    Attributes:
        method: its name.
        seconds: for all images, each method asked about all; NaN where nobody can say.
        bytes: of memory at its largest.
        proved: share of the few images that it proves; NaN where it was not tried.
    """

    method: str
    seconds: float
    bytes: int
    proved: float


def forecast(
    network: Any,
    image: np.ndarray,
    label: np.ndarray,
    *,
    epsilon: float,
    n: int,
    norm: str = "linf",
    methods: Sequence[str] = CASCADE,
    batch_size: int = 250,
) -> list[Forecast]:
    """Returns what each method would take for `n` images, intervals and CROWN-IBP always.

    These two are run on the images given. A pass of rows costs in proportion to
    their number, so what the other methods take is that of CROWN-IBP by the numbers of rows, those
    of neurons that intervals leave open included.

    Args:
        network: a functional or sequential Keras model of images to logits.
        image: [few, height, width, channels] in [0, 1].
        label: [few] int.
        epsilon: radius over pixels in [0, 1].
        n: how many images there are to prove.
        norm: "linf", "l2" or "l1".
        methods: of `fosc_tf.evaluation.certified.METHODS`.
        batch_size: of the evaluation.
    """
    settings = {"epsilon": epsilon, "norm": norm}
    took, proved = {}, {}
    for method in MEASURED:
        for _ in range(2):  # the first time it is compiled
            begun = time.perf_counter()
            margins = bounds.margins(network, image, label, method=method, **settings)
            took[method] = (time.perf_counter() - begun) * n / len(image)
        proved[method] = float(np.mean(bounds.proved(margins, label)))
    program = read(network)
    classes = program.shapes[program.result][0]
    rows = _inner_rows(program) / classes
    pass_ = took["crown-ibp"]
    took |= {
        "linear": pass_ * (1 + 2 * rows),
        "crown": pass_ * (1 + 2 * rows),
        "alpha-crown": pass_ * (1 + 2 * rows + 3 * STEPS),
        EXACT: math.nan,
    }
    largest = max(math.prod(shape) for shape in program.shapes)
    final = 4 * _COPIES * classes * largest * batch_size
    inner = 4 * _COPIES * max(ROW_NUMBERS, largest * batch_size)
    taken = {"ibp": 4 * _COPIES * largest * batch_size, "crown-ibp": final, EXACT: 0}
    found = []
    for name in dict.fromkeys((*MEASURED, *methods)):
        method, examples = first_examples(name)
        memory = taken.get(method, max(final, inner))
        seconds = took[method] * min(n, examples or n) / n
        found.append(Forecast(name, seconds, memory, proved.get(method, math.nan)))
    return found


def advice(found: Sequence[Forecast]) -> str:
    """Returns one sentence: which method to begin with, and whether a dearer one is worth it."""
    shares = {each.method: each.proved for each in found}
    ibp, crown_ibp = (shares[name] for name in MEASURED)
    if ibp >= 0.5 and not crown_ibp > ibp + 0.1:
        return "Intervals prove most of what there is to prove: ibp alone will do."
    if crown_ibp > 0.02:
        return "CROWN-IBP proves more than intervals: a cascade that ends with crown is worth it."
    dear = [f"{each.method} about {each.seconds:.0f} s" for each in found if each.seconds > 600]
    cost = f" ({', '.join(dear)})" if dear else ""
    return (
        "Neither intervals nor CROWN-IBP prove much, as is the rule for networks that were not "
        f"trained for it: crown proves some at small radii{cost}; certified training proves more."
    )


def _inner_rows(program: Program) -> int:
    values = {s.inputs[0] for s in program.steps if not isinstance(s.primitive, Affine)}
    return sum(math.prod(program.shapes[value]) for value in values)
