"""Networks like another, of whose dense layers and convolutions some other layers take the place.

layers = replaceable(network)
copy = in_place_of(layers[0], MaskedConv2D, {"kept": 10})
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.models.computed_kernel import ComputedKernel

LAST_BATCH_NORM = "last_batch_norm"
_KINDS = (keras.layers.Dense, keras.layers.Conv2D)
_BATCH_NORMS = (keras.layers.BatchNormalization, FusedBatchNormalization)


def replaceable(network: Any) -> list[Any]:
    """Returns the Dense and Conv2D layers of a network, those of models within it too, in order.

    Raises:
        UserError: it has none, has other layers with weights, or does not say what it calls.
    """
    rule = "layers are replaced in a network that says what it calls"
    right = "a built functional or sequential Keras model of Dense and Conv2D layers"
    if not isinstance(network, keras.Model) or not network.built:
        raise UserError(rule, right, f"{type(network).__name__}, which is not one")
    found = []
    for layer in all_layers(network):
        if isinstance(layer, keras.Model):
            if not getattr(layer, "inputs", None) or type(layer).call not in _calls():
                raise UserError(rule, right, f"{layer.name!r}, a {type(layer).__name__}")
        elif type(layer) in _KINDS:
            if getattr(layer, "data_format", "channels_last") != "channels_last":
                raise UserError(rule, "data_format='channels_last'", f"layer {layer.name!r}")
            found.append(layer)
        elif layer.trainable_weights and type(layer) not in _BATCH_NORMS:
            raise UserError(
                "every layer with weights must be of a kind that can be replaced",
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


def is_batch_norm(layer: Any) -> bool:
    """Returns whether a layer is a batch norm of Keras or of `fosc_tf.models`."""
    return isinstance(layer, _BATCH_NORMS)


def in_place_of(layer: Any, kind: type[ComputedKernel], given: dict[str, Any]) -> ComputedKernel:
    """Returns a layer of that kind and of these arguments, of the form and name of `layer`."""
    config = layer.get_config()
    alike = {name: config[name] for name in (*kind.form, "name", "dtype", "activation")}
    return kind(**alike, **given)


def cloned(
    network: keras.Model, copied: Callable[[Any], Any]
) -> tuple[keras.Model, list[tuple[Any, Any]]]:
    """Returns a network like another with `copied(layer)` for each layer, and all (layer, copy).

    Weights are as the copies have them; models within the network are gone through too.
    """
    pairs: list[tuple[Any, Any]] = []

    def noted(layer: Any) -> Any:
        copy = copied(layer)
        pairs.append((layer, copy))
        return copy

    return keras.models.clone_model(network, clone_function=noted, recursive=True), pairs


def again(layer: Any, *, affine: bool = True, held: bool = False) -> Any:
    """Returns a fresh layer of the same arguments.

    Args:
        layer: of any kind.
        affine: whether a batch norm keeps its scale and offset, if it has them.
        held: whether they are held.
    """
    config = layer.get_config()
    if not is_batch_norm(layer):
        return type(layer).from_config(config)
    config |= {"affine_held": held} if affine else {"center": False, "scale": False}
    return FusedBatchNormalization.from_config(config)


def with_last_batch_norm(network: keras.Model) -> keras.Model:
    """Returns the network with a batch norm without affine part on its logits, if it has none.

    Raises:
        UserError: the network has no logits, one output [batch, classes].
    """
    if network.layers[-1].name == LAST_BATCH_NORM:
        return network
    logits = network.outputs[0]
    if len(network.outputs) > 1 or len(logits.shape) != 2:
        raise UserError(
            "a last batch norm stands on logits",
            "a network with one output [batch, classes], or last_batch_norm=False",
            f"outputs of shape {[tuple(each.shape) for each in network.outputs]}",
        )
    momenta = [layer.momentum for layer in all_layers(network) if is_batch_norm(layer)]
    norm = FusedBatchNormalization(
        center=False,
        scale=False,
        momentum=momenta[-1] if momenta else 0.9,
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1,
        dtype="float32",
        name=LAST_BATCH_NORM,
    )
    return keras.Model(network.inputs[0], norm(logits), name=network.name)
