"""A subnetwork in one small file: a bit for each kept weight, its mask, and the statistics.

pack(subnetwork, "subnetwork.bin")
network = unpack("subnetwork.bin")      # a Keras model of the same logits
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zlib
from typing import Any

import keras
import numpy as np

from fosc_tf import files
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.computed_kernel import ComputedKernel
from fosc_tf.subnetworks.bits import decoded_mask, encoded_mask, packed, unpacked
from fosc_tf.subnetworks.plain import computed_layers, plain

MAGIC, VERSION = b"fosc_tf subnetwork\n", 1
_DIGEST = 32  # bytes of a SHA-256
_KINDS = (keras.layers.Dense, keras.layers.Conv2D)


def pack(network: keras.Model, path: str | os.PathLike) -> int:
    """Writes a network of masked or binary layers as one file and returns the bytes that it has.

    The file is a line that names it, the SHA-256 of what follows, the length of a header (8 bytes,
    little end first), the header and the content. The header is compressed JSON: the version, the
    architecture of `plain(network)` as Keras describes it, the layers' kept weights and forms, and
    the other arrays. The content is, for each layer, its mask in the shortest form that
    `fosc_tf.subnetworks.bits` knows, then the kept weights, a bit each where the layer has one
    magnitude alone, else float32; at last the other arrays, such as biases and batch-norm
    statistics, as they are. Neither scores nor what is behind signs are in it: a network to be
    trained further is saved by Keras.

    Args:
        network: masked or of `binary_connect`, such as a trainer's `network`.
        path: the file; one that is there is replaced.

    Raises:
        UserError: the network is neither, something else than a path, or a place that
            cannot be written.
    """
    path = files.local(path)
    content = encoded(network)
    return files.write_for_user(path, content)


def encoded(network: keras.Model) -> bytes:
    """Returns the bytes of the file that `pack` writes."""
    parts, layers = [], []
    for layer in computed_layers(network):
        facts, layer_parts = encoded_layer(layer)
        layers.append(facts)
        parts += layer_parts
    bare = plain(network)
    others = [np.asarray(each) for each in _others(bare)]
    header = {
        "version": VERSION,
        "architecture": json.loads(bare.to_json()),
        "layers": layers,
        "others": [{"dtype": each.dtype.str, "shape": each.shape} for each in others],
    }
    told = zlib.compress(json.dumps(header).encode(), 9)
    body = len(told).to_bytes(8, "little") + told
    body += b"".join([*parts, *(each.tobytes() for each in others)])
    return MAGIC + hashlib.sha256(body).digest() + body


def encoded_layer(layer: ComputedKernel) -> tuple[dict[str, Any], list[bytes]]:
    """Returns what the header says of a layer, and the bytes of its mask and of its weights."""
    counts = np.asarray(layer.mask).ravel() > 0
    form, k, mask = encoded_mask(counts)
    values = np.asarray(layer.kernel).ravel()[counts]
    magnitudes = np.unique(np.abs(values))
    signs = len(magnitudes) == 1
    weights = packed(values > 0) if signs else values.astype("<f4").tobytes()
    facts = {
        "kept": layer.kept,
        "mask": form,
        "k": k,
        "mask_bytes": len(mask),
        "magnitude": float(magnitudes[0]) if signs else None,
    }
    return facts, [mask, weights]


def unpack(path: str | os.PathLike) -> keras.Model:
    """Returns the network of a file that `pack` wrote, in Keras' own layers, pruned weights 0.

    Its logits are those of the packed network to the bit where they are computed alike.

    Args:
        path: the file.

    Raises:
        UserError: no such file; it is cut off, its checksum differs, or it is of a later version.
            Nothing is loaded then.
    """
    path = files.local(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, f"which cannot be read: {type(error).__name__}") from error
    start = len(MAGIC) + _DIGEST
    if not content.startswith(MAGIC) or len(content) < start + 8:
        raise _unreadable(path, f"{len(content)} bytes that do not begin as such a file")
    body = content[start:]
    told, found = content[len(MAGIC) : start].hex(), hashlib.sha256(body).hexdigest()
    if told != found:
        raise _unreadable(path, f"cut off or changed: SHA-256 {found[:12]}, and not {told[:12]}")
    length = int.from_bytes(body[:8], "little")
    try:
        header = json.loads(zlib.decompress(body[8 : 8 + length]))
        if header["version"] != VERSION:
            raise ValueError(f"version {header['version']}, of which {VERSION} is known")
        return _decoded(header, body[8 + length :])
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise _unreadable(path, str(error).splitlines()[0]) from error


def _decoded(header: dict[str, Any], content: bytes) -> keras.Model:
    network = keras.models.model_from_json(json.dumps(header["architecture"]))
    layers = [layer for layer in all_layers(network) if isinstance(layer, _KINDS)]
    place = 0

    def taken(count: int) -> bytes:
        nonlocal place
        place += count
        return content[place - count : place]

    for layer, facts in zip(layers, header["layers"], strict=True):
        shape, kept = tuple(layer.kernel.shape), facts["kept"]
        mask = taken(facts["mask_bytes"])
        mask = decoded_mask(facts["mask"], facts["k"], mask, math.prod(shape), kept)
        if facts["magnitude"] is None:
            values = np.frombuffer(taken(4 * kept), "<f4")
        else:
            signs = unpacked(taken(math.ceil(kept / 8)), kept)
            values = np.where(signs, 1.0, -1.0) * facts["magnitude"]
        kernel = np.zeros(mask.shape, np.float32)
        kernel[mask] = values
        layer.kernel.assign(kernel.reshape(shape))
    for variable, facts in zip(_others(network), header["others"], strict=True):
        dtype, shape = np.dtype(facts["dtype"]), tuple(facts["shape"])
        array = np.frombuffer(taken(dtype.itemsize * math.prod(shape)), dtype)
        variable.assign(array.reshape(shape))
    if place != len(content):
        raise ValueError(f"{len(content)} bytes of content where {place} are told of")
    return network


def _others(network: keras.Model) -> list[keras.Variable]:
    """Returns the variables that are no kernels of what was masked."""
    kernels = {id(each.kernel) for each in all_layers(network) if isinstance(each, _KINDS)}
    return [each for each in network.variables if id(each) not in kernels]


def _unreadable(path: Any, why: str) -> UserError:
    return UserError(
        "a packed subnetwork is read from an undamaged file",
        "a file that fosc_tf.subnetworks.pack wrote",
        f"{path}, {why}",
    )
