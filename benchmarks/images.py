"""Images to measure on: a real data set from an .npz file, or scikit-learn's digits made larger.

image, label = images("mnist", npz="")      # float32 [n, 28, 28, 1], int32 [n]
"""

from __future__ import annotations

import numpy as np

from fosc_tf.data import catalog, sources


def images(name: str, npz: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Returns training images float32 [n, h, w, c] in [0, 1] and labels int32 [n].

    Args:
        name: a data set of the catalog.
        npz: its file in Keras' layout; "" takes the 1,437 embedded digits instead, each pixel
            repeated to a square, framed in black and the same in every channel, in the shape of
            the data set.

    Raises:
        UserError: an unknown name, or a file that is not what the catalog says.
    """
    height, width, channels = catalog.get(name).image_shape
    arrays = sources.load(name, npz=npz) if npz else sources.load("digits")
    image, label = arrays.x_train, arrays.y_train
    if image.dtype == np.uint8:
        image = image.astype(np.float32) / 255.0
    if not npz:
        times = min(height, width) // image.shape[1]
        image = image.repeat(times, axis=1).repeat(times, axis=2).repeat(channels, axis=3)
        rows, columns = height - image.shape[1], width - image.shape[2]
        frame = [(rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)]
        image = np.pad(image, [(0, 0), *frame, (0, 0)])
    return image, label
