"""Dense layers and convolutions whose kernel is computed from other variables at every call.

class MaskedDense(Masked, ComputedDense): ...      # says what its kernel is; see `masked`
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.models.convolution import convolved
from fosc_tf.models.held import Holding


class ComputedKernel(Holding):
    """What both forms share: an activation, maybe a bias, and `kernel`, which a subclass says.

    Attributes:
        values: float32, the shape of the kernel, made by `add_variables`.
        kernel: float32, the weights at work.
        mask: float32 of that shape, 1.0 where a weight counts.
        kept: how many count.
        bias: float32 [outputs], with `use_bias`.

    Args:
        activation: of the output, as Keras' layers take it.
        use_bias: whether a bias is added before it.
        **arguments: Keras' of any layer.
    """

    own: tuple[str, ...] = ()
    """Arguments besides that an equal layer needs."""
    form: tuple[str, ...] = ()
    """Arguments that Keras' own layer of this form takes too."""

    def __init__(self, *, activation: Any = None, use_bias: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias

    def add_variables(self, shape: tuple[int, ...]) -> None:
        """Makes what the kernel of that shape is computed from."""
        raise NotImplementedError

    def apply_kernel(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the layer's output for a kernel, without bias and activation."""
        raise NotImplementedError

    def with_kernel(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the layer's output for a kernel, all in the layer's precision."""
        inputs = tf.cast(inputs, self.compute_dtype)
        outputs = self.apply_kernel(inputs, tf.cast(kernel, self.compute_dtype))
        if self.use_bias:
            outputs += tf.cast(tf.convert_to_tensor(self.bias), self.compute_dtype)
        return self.activation(outputs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the layer of the weights at work."""
        return self.with_kernel(inputs, self.kernel)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal layer."""
        config = {name: getattr(self, name) for name in (*self.form, *self.own, "use_bias")}
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), **config, "activation": activation}

    def _add(self, shape: tuple[int, ...]) -> None:
        self.add_variables(shape)
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=shape[-1:], initializer="zeros", dtype="float32"
            )
        self.built = True
        self.hold()


class ComputedDense(ComputedKernel):
    """A dense layer of a computed kernel.

    Args:
        units: of the output.
        **arguments: of `ComputedKernel`.
    """

    form = ("units",)
    plain_kind = keras.layers.Dense

    def __init__(self, units: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Makes the variables."""
        self._add((int(input_shape[-1]), self.units))

    def apply_kernel(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the product of the last axis with a kernel."""
        return tf.tensordot(inputs, kernel, 1)


class ComputedConv2D(ComputedKernel):
    """A convolution [batch, height, width, channels] of a computed kernel.

    Args:
        filters: channels that come out.
        kernel_size: height and width of the kernel.
        strides: steps of the kernel down and to the right.
        padding: "valid" or "same".
        dilation_rate: distances within the kernel.
        groups: groups of channels that do not see each other.
        **arguments: of `ComputedKernel`.
    """

    form = ("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups")
    plain_kind = keras.layers.Conv2D
    data_format = "channels_last"

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, int],
        *,
        strides: tuple[int, int] = (1, 1),
        padding: str = "valid",
        dilation_rate: tuple[int, int] = (1, 1),
        groups: int = 1,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.filters, self.padding, self.groups = filters, padding, groups
        self.kernel_size, self.strides = tuple(kernel_size), tuple(strides)
        self.dilation_rate = tuple(dilation_rate)

    def build(self, input_shape: Any) -> None:
        """Makes the variables."""
        self._add((*self.kernel_size, int(input_shape[-1]) // self.groups, self.filters))

    def apply_kernel(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the convolution with a kernel."""
        return convolved(inputs, kernel, self)
