"""What all networks share: the checked image, its standardisation, the seed, and the logits.

network = framed("tiny", lambda make, x: keras.layers.Flatten()(x))
model = network(input_shape=(28, 28, 1), num_classes=10, seed=3)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.layers import Layers
from fosc_tf.models.standardization import standardization
from fosc_tf.number import number


def framed(
    name: str,
    features: Callable[..., keras.KerasTensor],
    *,
    smallest_side: int = 1,
    convolution_init: type[keras.initializers.Initializer] = keras.initializers.GlorotUniform,
    batch_norm: bool = True,
) -> Callable[..., keras.Model]:
    """Returns the function that builds the model `name`; its arguments are those of `models.get`.

    Args:
        name: of the model.
        features: from a `Layers`, the pixels (standardised where mean and std are given) and
            keyword-only arguments of its own to features [batch, n].
        smallest_side: the least height and width that its pools leave something of.
        convolution_init: class of its convolutions' initializers.
        batch_norm: whether it has any, and so takes `batch_norm_momentum`.
    """

    def network(
        *,
        input_shape: Sequence[int],
        num_classes: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        seed: int = 0,
        batch_norm_momentum: float = 0.99,
        **own: Any,
    ) -> keras.Model:
        shape = _checked(input_shape, smallest_side)
        num_classes = number("num_classes", num_classes, "num_classes=10", least=2)
        make = Layers(
            seed=seed, convolution_init=convolution_init, batch_norm_momentum=batch_norm_momentum
        )
        image = x = keras.Input(shape, dtype="float32", name="image")
        if mean is not None or std is not None:
            x = standardization(mean=mean, std=std, channels=shape[-1])(image)
        logits = make.logits(num_classes)(features(make, x, **own))
        return keras.Model(image, logits, name=name)

    # The registry refuses what is not among these.
    *common, momentum, _ = inspect.signature(network).parameters.values()
    own = [p for p in inspect.signature(features).parameters.values() if p.kind is p.KEYWORD_ONLY]
    known = [*common, *([momentum] if batch_norm else []), *own]
    network.__signature__ = inspect.Signature(known, return_annotation=keras.Model)
    network.__wrapped__ = features
    return network


def _checked(input_shape: Sequence[int], smallest_side: int) -> tuple[int, ...]:
    try:
        sizes = zip(input_shape, (smallest_side, smallest_side, 1), strict=True)
        return tuple(number("input_shape", size, "", least=least) for size, least in sizes)
    except (TypeError, ValueError) as error:
        side = max(smallest_side, 32)
        raise UserError(
            "input_shape must be (height, width, channels), three whole numbers, height and width "
            f">= {smallest_side}",
            f"input_shape=({side}, {side}, 3)",
            f"input_shape={input_shape!r}",
        ) from error
