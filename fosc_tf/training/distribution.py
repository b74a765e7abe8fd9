"""Devices that train together, by the config's word for them.

with strategy("auto").scope():
    network = ...
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.errors import unknown_name

NAMES = ("auto", "mirrored", "none")


def strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy called `name`; ask once a process, TensorFlow wants no second one.

    Args:
        name: "mirrored" takes all GPUs, or all logical CPUs where there is no GPU; "auto" does so
            when there is more than one GPU; "none" trains on one device.

    Raises:
        UserError: an unknown name.
    """
    if name not in NAMES:
        raise unknown_name("distribution", name, NAMES)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or name == "auto" and len(gpus) < 2:
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])
