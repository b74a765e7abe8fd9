"""Small networks that together have every layer that bounds know, with weights that matter.

for name in NETWORKS: network = made(name)
"""

import functools

import keras
import numpy as np

L = keras.layers
SHAPE, CLASSES = (6, 6, 2), 4


def _residual():
    image = keras.Input(SHAPE)
    x = L.Conv2D(3, 3, padding="same")(image)
    y = L.Conv2D(3, 3, padding="same")(L.ReLU()(x))
    z = L.ReLU()(L.Add()([x, y]))
    z = L.Concatenate()([z, L.Subtract()([x, y])])
    z = L.GlobalAveragePooling2D()(L.AveragePooling2D(2, padding="same")(z))
    return keras.Model(image, L.Dense(CLASSES)(z))


def _nested():
    inner = keras.Sequential(
        [keras.Input((4, 4, 3)), L.Cropping2D(1), L.ELU(), L.Conv2D(2, 2, activation="relu")]
    )
    layers = [L.Conv2D(3, 3, activation="relu6"), inner, L.Reshape((2,)), L.Dense(CLASSES)]
    return keras.Sequential([keras.Input(SHAPE), *layers])


NETWORKS = {
    "dense": lambda: keras.Sequential(
        [
            keras.Input(SHAPE),
            L.Flatten(),
            L.Dense(12, activation="relu"),
            L.Dropout(0.5),
            L.Dense(9, activation="relu"),
            L.Dense(CLASSES),
        ]
    ),
    "convolutions": lambda: keras.Sequential(
        [
            keras.Input(SHAPE),
            L.Rescaling(2.0, -1.0),
            L.Normalization(mean=[0.1, 0.2], variance=[0.5, 0.3]),
            L.Conv2D(3, 3, strides=2, padding="same"),
            L.BatchNormalization(),
            L.ReLU(),
            L.Conv2D(4, 2, dilation_rate=2, padding="same"),
            L.LeakyReLU(negative_slope=0.2),
            L.Flatten(),
            L.Dense(CLASSES),
        ]
    ),
    "residual": _residual,
    "nested": _nested,
    "sigmoid": lambda: keras.Sequential(
        [
            keras.Input(SHAPE),
            L.Conv2D(3, 3, activation="tanh"),
            L.MaxPooling2D(2),
            L.Flatten(),
            L.Dense(7, activation="sigmoid"),
            L.Dense(CLASSES),
        ]
    ),
    "groups": lambda: keras.Sequential(
        [
            keras.Input(SHAPE),
            L.DepthwiseConv2D(3, depth_multiplier=2, activation="gelu"),
            L.ZeroPadding2D(1),
            L.Conv2D(4, 3, groups=2),
            L.Activation("softplus"),
            L.GlobalMaxPooling2D(),
            L.Dense(CLASSES),
        ]
    ),
}


@functools.cache
def made(name):
    """Returns a network with biases and statistics that are not those of a fresh one.

    It is the same each time, so that what was compiled for it serves all tests of a file.
    """
    keras.utils.set_random_seed(1)
    network, random = NETWORKS[name](), np.random.default_rng(0)
    for weight in network.weights:
        if "variance" in weight.path:
            weight.assign(weight * 2.0)
        elif "seed" not in weight.path:
            weight.assign(weight + 0.3 * random.normal(size=weight.shape))
    return network


def points(image, epsilon, norm, count=200):
    """Returns [count, batch, ...] points of the balls around images, cut to [0, 1]."""
    random, found = np.random.default_rng(0), []
    for number in range(count):
        away = random.normal(size=image.shape)
        if norm == "linf":
            away = np.sign(away) if number % 2 else random.uniform(-1, 1, image.shape)
        elif norm == "l2":
            away /= np.sqrt((away**2).sum((1, 2, 3), keepdims=True))
        else:
            away = away**5  # near a corner
            away /= np.abs(away).sum((1, 2, 3), keepdims=True)
        found.append(np.clip(image + epsilon * away, 0, 1))
    return np.stack(found).astype("float32")
