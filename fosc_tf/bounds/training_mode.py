"""A network as it is while it trains: its batch norms have the statistics of the clean batch.

program, logits = training_mode(network, image)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from fosc_tf.bounds.layer_rules import BatchNormalized
from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import Program, Step, read
from fosc_tf.errors import UserError


def training_mode(network: Any, image: tf.Tensor) -> tuple[Program, tf.Tensor]:
    """Returns what the network does to any image near this batch, and the logits of the batch.

    Every batch norm normalises by the mean and the biased variance of this batch, through which
    gradients pass, and moves its running statistics once. Whatever is asked of the program then,
    bounds or answers, moves nothing. Layers that are random in training do nothing here.

    Source: Shi et al. 2021, whose bounds have the statistics of the clean images.

    Args:
        network: a functional or sequential Keras model of images to logits.
        image: [batch, height, width, channels] float32, clean.

    Raises:
        UserError: see `program.read`.
    """
    program = read(network)
    values, steps = [image], []
    for step in program.steps:
        primitive, inputs = step.primitive, [values[each] for each in step.inputs]
        if isinstance(primitive, BatchNormalized):
            value, primitive = primitive.of_batch(*inputs)
        else:
            value = _done(step, inputs)
        steps.append(step._replace(primitive=primitive))
        values.append(value)
    return program._replace(steps=steps), values[program.result]


def answer(program: Program, value: tf.Tensor, first: int = 0) -> tf.Tensor:
    """Returns the logits that follow from a value, [batch, classes].

    Args:
        program: the network.
        value: [batch, ...], the image or what step `first` returns.
        first: the number of that value. Whatever follows it must depend on no earlier one.
    """
    values = {first: value}
    for number, step in enumerate(program.steps[first:], start=first + 1):
        values[number] = _done(step, [values[each] for each in step.inputs])
    return values[program.result]


def cut_at(network: Any, layer: str) -> int:
    """Returns the number of the value that a layer reads, through which all of the image passes.

    Args:
        network: a functional or sequential Keras model of images to logits.
        layer: name of one of its layers.

    Raises:
        UserError: no such layer, or one that another way leads around.
    """
    program = read(network)
    names = [step.name for step in program.steps]
    if layer not in names:
        raise UserError(
            "a latent stage begins at a layer of the network",
            "one of " + ", ".join(dict.fromkeys(names)),
            f"latent_layer={layer!r}",
        )
    at = names.index(layer)
    (value, *others) = program.steps[at].inputs
    later = [each for step in program.steps[at:] for each in step.inputs if each < value]
    if others or later or value != at:
        raise UserError(
            "a latent stage needs a layer through which all of the image passes",
            "a layer that is in no branch of a residual block",
            f"latent_layer={layer!r}",
        )
    return value


def _done(step: Step, inputs: list[tf.Tensor]) -> tf.Tensor:
    if isinstance(step.primitive, Affine):
        return step.primitive.forward(*inputs)
    return step.primitive.interval(inputs[0], inputs[0])[0]
