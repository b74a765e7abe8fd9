"""Reads TensorBoard's files back as TensorBoard itself does.

kind, values = read(folder)["loss"]      # "scalars", {step: array}
"""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read(folder: pathlib.Path) -> dict[str, tuple[str, dict[int, np.ndarray]]]:
    """Returns for each name the kind of data (the plugin that shows it) and its values by step."""
    events = EventAccumulator(str(folder), {"tensors": 0}).Reload()
    found = {}
    for name in events.Tags()["tensors"]:
        kind = events.SummaryMetadata(name).plugin_data.plugin_name
        values = {event.step: tf.make_ndarray(event.tensor_proto) for event in events.Tensors(name)}
        found[name] = (kind, values)
    return found
