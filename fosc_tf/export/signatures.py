"""What can be asked of an exported network, by name: logits, probabilities, gradients, proofs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.attacks.slope import slope
from fosc_tf.bounds.methods import Asked
from fosc_tf.bounds.program import read
from fosc_tf.bounds.rounding import slack
from fosc_tf.errors import UserError
from fosc_tf.terms import cross_entropy

SIGNATURES = {
    "serving_default": (("image",), ("logits",)),
    "probabilities": (("image",), ("probabilities",)),
    "loss_and_input_gradient": (("image", "label"), ("gradient", "loss")),
}
"""What each endpoint takes and returns, by name."""
PROOF = {"certified_margin": (("epsilon", "image", "label"), ("certified", "margins"))}
"""The same of what only networks have whose layers are known to `fosc_tf.bounds`."""


def endpoints_of(network: keras.Model, shape: tuple) -> dict[str, Callable]:
    """Returns the compiled functions behind the signatures, in evaluation mode."""
    image = tf.TensorSpec(shape, tf.float32, name="image")
    label = tf.TensorSpec([None], tf.int32, name="label")

    def logits_of(image: tf.Tensor) -> tf.Tensor:
        # [batch, h, w, c] -> [batch, classes]
        return tf.cast(network(image, training=False), tf.float32)

    def serving_default(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": logits_of(image)}

    def probabilities(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.nn.softmax(logits_of(image))}

    def loss_and_input_gradient(image: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        found = slope(network, image, lambda logits: cross_entropy(logits, label))
        return {"loss": found.loss, "gradient": found.gradient}

    def certified_margin(
        epsilon: tf.Tensor, image: tf.Tensor, label: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        margins = Asked("ibp").margins(network, image, label, epsilon)
        own = tf.one_hot(label, tf.shape(margins)[1]) > 0
        certified = tf.reduce_all(own | (margins > slack(margins)), axis=1)
        return {"margins": margins, "certified": certified}

    functions = [serving_default, probabilities, loss_and_input_gradient]
    if _can_be_bounded(network):
        functions.append(certified_margin)
    taken = {
        "image": image,
        "label": label,
        "epsilon": tf.TensorSpec([], tf.float32, name="epsilon"),
    }
    return {
        # Concrete: TensorFlow would warn of retracing where a run saves several times.
        function.__name__: tf.function(function, autograph=False).get_concrete_function(
            *(taken[name] for name in (SIGNATURES | PROOF)[function.__name__][0])
        )
        for function in functions
    }


def _can_be_bounded(network: Any) -> bool:
    try:
        read(network)
    except UserError:
        return False
    return True


def functions_of(endpoints: dict[str, Callable]) -> dict[str, Callable]:
    """Returns what the loaded module is called by, for those who know no signatures."""
    image = tf.TensorSpec(endpoints["serving_default"].inputs[0].shape, tf.float32, name="image")

    def logits(image: tf.Tensor) -> tf.Tensor:
        return endpoints["serving_default"](image=image)["logits"]

    def loss_and_input_gradient(image: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        label = tf.cast(label, tf.int32)
        return endpoints["loss_and_input_gradient"](image=image, label=label)

    called = tf.function(logits, autograph=False)
    called.get_concrete_function(image)
    gradient = tf.function(loss_and_input_gradient, autograph=False)
    for dtype in (tf.int32, tf.int64):
        gradient.get_concrete_function(image, tf.TensorSpec([None], dtype, name="label"))
    return {"__call__": called, "loss_and_input_gradient": gradient}


def in_words(signatures: dict[str, tuple]) -> str:
    return ", ".join(
        f"{name}({', '.join(inputs)}) -> {', '.join(outputs)}"
        for name, (inputs, outputs) in signatures.items()
    )
