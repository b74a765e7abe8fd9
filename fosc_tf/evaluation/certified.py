"""Verified accuracy: how many examples are proved, by methods from cheap to dear.

rows = certified(network, dataset, epsilon=0.1, methods=("ibp", "crown-ibp", "crown"))
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fosc_tf import bounds, signs
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.bounds.exact import exact
from fosc_tf.bounds.region import NORMS
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.evaluation.journal import Journal, Known, check_journal, fingerprint, key
from fosc_tf.evaluation.stages import first_examples, stages
from fosc_tf.evaluation.survival import Survival
from fosc_tf.number import flag, number

EXACT = "exact"
METHODS = (*bounds.METHODS, EXACT)
"""Of proof, from cheap to dear."""
MOST_UNSTABLE = 10**6
"""Neurons on both sides of 0 that "exact" takes: more than it decides in time, for no error."""
CASCADE = ("ibp", "crown-ibp", "crown")


def certified(
    network: Any,
    dataset: Any,
    *,
    epsilon: float,
    methods: Sequence[str] = CASCADE,
    norm: str = "linf",
    alone: bool = False,
    time_limit: float = 60.0,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """Returns the share of examples that are right, and that each method has proved to stay so.

    Methods are asked in the order given, each about those whom none before it has proved. A proof
    counts when the bounds stay above 0 by `fosc_tf.bounds.slack` in float32 and once more in
    float64.

    Args:
        network: a functional or sequential Keras model of images to logits.
        dataset: batches of (image, label), or dicts with these; images float32 in [0, 1]. Or a pair
            of arrays (images, labels).
        epsilon: radius of the ball over pixels in [0, 1], cut to [0, 1].
        methods: of `METHODS`; "exact@100" asks the first 100 examples only.
        norm: "linf", "l2" or "l1"; "exact" knows linf alone.
        alone: asks each method about everybody who is right.
        time_limit: seconds of "exact" for each example; who is not decided in time is not proved.
        journal: keeps what has been found, so that a killed evaluation can go on.

    Returns:
        First a dict with attack "clean", accuracy in 0..1 and n. Then one for each method: method,
        accuracy (proved by it or one before), alone (proved by it, None if it was not asked about
        all), asked (about how many), n, seconds, parameters.

    Raises:
        UserError: no method, an unknown one, a norm that it does not know; what `fosc_tf.bounds`
            refuses; an empty or endless dataset.
    """
    proofs = Proofs(
        network, dataset, epsilon=epsilon, norm=norm, time_limit=time_limit, journal=journal
    )
    flag("alone", alone)
    check_methods(methods, norm)
    return [proofs.clean(), *(proofs.row(name, alone=alone) for name in methods)]


def check_methods(methods: Any, norm: str) -> None:
    """Raises `UserError` unless these are methods of proof that know the norm."""
    if isinstance(methods, str) or not isinstance(methods, Sequence) or not methods:
        raise UserError(
            "methods must be a sequence of one at least",
            f"methods={CASCADE}",
            f"methods={methods!r}",
        )
    for name in methods:
        whole = first_examples(name)[0] if isinstance(name, str) else name
        if whole not in METHODS:
            raise unknown_name("method of proof", whole, METHODS)
        if whole == EXACT and norm != "linf":
            raise UserError(
                "exact verification knows balls in linf only",
                f"methods={bounds.METHODS[:4]} with norm={norm!r}",
                f"methods={tuple(methods)} with norm={norm!r}",
            )


class Proofs:
    """Who is proved, as one method after the other is asked.

    Args:
        network: as for `certified`, like all others.

    Attributes:
        right: [n] bool, who is classified right without any change.
        proved: [n] bool, who has been proved so far.
    """

    def __init__(
        self,
        network: Any,
        dataset: Any,
        *,
        epsilon: float,
        norm: str = "linf",
        time_limit: float = 60.0,
        journal: Journal | None = None,
    ) -> None:
        check_journal(journal)
        if norm not in NORMS:
            raise unknown_name("norm", norm, NORMS)
        check_epsilon(number("epsilon", epsilon, "epsilon=8/255"), norm)
        if not number("time_limit", time_limit, "time_limit=60") > 0:
            raise UserError(
                "time_limit must be positive", "time_limit=60", f"time_limit={time_limit}"
            )
        self.network, self.journal = network, journal
        self.epsilon, self.norm, self.time_limit = float(epsilon), norm, float(time_limit)
        survival = Survival(network, dataset, seed=0, journal=journal)
        self._dataset = survival.dataset
        self.right = survival.masks(stages("clean", epsilon=self.epsilon))["clean"]
        self.proved = np.zeros_like(self.right)
        first = next(self.batches())
        # What no method could read is told before any work.
        bounds.interval(network, first[0][:1], epsilon=self.epsilon, norm=norm)
        self._identity = [] if journal is None else [fingerprint(network, first[0][:4])]

    def clean(self) -> dict[str, Any]:
        """Returns the row of who is right."""
        accuracy = float(np.mean(self.right))
        return {"attack": "clean", "accuracy": accuracy, "n": len(self.right), "parameters": {}}

    def row(self, name: str, *, alone: bool = False) -> dict[str, Any]:
        """Returns the row of a method, and counts whom it proves; see `certified`."""
        check_methods([name], self.norm)
        method, examples = first_examples(name)
        n = min(len(self.right), examples or len(self.right))
        wanted = self.right.copy()
        if not alone:
            wanted &= ~self.proved
        wanted[n:] = False
        proved, begun = np.zeros_like(self.right), time.perf_counter()
        with signs.work(f"{name} at {self.epsilon:.4g}", n) as work:
            first = 0
            for image, label in self.batches():
                rows = slice(first, min(first + len(label), n))
                first += len(label)
                if rows.start >= n:
                    break
                proved[rows] = self._known(method, image, label, wanted[rows])
                work.advance(rows.stop - rows.start)
            self.proved |= proved
            work.result = f"{np.mean(self.proved[:n]):.2%}"
        return {
            "method": name,
            "accuracy": float(np.mean(self.proved[:n])),
            "alone": float(np.mean(proved[:n])) if alone else None,
            "asked": int(wanted.sum()),
            "n": n,
            "seconds": round(time.perf_counter() - begun, 2),
            "parameters": self._parameters(method),
        }

    def _parameters(self, method: str) -> dict[str, Any]:
        limit = {"time_limit": self.time_limit} if method == EXACT else {}
        return {"epsilon": self.epsilon, "norm": self.norm, **limit}

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields images float32 [batch, ...] and labels int64 [batch] of the dataset."""
        for data in self._dataset:
            batch = check_batch(self.network, data)
            yield np.asarray(batch.image), np.asarray(batch.label, np.int64)

    def _known(
        self, method: str, image: np.ndarray, label: np.ndarray, wanted: np.ndarray
    ) -> np.ndarray:
        """Returns who of these is proved, [len(wanted)] bool, of whom `wanted` are asked."""
        image, label = image[: len(wanted)], label[: len(wanted)]
        if self.journal is None:
            return self._proved(method, image, label, wanted)
        content = hashlib.sha256(image.tobytes())
        content.update(label.tobytes() + wanted.tobytes())
        place = key(
            *self._identity, "proof", method, self._parameters(method), content.hexdigest()[:16]
        )
        known = self.journal.known(place)
        if known is None:
            known = Known(self._proved(method, image, label, wanted), {})
            self.journal.keep(place, known.mask)
        return known.mask

    def _proved(
        self, method: str, image: np.ndarray, label: np.ndarray, wanted: np.ndarray
    ) -> np.ndarray:
        proved, left = np.zeros_like(wanted), np.flatnonzero(wanted)
        if method == EXACT:
            if left.size:
                found = exact(
                    self.network,
                    image[left],
                    label[left],
                    epsilon=self.epsilon,
                    time_limit=self.time_limit,
                    most_unstable=MOST_UNSTABLE,
                )
                proved[left] = np.asarray(found) == "robust"
            return proved
        for dtype in ("float32", "float64"):
            if not left.size:
                break
            margins = bounds.margins(
                self.network,
                image[left],
                label[left],
                epsilon=self.epsilon,
                method=method,
                norm=self.norm,
                dtype=dtype,
            )
            left = left[bounds.proved(margins, label[left])]
        proved[left] = True
        return proved
