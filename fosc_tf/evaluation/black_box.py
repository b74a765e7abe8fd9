"""Black-box accuracy by transfer: the attacker knows another network, a surrogate.

rows = black_box(network, {"standard": surrogate}, dataset, epsilon=0.3)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.limits import check_examples
from fosc_tf.errors import UserError
from fosc_tf.evaluation.journal import Journal
from fosc_tf.evaluation.stages import stages
from fosc_tf.evaluation.survival import Survival, batches_of, first_of
from fosc_tf.probe import probe_images

TABLE_2 = ("fgsm", "pgd-10", "pgd-20", "cw-linf")
"""The attacks of Wang et al. 2019, Table 2."""


def black_box(
    network: Any,
    surrogates: Mapping[str, Any],
    dataset: tf.data.Dataset,
    *,
    epsilon: float,
    attacks: Sequence[str] = TABLE_2,
    norm: str = "linf",
    seed: int = 0,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """Returns the accuracy of `network` on images crafted on each surrogate.

    Source: Wang et al. 2019, section 5.1 and Table 2: examples from a separately trained
    Standard network. Only images that the defended network gets right clean are crafted on.

    Args:
        network: the defended one, as for `white_box`.
        surrogates: networks that the attacker knows, by name.
        dataset: batches of (image, label), or dicts with these.
        epsilon: radius of the ball over pixels in [0, 1].
        attacks: names that `fosc_tf.attacks.get` knows, but AutoAttack and its members: these
            stop where the surrogate errs for the first time, and leave what it errs on anyway
            clean, so that a stronger one may well transfer less.
        norm: "linf", "l2" or "l1".
        seed: as for `white_box`.
        journal: as for `white_box`.

    Returns:
        The rows of `white_box` with `surrogate` added.

    Raises:
        UserError: a surrogate of other images or classes, AutoAttack, and what `white_box` raises.
    """
    plans = [stages(name, epsilon=epsilon, norm=norm) for name in attacks]
    for plan in plans:
        if any(attack.traits.until_wrong for attack in plan.attacks.values()):
            raise UserError(
                "an attack that stops at the surrogate's first error says little of transfer",
                ", ".join(TABLE_2),
                plan.name,
            )
    dataset = batches_of(dataset)
    _check_surrogates(network, surrogates, dataset)
    rows = []
    for name, surrogate in surrogates.items():
        survival = Survival(network, dataset, seed=seed, journal=journal, surrogate=surrogate)
        rows += [survival.row(plan) | {"surrogate": name} for plan in plans]
    return rows


def _check_surrogates(
    network: Any, surrogates: Mapping[str, Any], dataset: tf.data.Dataset
) -> None:
    """Raises `UserError` unless transfer to `network` can be measured."""
    shape = check_batch(network, first_of(dataset)).image.shape[1:]
    classes = _classes(network, shape)
    for name, surrogate in surrogates.items():
        takes = tf.TensorShape(getattr(surrogate, "input_shape", (None, *shape))[1:])
        fits = takes.is_compatible_with(shape)
        others = _classes(surrogate, shape if fits else takes)
        if not fits or others != classes:
            raise UserError(
                "a surrogate must classify the images and classes of the defended network",
                f"images {tuple(shape)} in {classes} classes",
                f"surrogate {name} with images {tuple(takes)} in {others} classes",
            )
        image = probe_images(shape)
        try:
            check_examples(surrogate, image, np.zeros(len(image), np.int32))
        except UserError as error:
            raise UserError(
                error.rule, error.right, f"surrogate {name} with {error.received}"
            ) from error


def _classes(network: Any, shape: Sequence[int | None]) -> int:
    """Returns how many classes `network` tells apart on images of that shape."""
    return int(network(probe_images(shape), training=False).shape[-1])
