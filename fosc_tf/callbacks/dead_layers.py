"""Finds layers of ReLUs that have died, and networks that say the same of every image.

trainer.fit(dataset, callbacks=[DeadLayers(network, held_out_images)])
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from fosc_tf.errors import UserError
from fosc_tf.models.graph import Node, walk

_BATCH = 256
_ULPS = 16 * np.finfo(np.float32).eps
"""What equal logits may differ by, relative to the largest, as batches of other sizes round."""


class Found(NamedTuple):
    """What `dead_layers` finds.

    Attributes:
        dead: names of the layers whose ReLUs all are 0 for all images, in the network's order;
            within a nested model "NESTED/LAYER".
        constant: whether all images have the same logits, within float32, and the same class.
    """

    dead: tuple[str, ...]
    constant: bool


def dead_layers(network: keras.Model, image: np.ndarray) -> Found:
    """Returns which layers of ReLUs are dead, and whether the network is a constant classifier.

    A ReLU is seen as a layer of its own, as the activation of a layer, and within functional and
    sequential models of images that it nests. Of a class of its own only the logits are seen.

    Args:
        network: image to logits.
        image: [n, h, w, c] in [0, 1], n at least 2.
    """
    return _Look(network).at(image)


class _Look:
    """Looks at one network, compiled once."""

    def __init__(self, network: keras.Model) -> None:
        self._network = network
        self._names: list[str] = []
        self._compiled = tf.function(self._parts, autograph=False, reduce_retracing=True)

    def _parts(self, image: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        alive: list[tuple[str, tf.Tensor]] = []
        logits = _run(self._network, image, alive)
        self._names = [name for name, _ in alive]
        return [each for _, each in alive], tf.cast(logits, tf.float32)

    def at(self, image: np.ndarray) -> Found:
        batches = [image[at : at + _BATCH] for at in range(0, len(image), _BATCH)]
        parts = [self._compiled(tf.constant(each)) for each in batches]
        logits = np.concatenate([logits.numpy() for _, logits in parts])
        known = dict.fromkeys(self._names, False)
        for alive, _ in parts:  # a layer that is called twice lives if one of its calls does
            for name, each in zip(self._names, alive, strict=True):
                known[name] |= bool(each)
        spread, size = np.ptp(logits, axis=0).max(), np.abs(logits).max()
        one_class = len(np.unique(logits.argmax(axis=1))) == 1
        dead = tuple(name for name, each in known.items() if not each)
        return Found(dead, bool(one_class and spread <= _ULPS * size))


class DeadLayers(keras.callbacks.Callback):
    """Warns once of each layer whose ReLUs have died, and of a constant classifier; stops nothing.

    Both happen to narrow networks under a large epsilon. Adds `dead_layers`, their number, and
    `constant_classifier`, 1 or 0, to the logs of an epoch. Costs a forward pass of the images.

    Source: Liu 2022 (thesis), section 4.2.3 and Theorem 4.2.

    Args:
        network: image to logits; see `dead_layers` for what is seen of it.
        image: [n, h, w, c] in [0, 1], held-out ones or some that are trained on, n at least 2.

    Raises:
        UserError: fewer than two images, of which nobody could say that they are told apart.
    """

    adds: ClassVar[dict[str, str]] = {"dead_layers": "down", "constant_classifier": "down"}

    def __init__(self, network: keras.Model, image: np.ndarray) -> None:
        super().__init__()
        if len(image) < 2:
            raise UserError(
                "dead layers are looked for at several images", "100 images", f"{len(image)}"
            )
        self.image = np.asarray(image, np.float32)
        self._look = _Look(network)
        self._told: set[str] = set()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at this epoch's network."""
        found = self._look.at(self.image)
        if logs is not None:
            logs["dead_layers"] = float(len(found.dead))
            logs["constant_classifier"] = float(found.constant)
        images = f"all {len(self.image)} images looked at"
        for name in found.dead:
            self._warn(name, epoch, f"layer {name!r} is dead: its ReLUs are 0 for {images}")
        if found.constant:
            self._warn("", epoch, f"the network is a constant classifier: one output for {images}")

    def _warn(self, what: str, epoch: int, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            logging.warning("epoch %d: %s", epoch + 1, text)


def _run(
    network: keras.Model, image: tf.Tensor, alive: list[tuple[str, tf.Tensor]], within: str = ""
) -> tf.Tensor:
    """Returns the network's output, and notes of each layer of ReLUs whether anything is not 0."""
    graph = walk(network)
    if graph is None:
        return network(image, training=False)

    def call(node: Node) -> Any:
        layer = node.layer

        def called(*args: Any, **kwargs: Any) -> Any:
            if isinstance(layer, keras.Model) and len(node.inputs) == 1 == len(args):
                return _run(layer, args[0], alive, f"{within}{layer.name}/")
            if "training" in inspect.signature(layer.call).parameters:
                kwargs |= {"training": False}
            value = layer(*args, **kwargs)
            if _ends_in_relu(layer):
                alive.append((f"{within}{layer.name}", tf.reduce_any(value != 0)))
            return value

        return called

    return graph.run(image, call)


def _ends_in_relu(layer: Any) -> bool:
    if isinstance(layer, keras.layers.ReLU):
        return not layer.negative_slope
    return getattr(layer, "activation", None) is keras.activations.relu
