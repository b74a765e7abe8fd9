"""Trains the inner points of a curve of weights so that the loss stays low along it.

curve, loss = connect(first, second, image, label, degree=2, attack=PGD(...), folder=folder)
"""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fosc_tf import files, signs
from fosc_tf.analysis.bezier import Curve
from fosc_tf.analysis.weight_loss import BATCH_SIZE, put_back, trainable
from fosc_tf.attacks.attack import declared
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.data.order import index_batches, steps_per_epoch
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.number import whole
from fosc_tf.terms import cross_entropy
from fosc_tf.training.optimizer import made

FILE = "curve.npz"


class Connection(NamedTuple):
    """A trained `curve`, and the `loss` [steps] float32 in nats of each batch at its own t."""

    curve: Curve
    loss: np.ndarray


def connect(
    first: Any,
    second: Any,
    image: np.ndarray,
    label: np.ndarray,
    *,
    degree: int = 2,
    attack: Any = None,
    optimizer: Any = None,
    epochs: int = 30,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    folder: pathlib.Path | None = None,
    save_steps: int = 100,
) -> Connection:
    """Returns a Bezier curve from `first` to `second`, its inner points trained.

    Algorithm: each step draws t from U[0, 1] and descends the mean cross-entropy at B(t) of one
    batch, which is attacked at B(t). The gradient of theta_i is its coefficient times that of B(t),
    so a network that is given the weights B(t) is all that a step needs: `first`, whose variables
    are put back. Loss in training mode, without L2 terms; attacks see evaluation mode, batch norms
    the statistics of the clean batch at B(t). All random numbers follow from `seed` and step.

    Source: Liu 2022 (thesis), section 4.2.3, with degree 2 for MNIST and 4 for CIFAR-10.

    Args:
        first: Keras network at t = 0.
        second: at t = 1, of the same architecture.
        image: [n, height, width, channels] float32 in [0, 1], to train on.
        label: [n] int in 0..num_classes-1.
        degree: of the curve, at least 1; 1 has nothing to train.
        attack: of `fosc_tf.attacks`, or a function around one; None trains on clean images.
        optimizer: of Keras, or its name; one of equal settings is used. None is SGD with rate 0.1
            and momentum 0.9.
        epochs: over the images.
        seed: of t, the batches and the attack.
        batch_size: images in a step; the rest of an epoch is dropped.
        folder: where the state is kept in `FILE` every `save_steps` steps and at the end; a
            training that was killed goes on from there, to the bit. None keeps nothing.
        save_steps: steps between two savings.

    Raises:
        UserError: as `Curve.between`; images, labels or an attack that do not fit, a number out of
            its range, a folder with another curve or a damaged one, a loss that is not finite.
    """
    curve = Curve.between(first, second, degree)
    batch_size = whole("batch_size", batch_size, least=1)
    epochs, save_steps = whole("epochs", epochs, least=0), whole("save_steps", save_steps, least=1)
    seed = whole("seed", seed, least=0, below=2**63)
    image, label, _ = check_batch(first, (image, label))
    attack = None if attack is None else declared(attack)
    if attack is not None:
        attack.check(image.shape[1:])
    given = keras.optimizers.SGD(0.1, momentum=0.9) if optimizer is None else made(optimizer)
    optimizer = type(given).from_config(given.get_config())
    steps = steps_per_epoch(len(image), batch_size)
    if degree == 1:
        return Connection(curve, np.zeros(0, np.float32))
    made_of = {
        "degree": degree,
        "seed": seed,
        "batch_size": batch_size,
        "attack": None if attack is None else [type(attack).__name__, attack.parameters()],
        # Keras counts the names of a process.
        "optimizer": [type(optimizer).__name__, optimizer.get_config() | {"name": ""}],
        "networks": _digest([*first.get_weights(), *second.get_weights()]),
        "images": _digest([image.numpy(), label.numpy()]),
    }
    norms = [e for e in all_layers(first) if isinstance(e, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    with put_back(first.variables):
        try:
            for norm in norms:
                norm.momentum = 0.0  # statistics are those of the last batch
            training = _Training(first, curve, attack, optimizer, seed, bool(norms))
            file = None if folder is None else pathlib.Path(folder) / FILE
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                training.restore(file, made_of)
            if len(training.losses) > epochs * steps:
                raise UserError(
                    "a curve is not trained backwards",
                    f"epochs of at least {-(-len(training.losses) // steps)}, or another folder",
                    f"epochs={epochs}, after {len(training.losses)} steps in {file}",
                )
            done = len(training.losses)
            batches = index_batches(
                len(image),
                batch_size,
                seed=seed,
                start_epoch=done // steps,
                start_position=done % steps,
                epochs=epochs,
            )
            with signs.work("curve", total=epochs * steps) as at_work:
                at_work.advance(done)
                for _, _, index in batches:
                    training.step(tf.gather(image, index), tf.gather(label, index))
                    at_work.advance()
                    last = len(training.losses) == epochs * steps
                    if file is not None and (last or not len(training.losses) % save_steps):
                        training.save(file, made_of)
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
    return Connection(curve, np.array(training.losses, np.float32))


class _Training:
    def __init__(
        self, network: Any, curve: Curve, attack: Any, optimizer: Any, seed: int, norms: bool
    ) -> None:
        self.network, self.curve, self.attack, self.seed = network, curve, attack, seed
        self.optimizer, self.norms, self.losses = optimizer, norms, []
        self.controls = [each for point in curve.inner for each in point]
        optimizer.build(self.controls)
        moved = {id(each) for each in network.trainable_variables}
        others = [each for each in network.variables if id(each) not in moved]
        self.state = [*self.controls, *optimizer.variables, *others]
        self._compiled = tf.function(self._step, autograph=False)

    def step(self, image: tf.Tensor, label: tf.Tensor) -> None:
        loss = float(self._compiled(image, label, tf.constant(len(self.losses), tf.int64)))
        if not np.isfinite(loss):
            raise UserError(
                "the loss on a curve must stay finite",
                "networks with finite weights, a smaller learning rate",
                f"a loss of {loss} in step {len(self.losses)}",
            )
        self.losses.append(loss)

    def _step(self, image: tf.Tensor, label: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        pair = tf.stack([tf.constant(self.seed, tf.int64), step])
        # Folded: attacks draw from the pair itself.
        key = tf.random.fold_in(pair, tf.constant(1, tf.int64), alg="philox")
        t = tf.random.stateless_uniform([], key, dtype=tf.float64, alg="philox")
        self.curve.put(self.network, t)
        if self.attack is not None:
            if self.norms:
                self.network(image, training=True)
            found = self.attack(self.network, image, label, seed=pair[0], step=step)
            image = tf.stop_gradient(found.image)
        loss, slopes = loss_and_slopes(self.network, image, label)
        shares = self.curve.coefficients(t)
        gradients = [
            tf.cast(shares[place], slope.dtype) * slope
            for place in range(1, self.curve.degree)
            for slope in slopes
        ]
        self.optimizer.apply(gradients, self.controls)
        return loss

    def save(self, file: pathlib.Path, made_of: dict[str, Any]) -> None:
        content = io.BytesIO()
        arrays = {f"state_{i}": np.array(each) for i, each in enumerate(self.state)}
        np.savez(content, made_of=np.array(_text(made_of)), loss=np.array(self.losses), **arrays)
        files.write(file, content.getvalue())

    def restore(self, file: pathlib.Path, made_of: dict[str, Any]) -> None:
        if not file.exists():
            return
        try:
            with np.load(file, allow_pickle=False) as archive:
                kept = dict(archive)
            begun = json.loads(str(kept["made_of"]))
            values = [kept[f"state_{i}"] for i in range(len(self.state))] if begun else []
        except Exception as error:  # the reader has no common class for what damage makes it raise
            reason = f"{file}: {str(error).partition(chr(10))[0]}"
            raise UserError(
                "the file of a curve must be readable and of the same curve",
                "an undamaged file, or another folder",
                reason,
            ) from error
        now = json.loads(_text(made_of))
        other = [name for name in now if begun.get(name) != now[name]]
        if other:
            raise UserError(
                "a curve goes on as it was begun",
                "the same networks, images and settings, or another folder",
                f"{file}, begun with another {', '.join(other)}",
            )
        for variable, value in zip(self.state, values, strict=True):
            variable.assign(value)
        self.losses = kept["loss"].tolist()


def loss_and_slopes(
    network: Any, image: tf.Tensor, label: tf.Tensor
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Returns the mean cross-entropy in training mode and its gradient at each trainable weight."""
    weights = trainable(network)
    with tf.GradientTape() as tape:
        logits = network(image, training=True)
        if logits.dtype.size < tf.float32.size:
            logits = tf.cast(logits, tf.float32)
        loss = tf.reduce_mean(cross_entropy(logits, label))
    nothing = tf.UnconnectedGradients.ZERO
    slopes = tape.gradient(loss, weights, unconnected_gradients=nothing)
    return loss, [tf.convert_to_tensor(each) for each in slopes]


def _text(made_of: dict[str, Any]) -> str:
    return json.dumps(made_of, sort_keys=True, default=str)


def _digest(arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for each in arrays:
        digest.update(f"{each.dtype}{each.shape}".encode() + np.ascontiguousarray(each).tobytes())
    return digest.hexdigest()
