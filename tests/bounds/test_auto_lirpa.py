"""Bounds beside those of auto_LiRPA, which this project neither contains nor depends on.

    git clone https://github.com/Verified-Intelligence/auto_LiRPA
    pip install torch appdirs ninja sortedcontainers graphviz && pip uninstall -y triton
    FOSC_TF_AUTO_LIRPA=auto_LiRPA python -m pytest tests/bounds/test_auto_lirpa.py -s

Both are given the same box, the ball cut to [0, 1], and compute in float64. Three of its defaults
are other choices, all sound, and are set to the ones made here:

* tangents of sigmoid and tanh come from a table of step 0.01, which is made finer;
* the lower line of a leaky ReLU has slope 1 where the chord is steeper than 0.5, not where the
  input reaches farther above 0 than below;
* a ReLU that its interval does not decide in one example is bounded anew in all of a batch, and in
  a layer of many such all are: it gets an image at a time and no such limit.
"""

import importlib.util
import os
import sys

import keras
import numpy as np
import pytest

from fosc_tf import bounds

CLONE = os.environ.get("FOSC_TF_AUTO_LIRPA", "")
L = keras.layers
SHAPE, CLASSES = (7, 7, 2), 4
IMAGE = np.random.default_rng(3).uniform(size=(3, *SHAPE)).astype("float32")
LABEL = np.array([0, 1, 2])
RADII = (0.03, 0.1)
METHODS = ("ibp", "crown-ibp", "crown")
SHARE = 1e-5
STEP, FARTHEST = 1e-5, 10.0
"""Of the finer table of tangents; inputs of sigmoid and tanh stay nearer to 0 here."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CLONE, reason="FOSC_TF_AUTO_LIRPA names no clone of auto_LiRPA"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is missing"),
]


def chain(*layers):
    return keras.Sequential([keras.Input(SHAPE), *layers, L.Dense(CLASSES)])


def residual():
    image = keras.Input(SHAPE)
    x = L.Conv2D(3, 3, padding="same")(image)
    y = L.Conv2D(3, 3, padding="same")(L.ReLU()(x))
    z = L.ReLU()(L.Add()([x, y]))
    return keras.Model(image, L.Dense(CLASSES)(L.GlobalAveragePooling2D()(z)))


def curved(kind):
    layers = [L.Flatten(), L.Dense(8, activation=kind), L.Dense(6, activation=kind)]
    return chain(L.Conv2D(4, 3, strides=2, activation=kind), *layers)


NETWORKS = {
    "dense": lambda: chain(
        L.Flatten(), L.Dense(12), L.ReLU(), L.Dense(10), L.ReLU(), L.Dense(9), L.ReLU()
    ),
    "strides and padding": lambda: chain(
        L.Conv2D(4, 3, strides=2, padding="same"),
        L.ReLU(),
        L.ZeroPadding2D(1),
        L.Conv2D(5, 3),
        L.ReLU(),
        L.Flatten(),
        L.Dense(10, activation="relu"),
    ),
    "batch norm": lambda: chain(
        L.Conv2D(4, 3),
        L.BatchNormalization(),
        L.ReLU(),
        L.Conv2D(4, 3, use_bias=False),
        L.BatchNormalization(),
        L.ReLU(),
        L.Flatten(),
        L.Dense(8),
        L.BatchNormalization(),
        L.ReLU(),
    ),
    "residual": residual,
    "sigmoid": lambda: curved("sigmoid"),
    "tanh": lambda: curved("tanh"),
    "average pooling": lambda: chain(
        L.Conv2D(4, 2),
        L.ReLU(),
        L.AveragePooling2D(2),
        L.Conv2D(4, 2),
        L.ReLU(),
        L.AveragePooling2D(2),
        L.Flatten(),
    ),
    "leaky": lambda: chain(
        L.Flatten(),
        L.Dense(12),
        L.LeakyReLU(negative_slope=0.2),
        L.Dense(10),
        L.LeakyReLU(negative_slope=0.1),
    ),
    "leaky convolutions": lambda: chain(
        L.Conv2D(4, 3, strides=2, padding="same"),
        L.LeakyReLU(negative_slope=0.3),
        L.Conv2D(4, 2),
        L.ReLU(negative_slope=0.1),
        L.Flatten(),
    ),
}


def made(name):
    """Returns a network with biases and statistics that are not those of a fresh one."""
    keras.utils.set_random_seed(1)
    network, random = NETWORKS[name](), np.random.default_rng(0)
    for weight in network.weights:
        if "variance" in weight.path:
            weight.assign(weight * 2.0)
        else:
            weight.assign(weight + 0.3 * random.normal(size=weight.shape))
    return network


@pytest.fixture
def torch():
    """PyTorch in float64, on one core, with the clone on the path."""
    import torch

    before, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    sys.path.insert(0, CLONE)
    yield torch
    sys.path.remove(CLONE)
    torch.set_default_dtype(before)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tables():
    """The finer tables of tangents, by the kind of node."""
    return {}


def set_alike(model, tables, torch):
    """Sets what is another choice by default; see the top."""
    for node in model.nodes():
        if hasattr(node, "precompute_relaxation"):
            if type(node) not in tables:
                node.step_pre = STEP
                node.precompute_relaxation(node.act_func, node.d_act_func, x_limit=FARTHEST)
                names = ("step_pre", "x_limit", "num_points_pre", "d_lower", "d_upper")
                tables[type(node)] = {name: getattr(node, name) for name in names}
            vars(node).update(tables[type(node)])
        slope = getattr(node, "leaky_alpha", 0)
        if slope:
            node._relu_lower_bound_init = lambda chord, slope=slope: torch.where(
                chord > (1 + slope) / 2, 1.0, slope
            )


def theirs(network, epsilon, tables, torch):
    """Returns lower, upper and margins [batch, classes] by method."""
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

    from benchmarks.torch_copy import torch_copy

    images = torch.from_numpy(IMAGE.transpose(0, 3, 1, 2).astype("float64")).split(1)
    options = {
        "minimum_sparsity": 1.0,
        "conv_mode": "matrix",
    }
    model = BoundedModule(torch_copy(network), images[0], bound_opts=options, device="cpu")
    set_alike(model, tables, torch)
    identity, found = torch.eye(CLASSES), {method: ([], [], []) for method in METHODS}
    for image, label in zip(images, LABEL, strict=True):
        box = {"x_L": (image - epsilon).clamp(0, 1), "x_U": (image + epsilon).clamp(0, 1)}
        moving = (BoundedTensor(image, PerturbationLpNorm(norm=np.inf, **box)),)
        rows = (identity[label] - identity)[None]
        for method, each in found.items():
            lower, upper = model.compute_bounds(x=moving, method=method)
            least, _ = model.compute_bounds(x=moving, method=method, C=rows, bound_upper=False)
            for kept, one in zip(each, (lower, upper, least), strict=True):
                kept.append(one.detach().numpy())
    return {method: [np.concatenate(one) for one in each] for method, each in found.items()}


def ours(network, epsilon, method):
    settings = {"epsilon": epsilon, "method": method, "dtype": "float64"}
    lower, upper = bounds.logits(network, IMAGE, **settings)
    return lower, upper, bounds.margins(network, IMAGE, LABEL, **settings)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_copy_is_the_network(name, torch):
    from benchmarks.torch_copy import torch_copy

    network = made(name)
    with torch.no_grad():
        logits = torch_copy(network)(torch.from_numpy(IMAGE.transpose(0, 3, 1, 2).astype(float)))
    np.testing.assert_allclose(network(IMAGE, training=False), logits, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_bounds_are_those_of_auto_lirpa(name, tables, torch):
    network = made(name)
    for epsilon in RADII:
        for method, expected in theirs(network, epsilon, tables, torch).items():
            found = ours(network, epsilon, method)
            for kind, one, other in zip(
                ("lower", "upper", "margins"), found, expected, strict=True
            ):
                away = np.abs(one - other).max() / np.abs(other).max()
                print(f"{name}, {epsilon}, {method}, {kind}: {away:.1e}")
                assert away < SHARE, (
                    method,
                    kind,
                    epsilon,
                    np.min(one - other),
                    np.max(one - other),
                )
