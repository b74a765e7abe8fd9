"""Signs that a robustness number must not be believed, each looked for with every evaluation.

    findings = check(network, dataset, epsilon=0.3)
    [finding.name for finding in findings if not finding.passed]

A flag is a place to look: it says what was measured, what was expected, and what usually causes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks import losses, starts
from fosc_tf.attacks.attack import Attack
from fosc_tf.attacks.autoattack import Square
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.findings import (
    NO_GRADIENT,
    TOLERANCE,
    Finding,
    at_least_as_strong,
    gradients,
    same_answers,
)
from fosc_tf.attacks.limits import check_epsilon, diameter
from fosc_tf.evaluation.journal import Journal
from fosc_tf.evaluation.stages import Stages, stages
from fosc_tf.evaluation.survival import Survival, batches_of, first_of
from fosc_tf.number import number
from fosc_tf.types import Batch, Found


def check(
    network: Any,
    dataset: tf.data.Dataset,
    *,
    epsilon: float,
    norm: str = "linf",
    seed: int = 0,
    journal: Journal | None = None,
    surrogates: Mapping[str, Any] | None = None,
    reached: Sequence[tuple[float, float]] = (),
) -> list[Finding]:
    """Returns all findings for `network` on `dataset`.

    Sources: Athalye et al. 2018, section 3.1; Carlini et al. 2019, section 4; Croce et al. 2022
    (the flags of AutoAttack).

    Args:
        network: as for `white_box`, but may return probabilities: that is a finding here.
        dataset: as for `white_box`; a few hundred images are enough.
        epsilon: radius of the ball over pixels in [0, 1].
        norm: "linf", "l2" or "l1".
        seed: as for `white_box`.
        journal: as for `white_box`.
        surrogates: networks to transfer PGD-20 from, by name.
        reached: how far other evaluations of the network went: pairs of the rows' `farthest`, a
            share of epsilon, and `outside`, of [0, 1].

    Raises:
        UserError: what `white_box` raises, but for probabilities.
    """
    epsilon, dataset = number("epsilon", epsilon, "epsilon=8/255"), batches_of(dataset)
    batch = check_batch(network, first_of(dataset), probabilities=True)
    check_epsilon(epsilon, norm, batch.image.shape[1:])
    output = np.asarray(tf.cast(network(batch.image, training=False), tf.float32))
    if not np.isfinite(output).all():
        return [_not_finite(output)]
    logits = Finding(
        "logits",
        not losses.are_probabilities(network, batch.image[:2]),
        f"outputs from {output.min():.3g} to {output.max():.3g}",
        "a softmax or sigmoid inside the network hides its gradients: take it out",
    )
    batches = (check_batch(network, data, probabilities=True) for data in dataset)
    findings = [logits, same_answers(network, batch.image), gradients(network, batches)]
    if not logits.passed or findings[-1].value == NO_GRADIENT:
        return findings
    survival = Survival(network, dataset, seed=seed, journal=journal)

    def accuracy(name: str, radius: float = epsilon) -> float:
        return survival.row(stages(name, epsilon=radius, norm=norm))["accuracy"]

    clean, single, strong = accuracy("clean"), accuracy("fgsm"), accuracy("pgd-20")
    count = survival.row(stages("clean", epsilon=epsilon))["n"]
    longer = accuracy("pgd-100x3")
    noise = survival.row(_noise(epsilon, norm))["accuracy"]
    classes = int(network(batch.image[:1], training=False).shape[-1])
    whole = diameter(norm, batch.image.shape[1:])
    wider = [(radius, accuracy("pgd-20", radius)) for radius in (min(2 * epsilon, whole), whole)]
    findings += [
        at_least_as_strong("iterative against single step", strong, single, "PGD-20", "FGSM"),
        Finding(
            "more steps and restarts",
            # A hundred images cannot resolve half a point: one example more is forgiven.
            strong - longer < max(TOLERANCE, 1.5 / count),
            f"PGD-20 {strong:.1%}, PGD-100 with 3 restarts {longer:.1%}",
            "the attack had not converged: quote the stronger number, and doubt it too",
        ),
        at_least_as_strong("gradient against noise", strong, noise, "PGD-20", "random noise"),
        _curve([(0.0, clean), (epsilon, strong), *wider], classes),
    ]
    if norm != "l1":  # Square knows no l1
        square = survival.row(_square(epsilon, norm))["accuracy"]
        findings.append(
            at_least_as_strong("white against black box", longer, square, "PGD", "Square")
        )
    for name, surrogate in (surrogates or {}).items():
        crafted = Survival(network, dataset, seed=seed, journal=journal, surrogate=surrogate)
        transfer = crafted.row(stages("pgd-20", epsilon=epsilon, norm=norm))["accuracy"]
        findings.append(
            at_least_as_strong(
                "white box against transfer", longer, transfer, "PGD", f"transfer from {name}"
            )
        )
    findings.append(_inside([*reached, (survival.farthest, survival.outside)]))
    return findings


def _inside(reached: Sequence[tuple[float, float]]) -> Finding:
    farthest, outside = (max(each) for each in zip(*reached, strict=True))
    return Finding(
        "inside the ball",
        farthest <= 1 + 1e-4 and outside <= 1e-6,
        f"farthest image at {farthest:.6f} epsilon, "
        f"pixels at most {max(outside, 0.0):.1g} outside [0, 1]",
        "the attack cheated: its images are not allowed",
    )


def _not_finite(output: np.ndarray) -> Finding:
    return Finding(
        "logits",
        False,
        f"{np.sum(~np.isfinite(output))} of {output.size} outputs are not finite",
        "the network has diverged, or overflows: no number of it means anything",
    )


def _curve(points: list[tuple[float, float]], classes: int) -> Finding:
    """Looks whether accuracy falls with epsilon down to chance."""
    falls = all(b <= a + TOLERANCE for (_, a), (_, b) in zip(points, points[1:], strict=False))
    return Finding(
        "falls to chance",
        falls and points[-1][1] <= 1 / classes,
        ", ".join(f"{value:.1%} at {radius:.3g}" for radius, value in points),
        "an unbounded attack must break everything: gradients are masked",
    )


def _square(epsilon: float, norm: str) -> Stages:
    # A fifth of the usual queries: enough to show gradients that lead nowhere.
    attack = Square(epsilon=epsilon, norm=norm, num_steps=1000)
    return Stages("square", {"square": attack}, attack.parameters())


def _noise(epsilon: float, norm: str) -> Stages:
    return Stages("noise", {"noise": _Noise(epsilon, norm)}, {"epsilon": epsilon, "norm": norm})


class _Noise(Attack):
    """A random point of the ball: what an attack must at least beat."""

    def __init__(self, epsilon: float, norm: str) -> None:
        self.epsilon, self.norm = epsilon, norm

    def parameters(self) -> dict[str, Any]:
        return {"epsilon": self.epsilon, "norm": self.norm, "attack": "noise"}

    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        del network, final_fosc
        radius = tf.constant(self.epsilon, tf.float32)
        seeds = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
        return Found.at(starts.uniform(batch, balls.get(self.norm), radius, seeds, step))
