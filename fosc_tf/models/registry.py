"""The networks that configs select by name; each architecture's file adds its own.

@register("tiny", smallest_side=4)
def tiny(make, x, *, width=1): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.frame import framed
from fosc_tf.registry import Registry

_MODELS = Registry("model")
names = _MODELS.names
factory = _MODELS.factory


def register(name: str, **frame: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator that files a network under `name`, which must be free.

    It takes a function of either form:

    * `(make, x, *, ...)` from a maker of seeded layers (`fosc_tf.models.layers.Layers`) and the
      pixels [batch, height, width, channels] to features [batch, n]; the logits are put on top;
    * `(input_shape, num_classes, ...)` to a `keras.Model`, told by its parameter `input_shape`.
      What `get` is given goes to it as it is; a run also gives it `seed`.

    Args:
        name: what configs and `get` call it.
        **frame: for the first form, see `fosc_tf.models.frame.framed`.

    Raises:
        UserError: a name that is taken; a frame for a function that builds the whole network.
    """

    def file(function: Callable[..., Any]) -> Callable[..., Any]:
        whole = "input_shape" in inspect.signature(function).parameters
        if whole and frame:
            raise UserError(
                "a function of input_shape builds its network without a frame",
                f'register("{name}")',
                f"{', '.join(frame)} for model {name}",
            )
        _MODELS.register(name)(function if whole else framed(name, function, **frame))
        return function

    return file


def get(
    name: str, *, input_shape: Sequence[int], num_classes: int, **arguments: Any
) -> keras.Model:
    """Builds the network called `name` with fresh weights.

    Args:
        name: one of `names()`.
        input_shape: (height, width, channels) of one image.
        num_classes: number of logits, at least 2.
        **arguments: the architecture's own, see its docstring, and those that all of ours take:
            `mean` and `std`, one number per channel in pixel units, [0, 1] and (0, 1]: when given,
            the network standardises its own input; `seed`, a whole number >= 0, which alone fixes
            the weights; with batch normalisation also `batch_norm_momentum`, the share of the old
            moving statistics that a training step keeps, in [0, 1), 0.99 unless given.

    Returns:
        A functional model from float32 [batch, height, width, channels] in [0, 1] to float32
        logits [batch, num_classes], also under mixed precision.

    Raises:
        UserError: an unknown name or argument, or a value that the architecture cannot take.
    """
    return _MODELS.get(name, input_shape=input_shape, num_classes=num_classes, **arguments)
