"""What the network says about images, and how its logits move with them.

logits(network, image)                                       # [batch, classes]
slope(network, image, lambda logits: margin(logits, label))  # logits, loss and its gradient

`passes` > 1 averages over as many calls: Expectation over Transformation for networks whose
answers are random (Athalye et al. 2018, section 3.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import slope as one
from fosc_tf.attacks.slope import Slope


def logits(network: Any, image: tf.Tensor, passes: int = 1) -> tf.Tensor:
    """Returns the network's logits [batch, classes] float32, the mean over `passes` calls."""

    def once() -> tf.Tensor:
        return tf.cast(network(image, training=False), tf.float32)

    return _mean(once, passes)


def slope(
    network: Any, image: tf.Tensor, loss: Callable[[tf.Tensor], tf.Tensor], passes: int = 1
) -> Slope:
    """Returns logits, loss and gradient at `image`, each the mean over `passes` calls.

    Args:
        network: maps images to logits; its weights are not watched.
        image: [batch, ...] float32.
        loss: of logits [batch, classes] to [batch].
        passes: how often the network is asked.

    Raises:
        UserError: the logits do not depend on the images in a differentiable way.
    """
    # A graph function of its own, as in the climb of `PGD`: never merged into the search's loop.
    once = tf.function(
        lambda image: one.slope(network, image, loss),
        autograph=False,
        input_signature=[tf.TensorSpec([None, *image.shape[1:]], tf.float32)],
        experimental_attributes={"_noinline": True},
    ).get_concrete_function()

    def here() -> Slope:
        found = once(image)
        # Outside the function the number of examples may be known.
        found.gradient.set_shape(image.shape)
        return found

    return _mean(here, passes)


def _mean(once: Callable[[], Any], passes: int) -> Any:
    if passes == 1:
        return once()
    total = once()
    _, total = tf.while_loop(
        lambda done, _: done < passes,
        lambda done, total: (done + 1, tf.nest.map_structure(tf.add, total, once())),
        (1, total),
        parallel_iterations=1,
    )
    return tf.nest.map_structure(lambda sums: sums / passes, total)
