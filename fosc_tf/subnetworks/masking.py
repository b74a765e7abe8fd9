"""A network whose weights stay as they are drawn, and of which training finds the part that counts.

subnetwork = masked(network, rate=0.99, gamma=0.1, weights="binary")
trainer = fosc_tf.AdversarialTrainer(subnetwork, defense)      # trains scores, by any defense
"""

from __future__ import annotations

import functools
import hashlib
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.models.masked import RANKS, Masked, MaskedConv2D, MaskedDense
from fosc_tf.number import flag, inside, whole
from fosc_tf.subnetworks.allocation import allocation

WEIGHTS = ("binary", "signed_kaiming", "own")
LAST_BATCH_NORM = "last_batch_norm"
_MASKABLE = {keras.layers.Dense: MaskedDense, keras.layers.Conv2D: MaskedConv2D}
_BATCH_NORMS = (keras.layers.BatchNormalization, FusedBatchNormalization)
FORMS = {
    MaskedDense: ("units",),
    MaskedConv2D: ("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups"),
}
"""What a masked layer has in common with Keras' own."""


def masked(
    network: keras.Model,
    rate: float = 0.99,
    gamma: float = 0.1,
    weights: str = "binary",
    seed: int = 0,
    last_batch_norm: bool = True,
    rank: str = "score",
    scores_scale: float | None = None,
) -> keras.Model:
    """Returns a network like `network` that trains scores instead of weights: edge-popup.

    Each Dense and Conv2D layer becomes a `MaskedDense` or `MaskedConv2D` of the same name, of
    which exactly as many weights count as `allocation` says, those of the best scores. Scores are
    its trainable variables; a straight-through gradient reaches them all. Biases go, and the
    affine parts of batch norms, which begin with fresh statistics. Penalties on the old weights
    go as well. Other layers are copied.

    Of "own" weights the first subnetwork is that of the largest weights of each layer.

    Source: Liu's thesis, section 5.1, algorithm 5.1 (adversarial edge-popup: this network with the
    defense "standard") and section 5.1.3 (binary weights and last batch norm); scores of own
    weights as HYDRA's (Sehwag et al. 2020).
    Departures: the fan-in of signed Kaiming weights, which the thesis calls the fan-out of the
    layer before, and its 1 - r, are those of the layer and of the whole network.

    Args:
        network: built, functional or sequential, also with such models within; it stays as it is.
        rate: share of all weights that goes, in [0, 1).
        gamma: in [0, 1]: at 1 each layer keeps the same share, at 0 the same number.
        weights: binary, -1 or 1 with equal chances; signed_kaiming, plus or minus
            sqrt(2 / (fan_in * (1 - rate))); own, those that `network` has.
        seed: whole number >= 0. Together with a layer's name it fixes its weights and scores.
        last_batch_norm: whether a batch norm without affine part stands on the logits; without it
            they grow with the weights.
        rank: score, the highest count (the thesis); magnitude, the ones farthest from 0 (the
            authors' code), which passes the gradient times the score's sign.
        scores_scale: a of scores uniform in [-a, a]; None is 0.01 for binary weights and
            sqrt(1 / fan_in) for signed_kaiming. Scores of own weights w begin at
            a * w / max |w|, in rank score of |w|; None is sqrt(6 / fan_in).

    Raises:
        UserError: a number out of its range; another network; a layer with weights of another
            kind; a layer that would keep no weight at all.
    """
    if weights not in WEIGHTS:
        raise unknown_name("kind of weights", weights, WEIGHTS)
    if rank not in RANKS:
        raise unknown_name("rank", rank, RANKS)
    seed = whole("seed", seed, least=0, below=2**63)
    last_batch_norm = flag("last_batch_norm", last_batch_norm)
    if scores_scale is not None:
        inside("scores_scale", scores_scale, "scores_scale=0.01", ends="()")
    layers = _maskable(network)
    kept = allocation([_size(layer) for layer in layers], rate, gamma)
    for layer, count in zip(layers, kept, strict=True):
        if not count:
            raise UserError(
                "each layer must keep a weight: through one without any no image is seen",
                "a smaller rate or gamma",
                f"0 of {_size(layer)} weights in layer {layer.name!r} at rate={rate}, "
                f"gamma={gamma}",
            )
    counts = {id(layer): count for layer, count in zip(layers, kept, strict=True)}
    copies: list[tuple[Any, Any]] = []

    def copied(layer: Any) -> Any:
        copy = _copied(layer, counts.get(id(layer)), rank)
        copies.append((layer, copy))
        return copy

    found = keras.models.clone_model(network, clone_function=copied, recursive=True)
    if last_batch_norm:
        found = _with_last_batch_norm(found, copies)
    for layer, copy in copies:
        if isinstance(copy, Masked):
            _draw(layer, copy, rate, weights, seed, scores_scale)
        elif not isinstance(copy, _BATCH_NORMS) and layer.weights:
            copy.set_weights(layer.get_weights())
    return found


def masked_layers(network: keras.Model) -> list[Masked]:
    """Returns the masked layers of a network, those of models within it too, in order.

    Raises:
        UserError: it has none.
    """
    found = [layer for layer in all_layers(network) if isinstance(layer, Masked)]
    if not found:
        raise UserError(
            "the network must be masked: one whose scores are trained",
            "fosc_tf.subnetworks.masked(network)",
            f"{getattr(network, 'name', network)!r}, which has no masked layer",
        )
    return found


def _maskable(network: Any) -> list[Any]:
    rule = "a masked network is made of a network that says what it calls"
    right = "a built functional or sequential Keras model of Dense and Conv2D layers"
    if not isinstance(network, keras.Model) or not network.built:
        raise UserError(rule, right, f"{type(network).__name__}, which is not one")
    found = []
    for layer in all_layers(network):
        if isinstance(layer, keras.Model):
            if not getattr(layer, "inputs", None) or type(layer).call not in _calls():
                raise UserError(rule, right, f"{layer.name!r}, a {type(layer).__name__}")
        elif type(layer) in _MASKABLE:
            if getattr(layer, "data_format", "channels_last") != "channels_last":
                raise UserError(rule, "data_format='channels_last'", f"layer {layer.name!r}")
            found.append(layer)
        elif layer.trainable_weights and type(layer) not in _BATCH_NORMS:
            raise UserError(
                "every layer with weights must be of a kind that can be masked",
                "Dense, Conv2D and BatchNormalization",
                f"layer {layer.name!r}, a {type(layer).__name__}",
            )
    if not found:
        raise UserError(rule, right, f"{network.name!r}, in which there is neither")
    return found


@functools.cache
def _calls() -> tuple[Any, ...]:
    """Returns the calls of models that say what they call; asked late, for it wakes TensorFlow."""
    image = keras.Input((1,))
    functional = type(keras.Model(image, keras.layers.Identity()(image)))
    return keras.Sequential.call, functional.call


def _size(layer: Any) -> int:
    return math.prod(layer.kernel.shape)


def _copied(layer: Any, kept: int | None, rank: str) -> Any:
    if kept is not None:
        kind = _MASKABLE[type(layer)]
        config = layer.get_config()
        alike = {name: config[name] for name in (*FORMS[kind], "name", "dtype", "activation")}
        return kind(kept=kept, rank=rank, **alike)
    if isinstance(layer, _BATCH_NORMS):
        config = layer.get_config() | {"center": False, "scale": False}
        return FusedBatchNormalization.from_config(config)
    return type(layer).from_config(layer.get_config())


def _with_last_batch_norm(network: keras.Model, copies: list[tuple[Any, Any]]) -> keras.Model:
    logits = network.outputs[0]
    if len(network.outputs) > 1 or len(logits.shape) != 2:
        raise UserError(
            "a last batch norm stands on logits",
            "a network with one output [batch, classes], or last_batch_norm=False",
            f"outputs of shape {[tuple(each.shape) for each in network.outputs]}",
        )
    momenta = [copy.momentum for _, copy in copies if isinstance(copy, _BATCH_NORMS)]
    norm = FusedBatchNormalization(
        center=False,
        scale=False,
        momentum=momenta[-1] if momenta else 0.9,
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1,
        dtype="float32",
        name=LAST_BATCH_NORM,
    )
    return keras.Model(network.inputs[0], norm(logits), name=network.name)


def _draw(
    layer: Any, copy: Masked, rate: float, weights: str, seed: int, scale: float | None
) -> None:
    """Gives a masked layer its weights and first scores."""
    digest = hashlib.sha256(f"{seed}/{layer.name}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    shape = tuple(copy.values.shape)
    fan_in = math.prod(shape[:-1])
    if weights == "own":
        values = np.asarray(layer.kernel)
        largest = np.abs(values).max() or 1.0
        scores = values * ((scale or math.sqrt(6.0 / fan_in)) / largest)
        scores = np.abs(scores) if copy.rank == "score" else scores
    else:
        binary = weights == "binary"
        size = 1.0 if binary else math.sqrt(2.0 / (fan_in * (1.0 - rate)))
        values = np.where(random.integers(2, size=shape), size, -size)
        most = scale or (0.01 if binary else math.sqrt(1.0 / fan_in))
        scores = random.uniform(-most, most, shape)
    copy.values.assign(values.astype(np.float32))
    copy.scores.assign(scores.astype(np.float32))
