"""What a subnetwork costs, as two sections of the report: its size, and its operations.

sections(subnetworks.sizes(network), tflite_bytes=None)
"""

from __future__ import annotations

from typing import Any

from fosc_tf.show.columns import Rows
from fosc_tf.show.picture import Section

SIZE = ("layer", "weights", "kept", "kept %", "bits of weights", "bits of mask")
OPERATIONS = ("layer", "forward", "evaluation", "backward")
_BINARY = tuple(f"{name}, binary" for name in OPERATIONS[1:])
_FEW = 12  # lines that are seen without a click
THESIS = (
    "The thesis says that binary weights save its ResNet-34, at a rate of 0.99, about 45 % of the "
    "operations of training and 32 % of those of inference. That does not follow from its own "
    "formulas, which are those of this table: by them it is 41.9 % of forward and backward "
    "together, 33.7 % of forward in training alone and 42.5 % of an evaluation."
)
"""Source: Liu 2022 (thesis), section 5.1.3; counted again by `fosc_tf.subnetworks.costs`."""


def sections(rows: Rows, tflite_bytes: int | None) -> list[Section]:
    """Returns "Subnetwork" and "Operations of the subnetwork".

    Args:
        rows: of `fosc_tf.subnetworks.sizes`, the last one of the total.
        tflite_bytes: of the file beside the exports, None without one.
    """
    total, opened = rows[-1], len(rows) <= _FEW
    size = [
        (
            row["layer"],
            *(f"{row[name]:,}" for name in ("weights", "kept")),
            _percent(row["kept"], row["weights"]),
            *(f"{row[name]:,}" for name in ("weight_bits", "mask_bits")),
        )
        for row in rows
    ]
    names = (*OPERATIONS[1:], *(f"{name}_binary" for name in OPERATIONS[1:]))
    counted = [(row["layer"], *(f"{row[name]:,}" for name in names)) for row in rows]
    words = (_of_size(total, tflite_bytes),)
    return [
        Section("Subnetwork", (), SIZE, tuple(size), opened=opened, sentences=words),
        Section(
            "Operations of the subnetwork",
            (),
            (*OPERATIONS, *_BINARY),
            tuple(counted),
            opened=opened,
            sentences=(_of_operations(total), THESIS),
        ),
    ]


def _of_size(total: dict[str, Any], tflite_bytes: int | None) -> str:
    """Returns how many weights count, and the bytes that they take beside all of them."""
    packed, dense = total["file_bytes"], total["dense_bytes"]
    lite = f" The TFLite file has {tflite_bytes:,} bytes." if tflite_bytes else ""
    return (
        f"Of {total['weights']:,} weights of the last network {total['kept']:,} count, "
        f"{_percent(total['kept'], total['weights'])} %. Packed, with its mask and all it needs "
        f"besides, it has {packed:,} bytes; in float32 all weights take {dense:,}, "
        f"{dense / packed:.1f} times as many.{lite}"
    )


def _of_operations(total: dict[str, Any]) -> str:
    """Returns what binary weights save, if these are."""

    def saved(*names: str) -> str:
        less = sum(total[name] - total[f"{name}_binary"] for name in names)
        return f"{_percent(less, sum(total[name] for name in names))} %"

    of_bits = total["weight_bits"] < 32 * total["kept"]
    words = (
        "Its weights, -1 or 1 up to a factor, need no product, which saves"
        if of_bits
        else "Weights of -1 or 1 would need no product, which would save"
    )
    return (
        f"Operations of one image, those of batch norm and ReLU included. {words} "
        f"{saved('forward', 'backward')} of forward and backward together, {saved('forward')} of "
        f"forward in training and {saved('evaluation')} of an evaluation."
    )


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}"
