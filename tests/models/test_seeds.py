"""The weights depend on the seed and on nothing else."""

import keras
import numpy as np
import pytest

from tests.models.small_networks import SMALL, small


def kernels(network):
    return {v.path: np.array(v) for v in network.variables if v.name == "kernel"}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_same_seed_gives_the_same_bits_whatever_the_global_state(name):
    keras.utils.set_random_seed(1)
    first = small(name, seed=7)
    keras.utils.set_random_seed(2)
    keras.random.normal((3,))
    second = small(name, seed=7)
    assert len(first.variables) == len(second.variables)
    for one, two in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_another_seed_gives_other_kernels_everywhere(name):
    first, second = kernels(small(name, seed=0)), kernels(small(name, seed=1))
    assert first.keys() == second.keys()
    assert first
    for path, kernel in first.items():
        # Two draws may agree by chance in a float or two, never in a share of them.
        assert np.mean(kernel == second[path]) < 0.01


@pytest.mark.parametrize("name", sorted(SMALL))
def test_default_seed_is_zero(name):
    default, zero = kernels(small(name)), kernels(small(name, seed=0))
    for path, kernel in default.items():
        np.testing.assert_array_equal(kernel, zero[path])


def test_layers_of_equal_shape_start_apart():
    network = small("wide_resnet", depth=16)
    seen = {}
    for path, kernel in kernels(network).items():
        assert kernel.tobytes() not in seen, f"{path} repeats {seen.get(kernel.tobytes())}"
        seen[kernel.tobytes()] = path


def test_building_leaves_the_global_random_state_alone():
    keras.utils.set_random_seed(5)
    expected = np.array(keras.random.normal((4,)))
    keras.utils.set_random_seed(5)
    small("cifar_cnn", seed=3)
    np.testing.assert_array_equal(keras.random.normal((4,)), expected)


def test_resnet_kernels_have_he_spread():
    network = small("wide_resnet", width=4)
    kernel = np.array(network.get_layer("stage3_block1_conv2").kernel)  # [3, 3, 256, 256]
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 256)), rel=0.01)


def test_cnn_kernels_have_keras_default_spread():
    kernel = np.array(small("digits_cnn").get_layer("conv2").kernel)  # [3, 3, 32, 64]
    limit = np.sqrt(6 / (9 * 32 + 9 * 64))
    assert 0.99 * limit < np.abs(kernel).max() <= limit
