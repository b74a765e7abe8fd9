"""Network and robustness as ONNX and VNN-LIB: complete verifiers check what our bounds say.

    fosc_tf.vnnlib.save(network, image, label, epsilon=0.1, path="properties")

The folder is a benchmark as VNN-COMP has them, for alpha-beta-CROWN, nnenum, Marabou and others:
`network.onnx`, one `property_0000.vnnlib` for each image and `instances.csv`, whose lines name both
and a time limit. Needs the extra `vnnlib`.

The network takes `image`, float32 [1, height, width, channels], as Keras does, and returns `logits`
[1, classes]; where it convolves, a Transpose (of one channel a Reshape) puts the channels first,
and the first dense layer behind has its weights in that order. The batch is 1, as in most networks
of VNN-COMP; it is fixed at the two ends alone. `X_i` is number i of the image row by row, channels
last (`image.ravel()[i]`), `Y_j` the logit of class j.

A property asks for a mistake: pixels of the ball, cut to [0, 1], at which another class has at
least the logit of the label. `unsat` therefore certifies the image, `sat` refutes it.

Source: Demarchi et al. 2023 (VNN-LIB 1.0); Brix et al. 2023 (VNN-COMP).
"""

from __future__ import annotations

import os
import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf import files
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.bounds.region import Region
from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.vnnlib.onnx_model import model_of

NETWORK, INSTANCES = "network.onnx", "instances.csv"
_OURS = re.compile(r"network\.onnx|instances\.csv|property_\d{4,}\.vnnlib")
_ROUNDING = 1e-4
"""Share of the largest logit by which two ways to compute logits in float32 may differ."""


def save(
    network: Any,
    image: tf.Tensor,
    label: tf.Tensor,
    *,
    epsilon: float,
    path: str | os.PathLike,
    norm: str = "linf",
    timeout: int = 300,
) -> list[pathlib.Path]:
    """Writes a network and, for each image, the property that none in its ball is misclassified.

    The ball is that of `fosc_tf.bounds`, to the bit. The ONNX file is compared with the network at
    the first image; only then does the folder appear, whole. An earlier one of this function at
    `path` is replaced.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode;
            layers of other kinds than it has rules for need one, see `vnnlib.onnx_rule`.
        image: [batch, height, width, channels] float in [0, 1].
        label: [batch] int.
        epsilon: radius over pixels in [0, 1].
        path: the folder to write; missing parents are made.
        norm: "linf"; balls of other norms are no boxes, and verifiers read boxes alone.
        timeout: seconds that a verifier has for each property, whole.

    Returns:
        The files: the network, the properties in the order of the images, the instances.

    Raises:
        UserError: another norm, a radius that is none, images or labels that do not fit the
            network, a network that ONNX cannot hold, something else at `path`, no onnx installed.
        RuntimeError: the ONNX file is another function than the network.
    """
    if norm != "linf":
        raise UserError(
            "only a linf ball is a box of pixels, as VNN-LIB properties are",
            'norm="linf"',
            f"norm={norm!r}",
        )
    epsilon = number("epsilon", epsilon, "epsilon=8/255")
    check_epsilon(epsilon, norm)
    timeout = number("timeout", timeout, "timeout=300", least=1)
    path = files.local(path).resolve()
    _check_replaceable(path)
    _check_installed()
    image, label, _ = check_batch(network, (image, label))
    model = model_of(network)
    _verify(model, network, image[:1])
    region = Region.around(image, epsilon, norm)
    classes = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    contents = {NETWORK: model.SerializeToString()}
    boxes = zip(region.lower.numpy(), region.upper.numpy(), label.numpy(), strict=True)
    for index, box in enumerate(boxes):
        contents[f"property_{index:04d}.vnnlib"] = _property(*box, classes=classes).encode()
    lines = [f"{NETWORK},{name},{timeout}\n" for name in contents if name != NETWORK]
    contents[INSTANCES] = "".join(lines).encode()
    with files.fresh_folder(path) as fresh:
        fresh.mkdir()
        for name, content in contents.items():
            (fresh / name).write_bytes(content)
    return [path / name for name in contents]


def _property(lower: np.ndarray, upper: np.ndarray, label: int, *, classes: int) -> str:
    """Returns a property in VNN-LIB 1.0.

    Every number is the float32 itself, written so that float32 and float64 read the same; without
    an exponent, which not all verifiers read.
    """
    pixels = enumerate(zip(lower.ravel().tolist(), upper.ravel().tolist(), strict=True))
    text = [f"; label {label}: sat if an image in the box has another class, unsat if none has", ""]
    text += [f"(declare-const X_{index} Real)" for index in range(lower.size)]
    text += [f"(declare-const Y_{index} Real)" for index in range(classes)]
    text += ["", f"; pixels of the image {list(lower.shape)}, row by row, channels last"]
    for index, ends in pixels:
        least, most = (np.format_float_positional(end, trim="0") for end in ends)
        text += [f"(assert (<= X_{index} {most}))", f"(assert (>= X_{index} {least}))"]
    others = [index for index in range(classes) if index != label]
    text += ["", "; logits", "(assert (or"]
    text += [f"    (and (>= Y_{other} Y_{label}))" for other in others]
    return "\n".join([*text, "))", ""])


def _verify(model: Any, network: Any, image: tf.Tensor) -> None:
    """Raises unless the ONNX model gives the network's logits at an image."""
    from onnx.reference import ReferenceEvaluator

    expected = network(image, training=False).numpy()
    received = ReferenceEvaluator(model).run(None, {"image": image.numpy()})[0]
    # Written so that NaN fails too.
    if not np.all(np.abs(received - expected) <= _ROUNDING * np.abs(expected).max()):
        raise RuntimeError(
            f"the logits of the ONNX file, {received[0]}, differ from the network's, "
            f"{expected[0]}: nothing was saved; a rule of fosc_tf.vnnlib is wrong"
        )


def _check_installed() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise UserError(
            "a network as ONNX needs onnx, an extra",
            'pip install "fosc-tf[vnnlib]"',
            f"{type(error).__name__}: {error}",
        ) from error


def _check_replaceable(path: pathlib.Path) -> None:
    """Raises `UserError` where replacing `path` would delete what `save` has not written."""
    known = path.is_dir() and all(_OURS.fullmatch(each.name) for each in path.iterdir())
    if path.exists() and not known:
        raise UserError(
            "save replaces an earlier folder of its own and nothing else",
            "a path where there is nothing yet, or a folder with what save wrote alone",
            f"{path}, which holds something else",
        )
