"""What the views look at: networks; the attack, the FOSC range, the examples and epochs.

settings = Settings(epsilon=0.3, upper=0.1, bins=20)
subject = Subject("dynamic", network, fingerprint="5e1f", recording=Recording(folder))
"""

from __future__ import annotations

import dataclasses
from typing import Any

from fosc_tf.analysis.bezier import MOST_DEGREE
from fosc_tf.analysis.recording import Recording
from fosc_tf.attacks.limits import check_climb, check_draw, check_epsilon, step_length
from fosc_tf.errors import UserError
from fosc_tf.number import inside, number, whole


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is looked at.

    Attributes:
        epsilon: radius of the ball over pixels in [0, 1].
        norm: "linf", "l2" or "l1".
        num_steps: K of the PGD-K with steps of epsilon / 4.
        upper: end of the FOSC range [0, upper], nats; the paper's is 0.1.
        bins: equal bins over a range.
        traced: examples whose climbs are drawn.
        examples: test examples at most.
        cross_examples: test examples of the cross table at most.
        epochs: 0-based epochs whose FOSC densities are drawn; none chooses three.
        views: names of views; none is all that are not dear.
        epsilons: radii at which the curvature is looked at; none is 0 and that of the training.
        eigenvalues: of the Hessian, the largest.
        curvature_examples: training examples whose loss has them, the first ones.
        curve_degree: of the curve to another network, at least 1.
        curve_epochs: that it is trained, over the same examples.
        seed: of random starts and of the choice of examples.

    Raises:
        UserError: a range or number out of bounds.
    """

    epsilon: float
    norm: str = "linf"
    num_steps: int = 10
    upper: float = 0.1
    bins: int = 20
    traced: int = 20
    examples: int = 10000
    cross_examples: int = 1000
    epochs: tuple[int, ...] = ()
    views: tuple[str, ...] = ()
    epsilons: tuple[float, ...] = ()
    eigenvalues: int = 20
    curvature_examples: int = 2000
    curve_degree: int = 2
    curve_epochs: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        step_size = step_length(None, self.epsilon)
        epsilon, _, _ = check_climb(self.epsilon, step_size, self.num_steps, self.norm, "ball")
        upper = number("upper", self.upper, "upper=0.1")
        if not upper > 0:
            raise UserError("the FOSC range must end above 0", "0.1", f"upper={upper:g}")
        plain = {"epsilon": epsilon, "upper": upper, "seed": int(check_draw(self.seed, 0)[0])}
        for radius in self.epsilons:
            if inside("analysis.epsilons", radius, "analysis.epsilons=(0.0,0.1)"):
                check_epsilon(radius, self.norm)
        plain["epsilons"] = tuple(dict.fromkeys(map(float, self.epsilons)))
        counts = ("num_steps", "bins", "traced", "examples", "cross_examples")
        for name in (*counts, "eigenvalues", "curvature_examples", "curve_epochs"):
            plain[name] = whole(name, getattr(self, name), least=1)
        degree = whole("curve_degree", self.curve_degree, least=1, below=MOST_DEGREE + 1)
        plain["curve_degree"] = degree
        for name, value in plain.items():
            object.__setattr__(self, name, value)  # NumPy's numbers are none of JSON's


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A network to look at.

    Attributes:
        name: what pictures call it.
        network: maps images to logits; has an `input_shape`.
        fingerprint: of its weights; another one makes its arrays anew.
        recording: what its training recorded, None without a work folder.
        criterion: the FOSC that its training measured, "ball" or "box".
        epsilon: radius of its training attack, 0 without one; None where nothing tells.
    """

    name: str
    network: Any
    fingerprint: str
    recording: Recording | None = None
    criterion: str = "ball"
    epsilon: float | None = None
