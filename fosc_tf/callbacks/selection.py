"""Measures each epoch on examples kept back from training, to choose the best one.

held_out = HeldOut(network, batches, "pgd-10", epsilon=8 / 255)
trainer.fit(dataset, callbacks=[held_out, EarlyStopping(monitor="held_out_robust")])
"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import tensorflow as tf

from fosc_tf.attacks import AutoAttack
from fosc_tf.attacks.attack import Attack
from fosc_tf.errors import UserError
from fosc_tf.evaluation.stages import Stages, of_value, stages
from fosc_tf.evaluation.survival import Survival
from fosc_tf.number import whole


class HeldOut(keras.callbacks.Callback):
    """Adds `held_out_clean` and `held_out_robust`, accuracies in 0..1, to the epoch's logs.

    Args:
        network: maps images to logits.
        batches: held-out (image, label) batches, or a pair of arrays.
        attack: decides the robust accuracy: a name, such as "pgd-10" or "autoattack@1000", an
            attack of `fosc_tf.attacks`, or `Stages`.
        epsilon: radius of the ball, of an attack by name.
        norm: of the ball, of an attack by name.
        every: epochs between measurements.
        seed: of the attack's random numbers, the same each epoch.

    Raises:
        UserError: an unknown name, a name without `epsilon`, `epsilon` where the attack has its
            own, `every` that is no whole number from 1 on.
    """

    adds: ClassVar[dict[str, str]] = {"held_out_clean": "up", "held_out_robust": "up"}

    def __init__(
        self,
        network: keras.Model,
        batches: tf.data.Dataset,
        attack: str | Attack | AutoAttack | Stages,
        *,
        epsilon: float | None = None,
        norm: str = "linf",
        every: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.every, self.attack = whole("every", every, least=1), _stages(attack, epsilon, norm)
        self._survival = Survival(network, batches, seed=seed)
        self._survival.check(self.attack)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures when it is this epoch's turn."""
        if (epoch + 1) % self.every == 0:
            logs.update(self.measure())

    def measure(self) -> dict[str, float]:
        """Returns both accuracies of the network as it is."""
        masks = list(self._survival.masks(self.attack).values())
        return {
            "held_out_clean": float(masks[0].mean()),
            "held_out_robust": float(masks[-1].mean()),
        }


def _stages(attack: Any, epsilon: float | None, norm: str) -> Stages:
    if isinstance(attack, str):
        if epsilon is None:
            raise UserError(
                "an attack by name needs the radius of its ball",
                f'HeldOut(network, batches, "{attack}", epsilon=8/255)',
                "epsilon=None",
            )
        return stages(attack, epsilon=epsilon, norm=norm)
    if epsilon is not None:
        raise UserError(
            "an attack that is no name has an epsilon of its own",
            "HeldOut(network, batches, attack)",
            f"epsilon={epsilon} with {attack!r}",
        )
    return attack if isinstance(attack, Stages) else of_value("held_out", attack)
