"""Linear networks whose robustness can be worked out on paper."""

import keras
import numpy as np
import tensorflow as tf


def two_class(slope: float = 1.0) -> keras.Model:
    """Logits (0, slope * sum(x - 0.5)) of images [1, 2, 1]: class 1 where the sum is above 1.

    An attack of size epsilon moves the sum by at most 2 * epsilon.
    """
    image = keras.Input((1, 2, 1))
    flat = keras.layers.Flatten()(image)
    logits = keras.layers.Dense(2)(flat)
    network = keras.Model(image, logits)
    network.set_weights(
        [np.array([[0, slope], [0, slope]], np.float32), np.array([0, -slope], np.float32)]
    )
    return network


def images(sums: list[float]) -> np.ndarray:
    """Returns one image [1, 2, 1] for each sum, both pixels equal."""
    return np.array([[[[s / 2], [s / 2]]] for s in sums], np.float32)


def dataset(sums: list[float], labels: list[int], batch: int = 2) -> tf.data.Dataset:
    """Returns batches of (image, label)."""
    pairs = (images(sums), np.array(labels, np.int32))
    return tf.data.Dataset.from_tensor_slices(pairs).batch(batch)


# Right clean but the last; distances of the sum to the boundary 0.1, 0.3, 0.5, 0.7.
SUMS, LABELS = [1.1, 1.3, 1.5, 0.3, 0.9], [1, 1, 1, 0, 1]
EASY = dataset(SUMS, LABELS)
