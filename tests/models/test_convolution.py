"""A convolution with another kernel: Keras' own numbers, derived twice without a graph too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.models.convolution import convolved

IMAGE = tf.random.stateless_normal([2, 7, 6, 3], [0, 1])
OTHER = tf.random.stateless_normal([3, 2, 3, 4], [2, 3])
OPTIONS = [{"padding": "same"}, {"strides": 2}, {"dilation_rate": 2}]


def of(options):
    layer = keras.layers.Conv2D(4, (3, 2), use_bias=False, **options)
    layer.build(IMAGE.shape)
    return layer


@pytest.mark.parametrize("options", OPTIONS)
def test_it_is_the_layer_with_that_kernel(options):
    layer = of(options)
    found = convolved(IMAGE, OTHER, layer)
    layer.kernel.assign(OTHER)
    np.testing.assert_allclose(found, layer(IMAGE), atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("wrap", [tf.function, lambda function: function], ids=["graph", "eager"])
def test_it_can_be_derived_twice(options, wrap):
    """The gradient of a sum of squares of what is linear in both, derived for both."""
    layer = of(options)

    @wrap
    def second():
        with tf.GradientTape() as outer:
            outer.watch([IMAGE, OTHER])
            with tf.GradientTape() as inner:
                inner.watch(IMAGE)
                loss = tf.reduce_sum(convolved(IMAGE, OTHER, layer) ** 2) / 2
            value = tf.reduce_sum(inner.gradient(loss, IMAGE) * IMAGE)
        return loss, value, outer.gradient(value, [IMAGE, OTHER])

    loss, value, (for_image, for_kernel) = second()
    np.testing.assert_allclose(value, 2 * loss, rtol=1e-5)
    # Of degree two in each, by Euler: x . d/dx and k . d/dk are twice the value.
    np.testing.assert_allclose(tf.reduce_sum(for_image * IMAGE), 2 * value, rtol=1e-4)
    np.testing.assert_allclose(tf.reduce_sum(for_kernel * OTHER), 2 * value, rtol=1e-4)
