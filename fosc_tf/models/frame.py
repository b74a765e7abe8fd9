"""What all networks share: the image that comes in and the model around the layers.

frame = Frame(input_shape=(28, 28, 1), num_classes=10, mean=None, std=None, smallest_side=4)
x = frame.pixels
...
return frame.network("mnist_cnn", layers.logits(frame.num_classes)(x))
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.standardization import standardization
from fosc_tf.number import number


class Frame:
    """The checked outside of a network.

    Attributes:
        image: symbolic float32 [batch, height, width, channels] in [0, 1].
        pixels: what the first layer sees: the image, standardised where mean and std are given.
        num_classes: number of logits.

    Args:
        input_shape: (height, width, channels).
        num_classes: number of logits, at least 2.
        mean: one number per channel in [0, 1], or None for no standardisation.
        std: one number per channel in (0, 1], or None for no standardisation.
        smallest_side: the least height and width that the network's pools leave something of.

    Raises:
        UserError: one of the above does not hold.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_classes: int,
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
        smallest_side: int = 1,
    ) -> None:
        shape = _checked(input_shape, smallest_side)
        self.num_classes = number("num_classes", num_classes, "num_classes=10", least=2)
        self.image = keras.Input(shape, dtype="float32", name="image")
        self.pixels = self.image
        if mean is not None or std is not None:
            self.pixels = standardization(mean=mean, std=std, channels=shape[-1])(self.image)

    def network(self, name: str, logits: keras.KerasTensor) -> keras.Model:
        """Returns the model from the image to `logits` [batch, num_classes]."""
        return keras.Model(self.image, logits, name=name)


def _checked(input_shape: Sequence[int], smallest_side: int) -> tuple[int, int, int]:
    rule = (
        "input_shape must be (height, width, channels), three whole numbers, height and width "
        f">= {smallest_side}"
    )
    side = max(smallest_side, 32)
    right = f"input_shape=({side}, {side}, 3)"
    try:
        height, width, channels = input_shape
        return (
            number("height", height, right, least=smallest_side),
            number("width", width, right, least=smallest_side),
            number("channels", channels, right, least=1),
        )
    except (TypeError, ValueError) as error:
        raise UserError(rule, right, f"input_shape={input_shape!r}") from error
