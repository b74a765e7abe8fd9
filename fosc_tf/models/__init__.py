"""Networks by name: Keras models from images in [0, 1] to logits.

    from fosc_tf import models
    network = models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)
    logits = network(image, training=False)      # [batch, 28, 28, 1] -> [batch, 10]

A new architecture is one function, here in a file of its own and its import below, or anywhere:

    @models.register("tiny", smallest_side=2)    # takes config.model.name=tiny, width, mean, seed
    def tiny(make, x, *, width=8):
        x = keras.layers.ReLU(name="relu")(make.conv(width, name="conv")(x))
        return keras.layers.GlobalMaxPooling2D(name="pool")(x)      # the logits come on top

    @models.register("of_others")                # or the whole network, as it comes
    def of_others(input_shape, num_classes, **arguments):
        return keras.applications.ResNet50(
            weights=None, input_shape=input_shape, classes=num_classes, classifier_activation=None
        )
"""

from fosc_tf.models import (  # noqa: F401  (importing an architecture registers it)
    cifar_cnn,
    cnn7,
    digits_cnn,
    digits_mlp,
    dm,
    fc1,
    lenet,
    mnist_cnn,
    mnist_small,
    preact_resnet,
    resnet34,
    resnet50,
    table_f,
    wide_resnet,
)
from fosc_tf.models.interval_weights import initialize
from fosc_tf.models.mean_probability import ensemble
from fosc_tf.models.registry import factory, get, names, register

__all__ = ["ensemble", "factory", "get", "initialize", "names", "register"]
