"""The subnetworks of a run as small files beside its exports, and what each of them takes.

rows = ship("last", network, folder)      # subnetwork.bin and subnetwork.tflite
write(rows, folder)      # sizes.json
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from fosc_tf import files, signs, subnetworks, tflite
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.computed_kernel import ComputedKernel
from fosc_tf.probe import check_same, probe_images
from fosc_tf.runs.trained import fingerprint
from fosc_tf.show import screen
from fosc_tf.training.checkpoints import AVERAGE, BEST

FILE = "sizes.json"
STEMS = {"last": "subnetwork", BEST: "subnetwork_best", AVERAGE: "subnetwork_ema"}
"""What the files of each network are called; an ensemble is several networks, not a small one."""
_COUNTS = (
    *("weights", "kept", "weight_bits", "mask_bits"),
    *("forward", "forward_binary", "evaluation", "evaluation_binary"),
    *("backward", "backward_binary"),
)
_LAYER = {"checkpoint": str, "layer": str} | dict.fromkeys(_COUNTS, int)
_TOTAL = _LAYER | {
    **{"file_bytes": int, "dense_bytes": int, "tflite_bytes": (int, None)},
    "weights_sha256": str,
}


def sizes(network: Any) -> list[dict[str, Any]]:
    """Returns the rows of `fosc_tf.subnetworks.sizes`, none of a network that is not masked."""
    layers = all_layers(network) if hasattr(network, "layers") else []
    masked = any(isinstance(layer, ComputedKernel) for layer in layers)
    return subnetworks.sizes(network) if masked else []


def ship(name: str, network: Any, folder: pathlib.Path) -> list[dict[str, Any]]:
    """Writes the packed file and the TFLite file of a network of a run, and returns their sizes.

    Both take their place only after their logits were compared with the network's. Where no TFLite
    file can be made the screen says why, and an earlier one is removed.

    Args:
        name: last, best, ema or ensemble.
        network: what is not masked has no such files, nor has an ensemble.
        folder: of the run.

    Returns:
        The rows of `fosc_tf.subnetworks.sizes` with a `checkpoint`, the last one also with
        `tflite_bytes` and the SHA-256 of the weights; none where nothing was written.

    Raises:
        UserError: the folder cannot be written.
        RuntimeError: the packed file is another network.
    """
    rows = sizes(network) if name in STEMS else []
    if not rows:
        return []
    path = folder / f"{STEMS[name]}.bin"
    with signs.work(f"subnetwork of {name}"):
        _pack(network, path)
        lite = _to_tflite(network, path.with_suffix(".tflite"))
    of_files = {"tflite_bytes": lite, "weights_sha256": fingerprint(network)}
    told = f"{name} subnetwork: {path}, {rows[-1]['file_bytes']:,} bytes"
    screen.console().print(screen.plain(told + (f"; .tflite, {lite:,}" if lite else "")))
    return [{"checkpoint": name} | row for row in [*rows[:-1], rows[-1] | of_files]]


def write(rows: list[dict[str, Any]], folder: pathlib.Path) -> None:
    """Writes `sizes.json`, the rows of `ship`; nothing without rows."""
    if rows:
        files.write(folder / FILE, json.dumps(rows, indent=1) + "\n")


def read(folder: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the rows of `sizes.json`, none where there is no such file.

    Raises:
        UserError: the file is damaged.
    """
    anew = "--mode=export once more, which writes it anew"
    path = folder / FILE
    return files.read_json(path, [(_TOTAL, _LAYER)], anew) if path.exists() else []


def _pack(network: Any, path: pathlib.Path) -> None:
    fresh = path.with_name(f"{path.name}.fresh")
    try:
        subnetworks.pack(network, fresh)
        image = probe_images(network.input_shape[1:])
        loaded = subnetworks.unpack(fresh)
        check_same(loaded(image, training=False), network(image, training=False), path.name)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _to_tflite(network: Any, path: pathlib.Path) -> int | None:
    """Returns the bytes of the file; None, and the reason on the screen, where it cannot be."""
    path.unlink(missing_ok=True)
    try:
        return tflite.save(network, path)
    except (UserError, RuntimeError) as error:
        why = f"{error.rule}: {error.received}" if isinstance(error, UserError) else f"{error}"
        screen.console().print(screen.plain(f"no {path.name}: {why}"))
        return None
