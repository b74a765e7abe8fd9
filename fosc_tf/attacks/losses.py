"""What an attack ascends: per-example losses of logits and a target, by name.

loss = get("cross_entropy")
loss(logits, label)      # [batch]

The target is the label [batch], or for some losses a distribution [batch, classes].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.probe import probe_images
from fosc_tf.readable import amount
from fosc_tf.registry import Registry
from fosc_tf.terms import cross_entropy

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
LOSSES = Registry("attack loss", ("logits", "target"))
_FAR = 100.0
register, names = LOSSES.register, LOSSES.names


def get(loss: str | Loss) -> Loss:
    """Returns the loss of that name, or `loss` itself.

    Raises:
        UserError: an unknown name, a function of something else, a loss of Keras, which takes the
            labels first and returns one number for all.
    """
    if (getattr(loss, "__module__", None) or "").partition(".")[0] == "keras":
        raise UserError(
            "the attack loss must take logits and target, and return a number for each example",
            '"cross_entropy", or a function around a loss of Keras: lambda logits, target: '
            "keras.losses.sparse_categorical_crossentropy(target, logits, from_logits=True)",
            f"{getattr(loss, '__name__', type(loss).__name__)} of Keras, which takes the labels "
            "first",
        )
    return LOSSES.find(loss)


def margin(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns max_{j != y} z_j - z_y, [batch]: positive where the example is misclassified."""
    classes = tf.shape(logits)[1]
    own = tf.one_hot(label, classes, on_value=True, off_value=False)
    true = tf.reduce_sum(tf.where(own, logits, 0.0), axis=1)
    other = tf.reduce_max(tf.where(own, logits.dtype.min, logits), axis=1)
    return other - true


@register("cw")
def carlini_wagner(kappa: float = 50.0) -> Loss:
    """Returns the loss -relu(z_y - max_{j != y} z_j + kappa) of C&W-linf.

    Source: Madry et al.'s challenge attack as used by Wang et al. 2019, section 5.1. The true
    logit is masked out of the maximum; kappa keeps a gradient after misclassification.
    """
    kappa = number("kappa", kappa, "kappa=50.0")

    def loss(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        return -tf.nn.relu(kappa - margin(logits, label))

    loss.__name__ = f"cw_{kappa:g}"
    return loss


def kl_divergence(logits: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns KL(target || softmax(logits)) in nats, [batch].

    Source: the inner maximisation of TRADES (Zhang et al. 2019, equation 5), whose target are the
    probabilities at the clean image.

    Args:
        logits: [batch, classes].
        target: [batch, classes], probabilities.
    """
    return cross_entropy(logits, target) + tf.reduce_sum(tf.math.xlogy(target, target), axis=1)


def dlr(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns the difference of logits ratio, [batch], positive where misclassified.

    -(z_y - max_{j != y} z_j) / (z_(1) - z_(3)), with z_(1) >= z_(2) >= ... the sorted logits: it
    does not change when logits are scaled or shifted. From -1 to 0 where the label is the largest,
    without an upper end elsewhere; 0 where the three largest are equal.
    Source: Croce and Hein 2020 (AutoAttack), equation 6.

    Args:
        logits: [batch, num_classes >= 3].
        label: [batch] int.

    Raises:
        UserError: fewer than 3 classes, of which there is no third largest logit.
    """
    _check_classes(logits, 3, "dlr")
    top = tf.math.top_k(logits, 3).values
    return tf.math.divide_no_nan(margin(logits, label), top[:, 0] - top[:, 2])


def targeted_dlr(logits: tf.Tensor, label: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns the difference of logits ratio towards one class, [batch].

    -(z_y - z_t) / (z_(1) - (z_(3) + z_(4)) / 2). With fewer than 4 classes it is not defined; with
    4 or more its scale cannot vanish while z_t is not the second largest logit.
    Source: Croce and Hein 2020 (AutoAttack), equation 7.

    Args:
        logits: [batch, num_classes >= 4].
        label: [batch] int, y.
        target: [batch] int, t != y.

    Raises:
        UserError: fewer than 4 classes.
    """
    _check_classes(logits, 4, "targeted dlr")
    top = tf.math.top_k(logits, 4).values
    ahead = tf.gather(logits, target, batch_dims=1) - tf.gather(logits, label, batch_dims=1)
    return tf.math.divide_no_nan(ahead, top[:, 0] - (top[:, 2] + top[:, 3]) / 2.0)


for _loss in (cross_entropy, margin, kl_divergence, dlr):
    register(_loss.__name__)(lambda loss=_loss: loss)


def _check_classes(logits: tf.Tensor, least: int, name: str) -> None:
    if logits.shape[1] is not None and logits.shape[1] < least:
        raise UserError(
            f"the loss {name} needs at least {least} classes",
            "cross_entropy or margin, which work with 2",
            f"{logits.shape[1]} classes",
        )


def check_logits(network: Any, image: tf.Tensor, *, probabilities: bool = False) -> int:
    """Returns how many logits `network` gives.

    Args:
        network: asked on `image` and, where its outputs look like probabilities, on noise.
        image: [batch, ...] in [0, 1]; two are enough.
        probabilities: lets these pass.

    Raises:
        UserError: outputs that are no logits [batch, classes], or an input of whole numbers.
    """
    if isinstance(network, type) or not callable(network):
        raise UserError(
            "the network must be one that can be called: images to logits",
            "a keras.Model, or fosc_tf.export.load(path)",
            repr(network),
        )
    takes = [each.dtype for each in getattr(network, "inputs", None) or []]
    if not all(tf.as_dtype(dtype).is_floating for dtype in takes):
        raise UserError(
            "the network must take floating images in [0, 1]",
            "keras.Input(shape), and a keras.layers.Rescaling(255.0) where layers want 0..255",
            f"an input of {', '.join(map(str, takes))}",
        )
    output = network(image, training=False)
    if isinstance(output, list | tuple | dict):
        named = output if isinstance(output, dict) else dict(enumerate(output))
        raise UserError(
            "the network must return logits and nothing else",
            f"keras.Model(network.inputs, network.output[{next(iter(named), 0)!r}])",
            f"{amount(len(named), 'output')} in a {type(output).__name__}: "
            + ", ".join(f"{name} {list(np.shape(each))}" for name, each in named.items()),
        )
    logits = tf.convert_to_tensor(output)
    if logits.shape.rank != 2 or logits.shape[1] < 2:
        raise UserError(
            "the network must return logits of shape [batch, num_classes]",
            "a last layer keras.layers.Dense(num_classes)",
            f"an output of shape {tuple(logits.shape)}",
        )
    if not probabilities and are_probabilities(network, image):
        raise UserError(
            "the network must return logits, not probabilities: softmax and sigmoid hide gradients",
            "the same network without its softmax or sigmoid",
            "outputs that stay in [0, 1] wherever it is asked",
        )
    return int(logits.shape[1])


def are_probabilities(network: Any, image: tf.Tensor) -> bool:
    """Returns whether `network` returns what lies in [0, 1] after a softmax or a sigmoid.

    Logits may lie there by chance, of an untrained network, say; but hardly for pixels that are
    far outside of [0, 1] too.

    Args:
        network: asked on `image`, and on noise if its outputs are in [0, 1] there.
        image: [batch, ...] in [0, 1].
    """

    def output(image: Any) -> np.ndarray:
        return np.asarray(tf.cast(network(image, training=False), tf.float32))

    here, noise = output(image), _FAR * probe_images(image.shape[1:])
    if not (np.all(here >= 0) and np.all(here <= 1)):
        return False
    # What overflows there is not a number, and tells nothing.
    return not any(np.any((far < 0) | (far > 1)) for far in map(output, (noise, -noise)))
