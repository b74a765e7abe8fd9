"""A network as one TFLite file, for phones and boards: float32 logits, a batch of any size.

    fosc_tf.tflite.save(network, "network.tflite")      # the bytes that it has
    network = fosc_tf.tflite.load("network.tflite")      # callable; it has no gradients

The file needs none of this project, nor TensorFlow: LiteRT (`ai-edge-litert`) reads it.
"""

from __future__ import annotations

import os
import pathlib
import re
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf import files, subnetworks
from fosc_tf.attacks.losses import check_logits
from fosc_tf.errors import UserError
from fosc_tf.export.exportable import image_shape, of_one_output
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.computed_kernel import ComputedKernel
from fosc_tf.probe import check_same, probe_images
from fosc_tf.quiet import tensorflow_silent

_RIGHT = "a file that fosc_tf.tflite.save wrote"


class Lite:
    """A network read from a file, to be called as a network is; see `load`.

    Attributes:
        path: the file.
        input_shape: (None, height, width, channels).
        num_classes: number of logits.
    """

    def __init__(self, path: pathlib.Path, content: bytes) -> None:
        self.path = path
        self._run = _runner(content)
        (image,) = self._run.get_input_details().values()
        (logits,) = self._run.get_output_details().values()
        sides = [None if side < 0 else int(side) for side in image["shape_signature"]]
        self.input_shape = (None, *sides[1:])
        self.num_classes = int(logits["shape_signature"][-1])

    def __call__(self, image: Any, training: bool = False) -> tf.Tensor:
        """Returns logits [batch, num_classes] float32, without a gradient.

        Args:
            image: [batch, height, width, channels] in [0, 1], any floating dtype.
            training: False; the file knows evaluation mode only.

        Raises:
            UserError: `training` is true, or images of another shape.
        """
        if training:
            right, received = "training=False, or the Keras network", f"training={training!r}"
            raise UserError("a TFLite file is in evaluation mode for good", right, received)
        image = np.asarray(image, np.float32)
        if not tf.TensorShape(image.shape).is_compatible_with(self.input_shape):
            raise UserError(
                "images must have the shape that the network takes",
                f"[batch, {', '.join(map(str, self.input_shape[1:]))}]",
                f"{list(image.shape)}",
            )
        with tensorflow_silent():
            return tf.constant(self._run(image=image)["logits"])


def has_converter() -> bool:
    """Returns whether the TensorFlow at hand writes TFLite files and something here reads them."""
    return hasattr(getattr(tf, "lite", None), "TFLiteConverter") and _interpreter() is not None


def save(
    network: keras.Model,
    path: str | os.PathLike,
    *,
    input_shape: Sequence[int | None] | None = None,
) -> int:
    """Writes a network, in evaluation mode, as a TFLite file; returns the bytes that it has.

    Its only signature, `serving_default`, maps `image` to `logits`, float32 both. Of a masked
    network the file holds the weights at work, without scores, and without zeros: those of empty
    channels, see `fosc_tf.subnetworks.without_empty_channels`, and those within tensors; a
    ResNet-34 at a rate of 0.99 takes 1.3 MB instead of 85. Where a dense layer reads a number of
    values that is no multiple of 4 they stay, for the converter would lose weights. The file is
    run on random images before it is written: its logits may differ from the network's by 1e-5 and
    by 1e-5 of the largest one, for it folds batch norms and adds in another order.

    Args:
        network: a built Keras model from float32 images [batch, height, width, channels] to logits
            [batch, num_classes]; of a trainer, its `network`.
        path: the file; one that is there is replaced.
        input_shape: (height, width, channels), for a class of its own that was never called.

    Raises:
        UserError: no such network, an operation that TFLite lacks, named; no converter or
            interpreter here; a place that cannot be written.
        RuntimeError: the file gives other logits than the network. Nothing is written then.
    """
    path = files.local(path)
    shape = image_shape(network, input_shape)
    if not has_converter():
        raise UserError(
            "a TFLite file needs a TensorFlow with the converter, and an interpreter to check it",
            'TensorFlow 2.20 or 2.21 with tf.lite, or pip install "ai-edge-litert" for the second',
            f"TensorFlow {tf.__version__} without tf.lite.TFLiteConverter or an interpreter",
        )
    network = of_one_output(network, shape)
    image = probe_images(shape[1:])
    check_logits(network, tf.constant(image))
    with tf.device("CPU:0"):
        expected = network(tf.constant(image), training=False)
    content = _converted(network, shape)
    try:
        received = Lite(path, content)(image)
    except (ValueError, RuntimeError) as error:
        raise _lacking(network, str(error).splitlines()[0]) from error
    check_same(received, expected, "the TFLite file")
    return files.write_for_user(path, content)


def load(path: str | os.PathLike) -> Lite:
    """Returns the network of a TFLite file, callable as `loaded(image, training=False)`.

    Args:
        path: a file that `save` wrote.

    Raises:
        UserError: no such file, one that cannot be read, or one without `image` and `logits`; no
            interpreter here.
    """
    path = files.local(path)
    rule = "a TFLite network is read from an undamaged file that maps image to logits"
    if _interpreter() is None:
        right, received = 'pip install "ai-edge-litert"', "no interpreter of TFLite files here"
        raise UserError("a TFLite file needs an interpreter", right, received)
    try:
        content = path.read_bytes()
        return Lite(path, content)
    except OSError as error:
        why = f"{path}, which cannot be read: {type(error).__name__}"
        raise UserError(rule, _RIGHT, why) from error
    except (ValueError, RuntimeError, KeyError) as error:
        why = f"{path}: {(str(error).splitlines() or [type(error).__name__])[0]}"
        raise UserError(rule, _RIGHT, why) from error


def _converted(network: keras.Model, shape: tuple[int | None, ...]) -> bytes:
    """Returns the content of the file; the graph's variables become constants."""
    masked = any(isinstance(layer, ComputedKernel) for layer in all_layers(network))
    small, sparse = _pruned(network) if masked else (network, False)

    def serving_default(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": tf.cast(small(image, training=False), tf.float32)}

    image = tf.TensorSpec(shape, tf.float32, name="image")
    function = tf.function(serving_default, autograph=False).get_concrete_function(image)
    # The converter finds variables through TensorFlow's modules alone: those of a Keras model
    # would stay empty, and the logits NaN.
    module = tf.Module()
    module.weights = [variable.value for variable in small.variables]
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if sparse:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    try:
        with tensorflow_silent():
            return converter.convert()
    except Exception as error:  # the converter raises several kinds, all with MLIR's words
        lacking = sorted(set(re.findall(r"'(tf\.\w+)' op", str(error))))
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise _lacking(network, ", ".join(lacking) or said) from error


def _pruned(network: keras.Model) -> tuple[keras.Model, bool]:
    """Returns a masked network without its scores, and whether its zeros may be left out.

    TensorFlow's converter keeps the weights of some dense layers in blocks of four inputs, and
    loses what is behind the last whole block.
    """
    bare = subnetworks.plain(network)
    try:
        least = subnetworks.without_empty_channels(bare)
    except UserError:  # a layer that does not say which channels it reads
        least = bare
    for each in (least, bare):
        dense = [layer for layer in all_layers(each) if isinstance(layer, keras.layers.Dense)]
        if all(layer.kernel.shape[0] % 4 == 0 for layer in dense):
            return each, True
    return least, False


def _lacking(network: keras.Model, what: str) -> UserError:
    return UserError(
        "every operation of a network must be one that TFLite knows, on batches of any size",
        "a network of Keras' own layers in float32, or fosc_tf.export.save, which takes all",
        f"{network.name!r}, with {what}",
    )


def _interpreter() -> Any:
    """Returns the class that runs TFLite files, LiteRT's before TensorFlow's; None if none is."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return getattr(getattr(tf, "lite", None), "Interpreter", None)
    return Interpreter


def _runner(content: bytes) -> Any:
    """Returns the signature of a file.

    Raises:
        ValueError: it is no such file, or has another signature.
    """
    with warnings.catch_warnings(), tensorflow_silent():
        warnings.simplefilter("ignore")  # TensorFlow tells to move to LiteRT
        interpreter = _interpreter()(model_content=content)
        found = interpreter.get_signature_list()
    if found != {"serving_default": {"inputs": ["image"], "outputs": ["logits"]}}:
        raise ValueError(f"signatures {found or 'none'}")
    return interpreter.get_signature_runner("serving_default")
