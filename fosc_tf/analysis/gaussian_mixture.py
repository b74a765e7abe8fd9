"""What training on easy or on hard examples does to a linear classifier, in closed form.

mixture = GaussianMixture(radii=(2.0, 3.0, 4.0), probabilities=(0.3, 0.4, 0.3), dimension=2000)
mixture.closed_form(component=0, num_examples=20, epsilons=(0.0, 0.5)).mean
mixture.simulate(component=0, num_examples=20, epsilons=(0.0, 0.5)).mean
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from fosc_tf.analysis.max_margin import interpolator
from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole

_SAMPLES = 1000  # of the test that are drawn at once


class Errors(NamedTuple):
    """Robust errors of the whole mixture, of classifiers that were trained on several draws.

    Attributes:
        epsilon: [e] l2 radii of the attack.
        each: [repeats, e] robust error after each draw of the training set, in [0, 1].
        mean: [e] over the draws.
        standard_error: [e] of the mean.
    """

    epsilon: np.ndarray
    each: np.ndarray
    mean: np.ndarray
    standard_error: np.ndarray


class Gap(NamedTuple):
    """How much worse hard training examples are than easy ones.

    Attributes:
        epsilon: [e] l2 radii of the attack.
        gap: [e] mean robust error after the hard ones less that after the easy ones.
        grows: [e] whether r_i * g > epsilon for every component i and both classifiers, where
            Corollary 4.2 says that the gap grows with epsilon.
    """

    epsilon: np.ndarray
    gap: np.ndarray
    grows: np.ndarray


class Training(NamedTuple):
    """A training set of one component, label * radius * eta + noise.

    Attributes:
        examples: [n, dimension].
        label: [n], -1 or 1.
        noise: [n, dimension] Q, standard normal.
        radius: r of the component.
    """

    examples: np.ndarray
    label: np.ndarray
    noise: np.ndarray
    radius: float


class Constants(NamedTuple):
    """What of the noise decides where the interpolator points; U = Q Q^T and d = Q eta.

    Attributes:
        s: y^T U^-1 y.
        t: d^T U^-1 d, in [0, 1).
        v: y^T U^-1 d.
    """

    s: float
    t: float
    v: float

    @property
    def c1(self) -> float:
        """C1 of equation 4.50: the square of g where the radius tends to infinity."""
        return (self.s * (1.0 - self.t) + self.v**2) / self.s

    @property
    def c2(self) -> float:
        """C2 of equation 4.50."""
        return (self.s * (1.0 - self.t) + self.v**2) / (1.0 - self.t)

    def c3(self, radius: float) -> float:
        """C3 of equation 4.50, which depends on the radius too."""
        return (2.0 * self.v * radius + 1.0) / (1.0 - self.t)

    def alignment(self, radius: float) -> float:
        """Returns g = w.eta / |w| in [-1, 1] of the interpolator of examples with this radius.

        g^2 = C1 - 1 / (C2 * r^2 + C3). Here by the first line of equation 4.49, which does not
        cancel at small radii and has a sign: g is below 0 where noise outweighs a small radius.
        """
        s, t, v = self
        above = radius * s * (1.0 - t) + radius * v**2 + v
        below = s * (radius**2 * s * (1.0 - t) + (radius * v + 1.0) ** 2)
        return above / math.sqrt(below)


class GaussianMixture:
    """x ~ N(y * r_i * eta, 1) with probability p_i, y = -1 or 1 alike; small r_i are hard.

    Source: Liu 2022 (thesis), section 4.3.3, equation 4.37.

    Args:
        radii: r_1 < r_2 < ..., above 0; component 0 is the hardest.
        probabilities: p_i of each, which sum to 1.
        dimension: M, of the examples; None where `eta` says it. The normal is the same in all
            directions, so that which eta is taken makes no difference: it is the first axis.
        eta: [M] of length 1, or None.

    Raises:
        UserError: radii that do not rise, probabilities that do not sum to 1, an eta of another
            length, neither or both of dimension and eta.
    """

    def __init__(
        self,
        *,
        radii: Sequence[float],
        probabilities: Sequence[float],
        dimension: int | None = None,
        eta: np.ndarray | None = None,
    ) -> None:
        self.radii = np.array([inside("radius", r, "radii=(1.0, 2.0)", ends="()") for r in radii])
        if not self.radii.size or not (np.diff(self.radii) > 0).all():
            raise UserError(
                "radii rise from the hardest component to the easiest",
                "radii=(1.0, 2.0)",
                f"radii={tuple(radii)}",
            )
        right = "probabilities=(0.5, 0.5)"
        self.probabilities = np.array(
            [inside("probability", p, right, below=1, ends="[]") for p in probabilities]
        )
        if len(self.probabilities) != len(self.radii) or abs(self.probabilities.sum() - 1) > 1e-9:
            raise UserError(
                "every component has a probability, and they sum to 1",
                f"{len(self.radii)} numbers that sum to 1",
                f"{len(self.probabilities)} that sum to {self.probabilities.sum():g}",
            )
        if (dimension is None) == (eta is None):
            raise UserError(
                "a mixture has either a dimension or a direction",
                "dimension=2000",
                "both" if eta is not None else "neither",
            )
        if eta is None:
            eta = np.eye(1, whole("dimension", dimension, least=1))[0]
        self.eta = np.asarray(eta, np.float64)
        if self.eta.ndim != 1 or not abs(np.linalg.norm(self.eta) - 1.0) < 1e-9:
            raise UserError(
                "eta is a direction, of length 1",
                "eta / np.linalg.norm(eta)",
                f"shape {list(self.eta.shape)}, length {np.linalg.norm(self.eta):g}",
            )

    def is_wide(self, num_examples: int) -> bool:
        """Returns whether M > 10 N log N + N - 1, with which the theorem begins.

        Above, the interpolator is the max margin, which training converges to, with a probability
        of 1 - O(1 / N). Below, everything here is right of the interpolator.
        """
        return len(self.eta) > 10 * num_examples * math.log(num_examples) + num_examples - 1

    def draw(self, component: int, num_examples: int, seed: Any = 0) -> Training:
        """Returns a training set of one component, its labels drawn alike.

        Args:
            component: 0-based, 0 is the hardest.
            num_examples: N, below the dimension.
            seed: whatever `numpy.random.default_rng` takes.

        Raises:
            UserError: no such component, too many examples.
        """
        whole("component", component, least=0)
        if component >= len(self.radii):
            raise UserError(
                "examples are of a component that there is",
                f"component=0 to {len(self.radii) - 1}",
                f"component={component}",
            )
        whole("num_examples", num_examples, least=1)
        if num_examples >= len(self.eta):
            raise UserError(
                "there are fewer examples than dimensions, else nothing interpolates them",
                f"num_examples={len(self.eta) // 100 or 1}",
                f"num_examples={num_examples} with dimension={len(self.eta)}",
            )
        random = np.random.default_rng(seed)
        label = random.choice([-1, 1], num_examples)
        noise = random.normal(size=[num_examples, len(self.eta)])
        radius = float(self.radii[component])
        return Training(radius * label[:, None] * self.eta + noise, label, noise, radius)

    def constants(self, training: Training) -> Constants:
        """Returns s, t and v of a training set's noise (equation 4.44)."""
        label, along = training.label.astype(np.float64), training.noise @ self.eta
        inverse = np.linalg.solve(
            training.noise @ training.noise.T, np.stack([label, along], axis=1)
        )
        (s, v), (_, t) = np.stack([label, along]) @ inverse
        return Constants(float(s), float(t), float(v))

    def typical(self, num_examples: int) -> Constants:
        """Returns s, t and v where they concentrate: N / (M - N - 1), N / M and 0, their means.

        Not of the thesis. Of the inverse of a Wishart matrix and of a Beta distribution; so the
        closed form needs no draw, up to what fluctuates.
        """
        size, whole_space = num_examples, len(self.eta)
        return Constants(size / (whole_space - size - 1), size / whole_space, 0.0)

    def robust_error(self, alignment: float, epsilons: Sequence[float]) -> np.ndarray:
        """Returns the share of the mixture that an attack in l2 gets wrong, [e] in [0, 1].

        That is sum of p_i * P(Z > r_i * g - epsilon), Z standard normal.

        Source: Liu 2022 (thesis), Lemma 4.3 and equation 4.42.

        Args:
            alignment: g = w.eta / |w| of the classifier.
            epsilons: [e] l2 radii, units of the examples' deviation, at least 0.
        """
        reached = alignment * self.radii[:, None] - _radii(epsilons)
        return self.probabilities @ stats.norm.sf(reached)

    def closed_form(
        self,
        component: int,
        num_examples: int,
        epsilons: Sequence[float],
        *,
        repeats: int = 20,
        seed: int = 0,
    ) -> Errors:
        """Returns the robust error after training on one component, from s, t and v of the noise.

        Exact for each draw of the training set; `simulate` with the same seed has the same draws.

        Source: Liu 2022 (thesis), Theorem 4.5 with equation 4.50.

        Args:
            component: 0-based, of the training examples; 0 is the hardest.
            num_examples: N, below the dimension; see `is_wide`.
            epsilons: [e] l2 radii of the attack, at least 0.
            repeats: draws of the training set, at least 2.
            seed: of the draws.

        Raises:
            UserError: as `draw`; a number out of its range.
        """

        def judged(training: Training, _: np.random.Generator) -> np.ndarray:
            g = self.constants(training).alignment(training.radius)
            return self.robust_error(g, epsilons)

        return self._errors(judged, component, num_examples, epsilons, repeats, seed)

    def simulate(
        self,
        component: int,
        num_examples: int,
        epsilons: Sequence[float],
        *,
        repeats: int = 20,
        tests: int = 2000,
        seed: int = 0,
    ) -> Errors:
        """Returns the same by training and by counting: w = X^T (X X^T)^-1 y on fresh examples.

        The attack moves each example by epsilon straight against its label, which is the worst.

        Args:
            component: as for `closed_form`, like all that is not below.
            num_examples: N.
            epsilons: [e] l2 radii.
            repeats: draws of the training set, at least 2.
            tests: examples of the mixture that are drawn after each, at least 1.
            seed: of all draws.
        """
        whole("tests", tests, least=1)

        def judged(training: Training, random: np.random.Generator) -> np.ndarray:
            w = interpolator(training.examples, training.label)
            w, wrong = w / np.linalg.norm(w), 0.0
            for first in range(0, tests, _SAMPLES):
                count = min(_SAMPLES, tests - first)
                label = random.choice([-1, 1], count)
                radius = random.choice(self.radii, count, p=self.probabilities)
                x = random.normal(size=[count, len(w)]) + (label * radius)[:, None] * self.eta
                margin = label * (x @ w)
                wrong = wrong + (margin[:, None] < _radii(epsilons)).sum(axis=0)
            return wrong / tests

        return self._errors(judged, component, num_examples, epsilons, repeats, seed)

    def gap(
        self,
        num_examples: int,
        epsilons: Sequence[float],
        *,
        hard: int = 0,
        easy: int = -1,
        repeats: int = 20,
        seed: int = 0,
    ) -> Gap:
        """Returns how much worse training on a hard component is than on an easy one, by epsilon.

        In closed form; both train on the same noise and labels.

        Source: Liu 2022 (thesis), Corollary 4.2. It needs r_i * g(r_l) > epsilon for each
        component i (printed r_i * g(r_i)); it does not follow from a separable training set, as the
        proof of Lemma 4.5 has it. Far beyond, both errors tend to 1 and the gap to 0.

        Args:
            num_examples: N, of each training set.
            epsilons: [e] l2 radii.
            hard: 0-based component.
            easy: another, of a larger radius; -1 is the last.
            repeats: draws of the training set, at least 2.
            seed: of the draws.

        Raises:
            UserError: as `closed_form`; an easy component that is not easier.
        """
        easy = len(self.radii) - 1 if easy == -1 else easy
        if whole("easy", easy, least=0) <= whole("hard", hard, least=0):
            raise UserError(
                "the easy component has the larger radius",
                f"hard=0 and easy={len(self.radii) - 1}, of at least two",
                f"hard={hard} and easy={easy} of {len(self.radii)}",
            )
        draws = {"repeats": repeats, "seed": seed}
        errors = [self.closed_form(each, num_examples, epsilons, **draws) for each in (hard, easy)]
        least = min(
            self.constants(training).alignment(training.radius)
            for each in (hard, easy)
            for training in self._draws(each, num_examples, repeats, seed)
        )
        radii = _radii(epsilons)
        return Gap(radii, errors[0].mean - errors[1].mean, self.radii[0] * least > radii)

    def _draws(
        self, component: int, num_examples: int, repeats: int, seed: int
    ) -> Iterator[Training]:
        whole("repeats", repeats, least=2)
        whole("seed", seed, least=0)
        return (self.draw(component, num_examples, (seed, turn)) for turn in range(repeats))

    def _errors(
        self,
        judged: Callable[[Training, np.random.Generator], np.ndarray],
        component: int,
        num_examples: int,
        epsilons: Sequence[float],
        repeats: int,
        seed: int,
    ) -> Errors:
        radii = _radii(epsilons)
        draws = self._draws(component, num_examples, repeats, seed)
        each = np.array(
            [
                judged(training, np.random.default_rng((seed, turn, 1)))
                for turn, training in enumerate(draws)
            ]
        )
        deviation = each.std(axis=0, ddof=1)
        return Errors(radii, each, each.mean(axis=0), deviation / math.sqrt(repeats))


def _radii(epsilons: Sequence[float]) -> np.ndarray:
    if not np.ndim(epsilons) == 1 or not len(epsilons):
        raise UserError("epsilons are several radii", "epsilons=(0.0, 0.5)", f"{epsilons!r}")
    for each in epsilons:
        inside("epsilon", each, "epsilon=0.5")
    return np.asarray(epsilons, np.float64)
