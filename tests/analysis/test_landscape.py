"""The plane of climbs: what stands in it is the network's own loss."""

import numpy as np
import pytest

from fosc_tf.analysis import landscape
from fosc_tf.attacks import PGD, fosc_above
from tests.attacks import toys
from tests.data.three_parts import refused

EPSILON = 0.2
ATTACKS = {
    "few": PGD(epsilon=EPSILON, step_size=0.1, num_steps=2, start="clean"),
    "many": PGD(epsilon=EPSILON, step_size=0.02, num_steps=15, start="clean"),
}


@pytest.fixture(scope="module")
def network():
    return toys.mlp(gain=3.0)


@pytest.fixture(scope="module")
def example():
    return toys.images(1)[0], int(toys.labels(1)[0])


def loss_at(network, image, label):
    return toys.loss_and_gradient(network, image[None], np.array([label]))[0][0]


def test_climbs_have_their_losses_and_begin_in_the_middle(network, example):
    image, label = example
    arrays = landscape(network, image, label, ATTACKS, points=5)
    assert list(arrays["name"]) == ["few", "many"]
    for i, attack in enumerate(ATTACKS.values()):
        path, height = arrays[f"path_{i}"], arrays[f"height_{i}"]
        assert path.shape == (attack.num_steps + 1, 2)
        np.testing.assert_allclose(path[0], 0.0, atol=1e-6)
        end = attack(network, image[None], np.array([label]), seed=0).image.numpy()[0]
        assert height[0] == pytest.approx(loss_at(network, image, label), rel=1e-5)
        assert height[-1] == pytest.approx(loss_at(network, end, label), rel=1e-5)
        # The plane and what is off it make the whole way.
        whole = np.hypot(np.linalg.norm(path[-1]), arrays[f"off_{i}"])
        assert whole == pytest.approx(np.linalg.norm(end - image), rel=1e-4)
    assert arrays["path_1"][-1, 0] > 0


def test_the_map_is_the_loss_of_the_plane(network, example):
    """One straight step: the first axis is its direction, so the loss along it can be redone."""
    image, label = example
    one = {"one": PGD(epsilon=EPSILON, step_size=0.05, num_steps=1, start="clean")}
    arrays = landscape(network, image, label, one, points=7)
    end = one["one"](network, image[None], np.array([label]), seed=0).image.numpy()[0]
    direction = (end - image) / np.linalg.norm(end - image)
    np.testing.assert_allclose(arrays["off_0"], 0.0, atol=1e-5)
    np.testing.assert_allclose(arrays["path_0"][1], [np.linalg.norm(end - image), 0], atol=1e-5)
    middle = arrays["loss"][3]  # y = 0
    for x, height in zip(arrays["x"], middle, strict=True):
        moved = (image + x * direction).astype("float32")
        assert height == pytest.approx(loss_at(network, moved, label), rel=1e-4, abs=1e-5)
    assert middle[-1] > middle[3] > middle[0]
    np.testing.assert_allclose(arrays["y"][3], 0.0, atol=1e-7)
    assert np.abs(arrays["loss"][0] - middle).max() > 1e-3


def test_the_principal_axis_shows_more_of_the_climbs(network, example):
    image, label = example
    views = {
        second: landscape(network, image, label, ATTACKS, points=2, second=second)
        for second in ("rademacher", "principal")
    }

    def spread(arrays):
        return np.concatenate([arrays["path_0"], arrays["path_1"]])[:, 1].std()

    assert spread(views["principal"]) > spread(views["rademacher"])
    for name in ("path_0", "path_1"):  # the first axis is the same
        one, other = (views[second][name][:, 0] for second in views)
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_seed_decides_the_random_axis(network, example):
    one, again, other = (
        landscape(network, *example, ATTACKS, points=3, seed=seed)["loss"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-4


MISTAKES = {
    "axis": ({"second": "third"}, "second axis", "principal", "third"),
    "points": ({"points": 1}, "points must be", "points=2", "points=1"),
    "no attack": ({"attacks": {}}, "shows climbs", "PGD-10", "no attack"),
    "gate": (
        {"attacks": {"gated": PGD(epsilon=0.2, step_size=0.1, num_steps=2, gate=fosc_above(0.1))}},
        "fixed number of steps",
        "gate=None",
        "gated: num_steps=2",
    ),
    "flat": ({"network": toys.mlp(gain=0.0)}, "leave the image", "", "0 moved"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(network, example, mistake):
    changed, rule, right, received = mistake
    values = {"network": network, "image": example[0], "label": example[1], "attacks": ATTACKS}
    refused(lambda: landscape(**values | changed), rule=rule, right=right, received=received)
