"""Two losses whose gradients are mixed so that, where that is possible, both descend.

trainer = TwoObjectiveTrainer(network, fosc_tf.defenses.get("adv_ibp", epsilon=0.3))
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds.latent import LatentFgsm
from fosc_tf.bounds.program import read
from fosc_tf.bounds.training_mode import cut_at
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.objectives.two_losses import JOINT
from fosc_tf.replicas import global_mean, num_replicas, put, sum_over_replicas
from fosc_tf.schedules import at
from fosc_tf.training.gradient_mixing import PARTS, Mixing, Moments, Weights, weights
from fosc_tf.training.reduction import mean_over_replicas
from fosc_tf.training.trainer import AdversarialTrainer
from fosc_tf.types import Batch, Defense, Found, Judged


class TwoObjectiveTrainer(AdversarialTrainer):
    """Trains on two losses; see `defenses.adv_ibp`.

    The order that differs: each loss has a backward pass of its own, and they are mixed by what
    was known of both before this batch. The attack's FOSC is measured in every batch. With an
    attack in a hidden layer, all layers before it are frozen, and stay so in the network.

    Raises:
        UserError: a defense that also perturbs the weights; a network that cannot be cut at the
            layer of the attack.
    """

    needs_fosc = True

    def __init__(self, network: keras.Model, defense: Defense, **arguments: Any) -> None:
        if defense.perturbation is not None:
            raise UserError(
                "AdvIBP mixes gradients by those of the batches before, which a perturbation of "
                "the weights would change",
                "perturbation.gamma=0.0, or another defense",
                repr(defense.perturbation),
            )
        super().__init__(network, defense, **arguments)
        if isinstance(defense.attack, LatentFgsm):
            _freeze_before(network, defense.attack.layer)

        def averages(name: str) -> list[keras.Variable]:
            return [
                keras.Variable(tf.zeros(each.shape), trainable=False, name=f"{name}_{number}")
                for number, each in enumerate(network.trainable_variables)
            ]

        self.mean_gradients = [averages(name) for name in PARTS]
        self.mean_norms = [
            keras.Variable(0.0, trainable=False, name=f"{name}_norm") for name in PARTS
        ]
        self.joint_batches = keras.Variable(0.0, trainable=False, name="joint_batches")

    def gradients(
        self, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> tuple[Judged, list[tf.Tensor | None]]:
        """Returns what the objective says, its loss mixed, and this replica's mixed gradients."""
        variables, scale = self.network.trainable_variables, self.optimizer.scale_loss
        known = [tuple(each.shape) for each in self.mean_gradients[0]]
        if [tuple(each.shape) for each in variables] != known:
            raise UserError(
                "AdvIBP remembers gradients of the weights that were trainable as it was made",
                "layers frozen or set free before AdversarialTrainer(...)",
                f"{len(variables)} trainable arrays, of {len(known)} then",
            )
        with tf.GradientTape(persistent=True) as tape:
            judged = self.defense.objective(self.network, batch, found, step)
            losses = [scale(mean_over_replicas(judged.terms[name])) for name in PARTS]
            penalties = [scale(mean_over_replicas(each)) for each in self.network.losses]
        shares = [_known(tape.gradient(each, variables), variables) for each in losses]
        own = [_known(tape.gradient(each, variables), variables) for each in penalties]
        del tape
        mixing: Mixing = self.defense.mixing
        is_joint = mixing.phase(step) == JOINT
        chosen = self._weights(found, step)
        adversarial = tf.where(is_joint, chosen.adversarial, 1.0)
        certified = tf.where(is_joint, chosen.certified, 0.0)
        square = tf.where(is_joint, chosen.square, 0.0)
        bound = global_mean(judged.terms["certified"])
        # The gradient of the square is 2 L times that of L.
        factors = (adversarial, certified + 2.0 * square * bound)
        mixed = [
            tf.add_n([factors[0] * one, factors[1] * other, *rest])
            for one, other, *rest in zip(*shares, *own, strict=True)
        ]
        with tf.control_dependencies([batch.label]):
            self._learn(shares, tf.cast(is_joint, tf.float32))
        loss = adversarial * judged.terms["adversarial"]
        loss += (certified + square * bound) * judged.terms["certified"]
        joint = tf.cast(is_joint, tf.float32)
        shown = {"agree": joint * chosen.agree, "adversarial_leads": joint * chosen.leads}
        terms = {name: tf.fill(tf.shape(loss), value) for name, value in shown.items()}
        return judged._replace(loss=loss, terms=judged.terms | terms), mixed

    def _weights(self, found: Found, step: tf.Tensor) -> Weights:
        mixing: Mixing = self.defense.mixing
        if mixing.fixed is not None:
            nothing = tf.zeros([])
            return Weights(
                tf.ones([]), tf.constant(mixing.fixed, tf.float32), nothing, nothing, nothing
            )
        fosc = global_mean(found.fosc)
        if mixing.fosc_of == "batch":
            fosc /= tf.cast(tf.size(found.fosc) * num_replicas(), tf.float32)
        return weights(self._moments(), fosc <= tf.cast(at(mixing.threshold, step), tf.float32))

    def _moments(self) -> Moments:
        """Returns what is known, corrected for the zeros that averages began with."""
        mixing: Mixing = self.defense.mixing
        count = tf.convert_to_tensor(self.joint_batches)
        is_known = count > 0

        def corrected(beta: float) -> tf.Tensor:
            return tf.where(is_known, 1.0 - tf.cast(beta, tf.float32) ** count, 1.0)

        one, other = ([tf.convert_to_tensor(m) for m in each] for each in self.mean_gradients)
        square = corrected(mixing.beta_1) ** 2
        norms = [tf.convert_to_tensor(each) / corrected(mixing.beta_2) for each in self.mean_norms]
        return Moments(
            _product(one, one) / square,
            _product(one, other) / square,
            _product(other, other) / square,
            (norms[0], norms[1]),
            is_known,
        )

    def _learn(self, shares: list[list[tf.Tensor]], is_joint: tf.Tensor) -> None:
        """Moves the averages by the gradients of the global batch, in the joint phase."""
        mixing: Mixing = self.defense.mixing
        unscaled = 1.0 / self.optimizer.scale_loss(tf.ones([]))
        wholes = [[unscaled * each for each in sum_over_replicas(share)] for share in shares]
        lengths = [tf.linalg.global_norm(whole) for whole in wholes]
        # A scale of losses that overflows makes a batch that no update is made of.
        learns = (is_joint > 0) & tf.math.is_finite(lengths[0] + lengths[1])
        for means, norm, whole, length in zip(
            self.mean_gradients, self.mean_norms, wholes, lengths, strict=True
        ):
            for mean, gradient in zip(means, whole, strict=True):
                _moved(mean, gradient, 1.0 - mixing.beta_1, learns)
            _moved(norm, length, 1.0 - mixing.beta_2, learns)
        put(
            self.joint_batches,
            tf.convert_to_tensor(self.joint_batches) + tf.cast(learns, tf.float32),
        )


def _known(gradients: list[tf.Tensor | None], variables: list[keras.Variable]) -> list[tf.Tensor]:
    """Returns the gradients, zeros for variables that a loss does not reach."""
    pairs = zip(gradients, variables, strict=True)
    return [
        tf.zeros_like(tf.convert_to_tensor(variable)) if gradient is None else gradient
        for gradient, variable in pairs
    ]


def _moved(average: keras.Variable, value: tf.Tensor, share: float, learns: tf.Tensor) -> None:
    before = tf.convert_to_tensor(average)
    put(average, tf.where(learns, before + share * (value - before), before))


def _product(one: list[tf.Tensor], other: list[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_sum(a * b) for a, b in zip(one, other, strict=True)])


def _freeze_before(network: keras.Model, layer: str) -> None:
    """Freezes all layers that are passed before `layer`."""
    earlier = {step.name for step in read(network).steps[: cut_at(network, layer)]}
    layers = [each for each in all_layers(network) if each.name in earlier]
    if not any(each.weights for each in layers):
        raise UserError(
            "a latent stage freezes the layers before its own, of which one at least has weights",
            'a later layer, or latent_layer="" for the image',
            f"latent_layer={layer!r}",
        )
    for each in layers:
        each.trainable = False
