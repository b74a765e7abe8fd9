"""Networks of a user's own have names like the project's, as layers or as whole networks."""

import keras
import numpy as np
import pytest

from fosc_tf import models
from fosc_tf.errors import UserError
from fosc_tf.models import registry
from tests.models.small_networks import images_for

SHAPE = {"input_shape": (6, 6, 2), "num_classes": 3}


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Names that are registered here are gone after each test."""
    before = dict(registry._MODELS._factories)
    monkeypatch.setattr(registry._MODELS, "_factories", before)
    return before


@pytest.fixture
def tiny():
    @models.register("tiny", smallest_side=2, batch_norm=False)
    def tiny(make, x, *, filters=4):
        """Its own docstring."""
        x = keras.layers.ReLU(name="relu")(make.conv(filters, name="conv")(x))
        return keras.layers.GlobalMaxPooling2D(name="pool")(x)

    return tiny


def test_layers_are_all_that_a_model_says(tiny):
    network = models.get("tiny", **SHAPE, filters=5, mean=(0.5, 0.5), std=(0.1, 0.2), seed=3)
    names = [layer.name for layer in network.layers]
    assert names == ["image", "standardization", "conv", "relu", "pool", "logits"]
    assert (network.name, network.output_shape) == ("tiny", (None, 3))
    assert network.get_layer("conv").kernel.shape == (3, 3, 2, 5)
    again = models.get("tiny", **SHAPE, filters=5, mean=(0.5, 0.5), std=(0.1, 0.2), seed=3)
    np.testing.assert_array_equal(network(images_for(network)), again(images_for(again)))
    assert tiny.__doc__ == "Its own docstring."
    assert "tiny" in models.names()


@pytest.mark.parametrize(
    ("argument", "rule"),
    [
        ({"filter": 5}, "the argument of model tiny must be a known one"),
        ({"batch_norm_momentum": 0.9}, "the argument of model tiny must be a known one"),
        ({"input_shape": (6, 1, 2)}, "height and width >= 2"),
        ({"seed": -1}, "seed must be"),
        ({"mean": (0.5, 0.5)}, "mean and std go together"),
    ],
)
def test_what_all_models_take_is_checked_for_it(tiny, argument, rule):
    with pytest.raises(UserError, match=rule) as error:
        models.get("tiny", **SHAPE | argument)
    if "known" in rule:
        expected = "filters, input_shape, mean, num_classes, seed, std"
        assert error.value.right.startswith(f"one of {expected} (nearest: ")


def test_batch_norm_takes_the_momentum():
    @models.register("normal")
    def normal(make, x):
        return keras.layers.Flatten(name="flat")(make.batch_norm(name="bn")(x))

    for given, momentum in (({}, 0.99), ({"batch_norm_momentum": 0.5}, 0.5)):
        assert models.get("normal", **SHAPE, **given).get_layer("bn").momentum == momentum


def test_convolutions_start_as_told():
    @models.register("constant", convolution_init=lambda seed: keras.initializers.Constant(2.0))
    def constant(make, x):
        return keras.layers.Flatten(name="flat")(make.conv(1, name="conv")(x))

    kernel = models.get("constant", **SHAPE).get_layer("conv").kernel
    np.testing.assert_array_equal(kernel, np.full((3, 3, 2, 1), 2.0))


def test_a_whole_network_is_taken_as_it_comes():
    @models.register("whole")
    def whole(input_shape, num_classes, **arguments):
        flat = keras.layers.Flatten()
        layers = [keras.Input(input_shape), flat, keras.layers.Dense(num_classes)]
        return keras.Sequential(layers, name=arguments["title"])

    network = models.get("whole", **SHAPE, title="mine")
    assert (network.name, network.input_shape) == ("mine", (None, 6, 6, 2))
    assert network.output_shape == (None, 3)


def test_a_whole_network_without_further_arguments_refuses_them():
    @models.register("whole")
    def whole(input_shape, num_classes):
        pytest.fail("built")

    with pytest.raises(UserError, match="the argument of model whole must be a known one"):
        models.get("whole", **SHAPE, width=2)


def test_a_whole_network_has_no_frame():
    with pytest.raises(UserError, match="without a frame") as error:

        @models.register("whole", smallest_side=4)
        def whole(input_shape, num_classes):
            pytest.fail("built")

    assert error.value.right == 'register("whole")'
    assert error.value.received == "smallest_side for model whole"
    assert "whole" not in models.names()


def test_a_name_is_given_once():
    with pytest.raises(UserError, match="each model has a name of its own") as error:
        models.register("mnist_cnn")(lambda make, x: x)
    assert error.value.received == "'mnist_cnn'"
