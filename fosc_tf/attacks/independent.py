"""The same PGD from other people's tools, to stand beside ours: ART, foolbox and cleverhans.

attack = Independent("art", epsilon=0.3, step_size=0.075, num_steps=20)
attack(fosc_tf.export.load("runs/mine/export"), image, label, seed=0).image
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.attacks.attack import Attack
from fosc_tf.attacks.limits import check_climb
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.types import Batch, Found

NORMS = {"linf": np.inf, "l2": 2}
"""The norms that all these tools know, as they write them."""


class Independent(Attack):
    """PGD with a random start and steps of the cross-entropy, as another tool does it.

    What is compared is a whole second implementation: its gradient, steps, projection and random
    numbers. They come from the global generators of NumPy and TensorFlow, whose seeds every call
    sets. Called outside a `tf.function` only.

    Args:
        tool: "art", "foolbox" or "cleverhans"; each is an extra of that name.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1].
        step_size: length of a step, same units; cleverhans wants it at most epsilon.
        num_steps: K >= 1.
        norm: "linf" or "l2".

    Raises:
        UserError: unknown tool or norm, a number out of its range, a tool that is not installed.
    """

    def __init__(
        self, tool: str, *, epsilon: float, step_size: float, num_steps: int, norm: str = "linf"
    ) -> None:
        if tool not in TOOLS:
            raise unknown_name("tool", tool, TOOLS)
        if norm not in NORMS:
            raise unknown_name("norm of an independent tool", norm, NORMS)
        climb = check_climb(epsilon, step_size, num_steps, norm, "ball", changing=False)
        if tool == "cleverhans" and step_size > epsilon:
            raise UserError(
                "step_size must be at most epsilon for cleverhans",
                f"step_size={epsilon / 4:.4g} (epsilon / 4)",
                f"step_size={step_size:g} with epsilon={epsilon:g}",
            )
        self.tool, self.norm = tool, norm
        self.epsilon, self.step_size, self.num_steps = climb
        package, self._prepare = TOOLS[tool]
        self.version = f"{package} {_installed(tool, package)}"
        self._prepared: tuple[Any, Callable[..., np.ndarray]] | None = None

    def find(
        self, network: Any, batch: Batch, *, seed: Any, step: Any, final_fosc: bool | tf.Tensor
    ) -> Found:
        """Returns `Found`; its FOSC and loss are NaN, since these tools know neither."""
        del final_fosc
        if self._prepared is None or self._prepared[0] is not network:
            self._prepared = network, self._prepare(self, network, batch.image)
        draw = int(seed), int(step)
        keras.utils.set_random_seed(int(np.random.SeedSequence(draw).generate_state(1)[0]))
        found = self._prepared[1](batch.image, batch.label)
        return Found.at(tf.constant(found), self.num_steps)

    def parameters(self) -> dict[str, Any]:
        """Returns what makes this attack, for records, with the tool's version."""
        return {
            "tool": self.version,
            "epsilon": self.epsilon,
            "step_size": self.step_size,
            "num_steps": self.num_steps,
            "norm": self.norm,
            "start": "uniform",
            "loss": "cross_entropy",
        }


def _art(attack: Independent, network: Any, image: tf.Tensor) -> Callable[..., np.ndarray]:
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import TensorFlowV2Classifier

    classifier = TensorFlowV2Classifier(
        model=lambda image, training=False: network(image, training=False),
        nb_classes=int(network(image[:1], training=False).shape[-1]),
        input_shape=tuple(image.shape[1:]),
        loss_object=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0.0, 1.0),
    )

    def run(image: tf.Tensor, label: tf.Tensor) -> np.ndarray:
        climb = ProjectedGradientDescent(
            classifier,
            norm=NORMS[attack.norm],
            eps=attack.epsilon,
            eps_step=attack.step_size,
            max_iter=attack.num_steps,
            num_random_init=1,
            batch_size=len(label),
            verbose=False,
        )
        return climb.generate(image.numpy(), y=label.numpy())

    return run


def _foolbox(attack: Independent, network: Any, image: tf.Tensor) -> Callable[..., np.ndarray]:
    del image
    import foolbox

    model = foolbox.TensorFlowModel(lambda image: network(image, training=False), bounds=(0, 1))
    kinds = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}
    climb = kinds[attack.norm](abs_stepsize=attack.step_size, steps=attack.num_steps)

    def run(image: tf.Tensor, label: tf.Tensor) -> np.ndarray:
        # Of another integer type than its own, foolbox asks NumPy for what NumPy 2 no longer has.
        _, found, _ = climb(model, image, tf.cast(label, tf.int64), epsilons=attack.epsilon)
        return found.numpy()

    return run


def _cleverhans(attack: Independent, network: Any, image: tf.Tensor) -> Callable[..., np.ndarray]:
    del image
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    def run(image: tf.Tensor, label: tf.Tensor) -> np.ndarray:
        return projected_gradient_descent(
            lambda image: network(image, training=False),
            image,
            attack.epsilon,
            attack.step_size,
            attack.num_steps,
            NORMS[attack.norm],
            clip_min=0.0,
            clip_max=1.0,
            y=label,
            rand_init=True,
        ).numpy()

    return run


TOOLS = {
    "art": ("adversarial-robustness-toolbox", _art),
    "foolbox": ("foolbox", _foolbox),
    "cleverhans": ("cleverhans", _cleverhans),
}
"""The package and the adapter of each tool, by its short name, which is also the extra's."""


def _installed(tool: str, package: str) -> str:
    """Returns the version of the tool, or raises `UserError` with the extra that brings it."""
    try:
        importlib.import_module(tool)
        return importlib.metadata.version(package)
    except ImportError as error:
        raise UserError(
            f"{tool}:pgd-K needs {package}, an extra",
            f'pip install "fosc-tf[{tool}]"',
            f"{type(error).__name__}: {error}",
        ) from error
