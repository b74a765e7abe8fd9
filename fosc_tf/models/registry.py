"""The networks that configs select by name; each architecture's file adds its own.

from fosc_tf.models.registry import models

@models.register("mnist_cnn")
def mnist_cnn(*, input_shape, num_classes): ...
"""

from __future__ import annotations

from fosc_tf.registry import Registry

models = Registry("model")
