"""A network as a folder that anything with TensorFlow can evaluate and attack: a SavedModel.

    fosc_tf.export.save(network, "export")
    network = fosc_tf.export.load("export")      # callable, differentiable, attackable

The folder needs none of this project to be used:

    module = tf.saved_model.load("export")
    module.signatures["serving_default"](image=image)["logits"]
    module.signatures["probabilities"](image=image)["probabilities"]
    module.signatures["loss_and_input_gradient"](image=image, label=label)      # loss, gradient
    module.signatures["certified_margin"](image=image, label=label, epsilon=tf.constant(0.1))
    module(image)                                       # logits too
    module.loss_and_input_gradient(image, label)        # labels of int32 or int64

`image` is float32 [batch, height, width, channels] in [0, 1], `label` int32 [batch]. The last one
proves: `margins` [batch, classes] are lower bounds of the label's logit less each other, by
intervals, whatever the image in the linf ball of `epsilon` cut to [0, 1]; `certified` [batch] says
whether all are above 0 by more than rounding. Only networks whose layers
`fosc_tf.bounds` knows have it. Beside the SavedModel lie `network.weights.h5`, the weights for
Keras, and `export.json`, which says what the folder holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import fosc_tf
from fosc_tf import files
from fosc_tf.attacks.losses import check_logits
from fosc_tf.attacks.slope import slope
from fosc_tf.bounds.methods import Asked
from fosc_tf.bounds.program import read
from fosc_tf.bounds.rounding import slack
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.probe import probe_images
from fosc_tf.terms import cross_entropy

SIGNATURES = {
    "serving_default": (("image",), ("logits",)),
    "probabilities": (("image",), ("probabilities",)),
    "loss_and_input_gradient": (("image", "label"), ("gradient", "loss")),
}
"""What each endpoint takes and returns, by name."""
PROOF = {"certified_margin": (("epsilon", "image", "label"), ("certified", "margins"))}
"""The same of what only networks have whose layers are known to `fosc_tf.bounds`."""
WEIGHTS, ABOUT = "network.weights.h5", "export.json"
_RIGHT = "a folder that fosc_tf.export.save wrote"


class Exported:
    """A network read from a folder, to be called wherever a network is; see `load`.

    Attributes:
        path: the folder.
        input_shape: (None, height, width, channels).
        num_classes: number of logits.
    """

    def __init__(self, path: pathlib.Path, module: Any) -> None:
        self.path = path
        # TensorFlow frees the variables with the module, while its functions live on.
        self._module = module
        self._logits = module.signatures["serving_default"]
        self.input_shape = tuple(self._logits.structured_input_signature[1]["image"].shape)
        self.num_classes = int(self._logits.structured_outputs["logits"].shape[-1])

    def __call__(self, image: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns logits [batch, num_classes] float32, differentiable with respect to `image`.

        Args:
            image: [batch, height, width, channels] in [0, 1], any floating dtype.
            training: False; an export knows evaluation mode only.

        Raises:
            UserError: `training` is true.
        """
        if training:
            raise UserError(
                "an exported network is in evaluation mode for good",
                f"training=False, or a network built anew and the weights in {WEIGHTS}",
                f"training={training!r}",
            )
        if not self._logits.structured_input_signature[1]["image"].shape.is_compatible_with(
            tf.TensorShape(np.shape(image) if not tf.is_tensor(image) else image.shape)
        ):
            raise UserError(
                "images must have the shape that the network takes",
                f"[batch, {', '.join(map(str, self.input_shape[1:]))}]",
                f"{list(np.shape(image) if not tf.is_tensor(image) else image.shape)}",
            )
        return self._logits(image=tf.cast(image, tf.float32))["logits"]


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
        endpoints = _endpoints(network, shape)
        module = tf.Module()
        module.weights = [variable.value for variable in network.variables]
        for name, function in _functions(endpoints).items():
            setattr(module, name, function)
        try:
            tf.saved_model.save(module, str(fresh), signatures=endpoints)
        except AssertionError as error:
            raise UserError(
                "the variables of a network must be Keras' own: no checkpoint holds others",
                "self.add_weight(...) or keras.Variable(...) in its layers",
                f"{_foreign_variables(network)}, which the network does not list",
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


def about(path: str | os.PathLike) -> dict[str, Any]:
    """Returns what `save` noted beside the SavedModel: shapes, versions, SHA-256 of the weights.

    A SavedModel of elsewhere has no such notes.
    """
    notes = files.local(path) / ABOUT
    right = f"{_RIGHT}, made anew by --mode=export"
    return files.read_json(notes, {"data": (str, None)}, right) if notes.exists() else {}


def load(path: str | os.PathLike) -> Exported:
    """Returns the network in the folder `path`, callable as `loaded(image, training=False)`.

    Attacks and evaluations take it like the network it was written from.

    Args:
        path: a folder that `save` wrote.

    Raises:
        UserError: no folder there, no readable SavedModel in it, or one without the signatures
            that `save` writes.
    """
    path = files.local(path).resolve()
    rule = "an export is a folder with a SavedModel and its signatures"
    if not path.is_dir():
        raise UserError(rule, _RIGHT, f"{path}, where there is no folder")
    if not tf.saved_model.contains_saved_model(str(path)):
        raise UserError(rule, _RIGHT, f"{path}, a folder without saved_model.pb")
    try:
        # A strategy's scope would turn the variables into replicated ones, which these functions
        # cannot read; a scope belongs to its thread.
        with ThreadPoolExecutor(1) as outside:
            module = outside.submit(tf.saved_model.load, str(path)).result()
    except Exception as error:  # a damaged file raises any of half a dozen unrelated types
        raise UserError(
            rule, _RIGHT, f"{path}, whose SavedModel cannot be read: {type(error).__name__}"
        ) from error
    found = {
        name: (
            tuple(sorted(function.structured_input_signature[1])),
            tuple(sorted(function.structured_outputs)),
        )
        for name, function in getattr(module, "signatures", {}).items()
    }
    if any(found.get(name) != names for name, names in SIGNATURES.items()):
        raise UserError(
            rule,
            f"{_RIGHT}, with the signatures {_in_words(SIGNATURES)}",
            f"{path}, a SavedModel with the signatures {_in_words(found) or 'none'}",
        )
    return Exported(path, module)


def _endpoints(network: keras.Model, shape: tuple) -> dict[str, Callable]:
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


def _functions(endpoints: dict[str, Callable]) -> dict[str, Callable]:
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


def image_shape(network: Any, given: Sequence[int | None] | None = None) -> tuple[int | None, ...]:
    """Returns (None, h, w, c), what a network takes.

    Args:
        network: a built Keras model of images.
        given: (height, width, channels), of a class of its own that was never called.

    Raises:
        UserError: it is none, or does not know its images.
    """
    taken: Any = ()
    if given is not None and (not isinstance(given, list | tuple) or len(given) != 3):
        raise UserError(
            "input_shape must be (height, width, channels)",
            "input_shape=(32, 32, 3)",
            f"input_shape={given!r}",
        )
    if isinstance(network, keras.Model) and given is not None:
        network(keras.Input(tuple(given)))  # where it was never called
        taken = (None, *given)
    elif isinstance(network, keras.Model):
        # A class of its own knows no more than what it was built or called with.
        built = (network.get_build_config() or {}).get("input_shape", ())
        taken = getattr(network, "input_shape", None) or built
    shape = tuple(taken) if isinstance(taken, list | tuple) else ()
    if len(shape) != 4 or not all(isinstance(side, int | None) for side in shape):
        raise UserError(
            "only a built Keras model of images can be exported",
            "save(network, path), and for a trainer save(trainer.network, path); a network that "
            "does not know its images takes input_shape=(height, width, channels)",
            f"{type(network).__name__} of inputs {taken or 'unknown'}",
        )
    return (None, *shape[1:])


def _foreign_variables(network: keras.Model) -> str:
    """Returns where variables of TensorFlow are, as a sentence needs them."""
    found = [
        f"the tf.Variable {name} of the layer {layer.name}"
        for layer in all_layers(network)
        for name, value in vars(layer).items()
        if isinstance(value, tf.Variable)
    ]
    return ", ".join(found) or "a tf.Variable in no attribute of a layer"


def of_one_output(network: keras.Model, shape: tuple[int | None, ...]) -> keras.Model:
    """Returns the network that gives what is the only entry of a dict, or `network` itself.

    Several entries are refused where logits are asked for.
    """
    if getattr(network, "inputs", None):
        # A Sequential that was never called does not know it; it has one output in any case.
        image, output = network.inputs[0], getattr(network, "output", None)
    else:  # a class of its own, of whose outputs Keras knows no names
        image = keras.Input(shape[1:])
        output = network(image, training=False)
    entries = list(output.values()) if isinstance(output, dict) else output
    one = isinstance(entries, list | tuple) and len(entries) == 1
    return keras.Model(image, entries[0], name=network.name) if one else network


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


def _in_words(signatures: dict[str, tuple]) -> str:
    return ", ".join(
        f"{name}({', '.join(inputs)}) -> {', '.join(outputs)}"
        for name, (inputs, outputs) in signatures.items()
    )
