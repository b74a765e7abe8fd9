"""Writes a network into a folder, reads it back and compares, before an earlier one goes."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

import fosc_tf
from fosc_tf import files
from fosc_tf.attacks.losses import check_logits
from fosc_tf.errors import UserError
from fosc_tf.export.exportable import foreign_variables, image_shape, of_one_output
from fosc_tf.export.reading import ABOUT, WEIGHTS, load
from fosc_tf.export.signatures import PROOF, SIGNATURES, endpoints_of, functions_of
from fosc_tf.probe import probe_images


def save(
    network: keras.Model,
    path: str | os.PathLike,
    *,
    data: str = "",
    input_shape: Sequence[int | None] | None = None,
) -> None:
    """Writes `network`, in evaluation mode, as a SavedModel with three signatures or four.

    `serving_default` maps image to logits, `probabilities` image to their softmax, and
    `loss_and_input_gradient` image and label to the cross-entropy of each example (nats, [batch])
    and the gradient of each example's own loss (the shape of the images). `certified_margin` takes
    image, label and a scalar epsilon to `fosc_tf.bounds.margins` by intervals, and to whether they
    prove the label; a network that has a layer without a rule goes without. The batch may have any
    size. The folder is written beside `path`, read back and compared with the network on random
    images; only if logits, loss and gradient are the same to the bit does it take its place.
    An earlier export at `path` stays until then and is replaced.

    Args:
        network: a built Keras model from float32 images [batch, height, width, channels] to logits
            [batch, num_classes]; of a trainer, its `network`. Logits may be the only entry of a
            dict or list.
        path: the folder to write; missing parents are made.
        data: name of the data set that it was trained on, for the notes beside it.
        input_shape: (height, width, channels), for a class of its own that was never called.

    Raises:
        UserError: no such network, probabilities instead of logits, or something at `path` that is
            not an export.
        RuntimeError: the folder, read back, is another function than the network.
    """
    shape = image_shape(network, input_shape)
    weights, network = network, of_one_output(network, shape)
    num_classes = check_logits(network, tf.constant(probe_images(shape[1:])))
    path = files.local(path).resolve()
    check_replaceable(path)
    with files.fresh_folder(path) as fresh:
        endpoints = endpoints_of(network, shape)
        module = tf.Module()
        module.weights = [variable.value for variable in network.variables]
        for name, function in functions_of(endpoints).items():
            setattr(module, name, function)
        try:
            tf.saved_model.save(module, str(fresh), signatures=endpoints)
        except AssertionError as error:
            raise UserError(
                "the variables of a network must be Keras' own: no checkpoint holds others",
                "self.add_weight(...) or keras.Variable(...) in its layers",
                f"{foreign_variables(network)}, which the network does not list",
            ) from error
        weights.save_weights(fresh / WEIGHTS)
        facts = {
            "input_shape": shape,
            "num_classes": num_classes,
            "data": data,
            "signatures": {
                name: {"inputs": inputs, "outputs": outputs}
                for name, (inputs, outputs) in (SIGNATURES | PROOF).items()
                if name in endpoints
            },
            "weights_sha256": hashlib.sha256((fresh / WEIGHTS).read_bytes()).hexdigest(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "fosc_tf": fosc_tf.__version__,
        }
        (fresh / ABOUT).write_text(json.dumps(facts, indent=2) + "\n")
        _verify(endpoints, fresh, shape, num_classes)


def recover(path: str | os.PathLike) -> None:
    """Removes what a `save` to `path` that was killed left beside it, an earlier export put back.

    Nothing else may be saving there meanwhile.
    """
    path = files.local(path).resolve()
    for beside in path.parent.glob(f".{path.name}-????????"):
        if beside.is_dir() and {each.name for each in beside.iterdir()} <= {"fresh", "earlier"}:
            if (beside / "earlier").exists() and not path.exists():
                (beside / "earlier").rename(path)
            shutil.rmtree(beside)


def _verify(
    endpoints: dict[str, Callable], folder: pathlib.Path, shape: tuple, classes: int
) -> None:
    """Raises unless the folder, read back, gives what the network gives."""
    image = probe_images(shape[1:])
    label = np.arange(len(image)) % classes
    given = {"image": tf.constant(image), "label": tf.constant(label, tf.int32)}
    given["epsilon"] = tf.constant(0.1)
    loaded = load(folder)
    # On a GPU the gradient of a convolution may change from one call to the next.
    with tf.device("CPU:0"):
        for name in endpoints:
            inputs, outputs = (SIGNATURES | PROOF)[name]
            arguments = {key: given[key] for key in inputs}
            expected = endpoints[name](**arguments)
            received = loaded._module.signatures[name](**arguments)
            for output in outputs:
                if not _equal(expected[output].numpy(), received[output].numpy()):
                    raise RuntimeError(
                        f"the {output} of the export differ from the network's: nothing was saved; "
                        "the network must be the same function at every call with training=False"
                    )


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def check_replaceable(path: pathlib.Path) -> None:
    """Raises `UserError` where replacing `path` would delete something else than an export."""
    empty = path.is_dir() and not any(path.iterdir())
    ours = (path / ABOUT).is_file() and (path / "saved_model.pb").is_file()
    if path.exists() and not empty and not ours:
        raise UserError(
            "save replaces an earlier export and nothing else",
            "a path where there is nothing yet, or an export",
            f"{path}, which holds something else",
        )
