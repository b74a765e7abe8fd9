"""What a user can get wrong is refused in three parts: the rule, what is right, what came."""

import numpy as np
import pytest

from fosc_tf import models
from fosc_tf.errors import UserError
from tests.models.small_networks import LARGE, SMALL, small

SMALLEST = {"mnist_cnn": 4, "mnist_small": 1, "cifar_cnn": 8}
SMALLEST |= {"digits_cnn": 2, "digits_mlp": 1, "wide_resnet": 1}
SMALLEST |= {"dm_small": 4, "dm_medium": 4, "dm_large": 1, "fc1": 1, "cnn7": 1, "lenet": 4}
SMALLEST |= {"table_f_a": 7, "table_f_d": 4, "table_f_g": 15, "table_f_i": 4}


def test_unknown_name_lists_all_and_the_nearest():
    with pytest.raises(UserError) as error:
        models.get("mnist_cn", input_shape=(28, 28, 1), num_classes=10)
    for name in models.names():
        assert name in error.value.right
    assert "nearest: mnist_cnn" in error.value.right
    assert "mnist_cn" in error.value.received


@pytest.mark.parametrize("name", sorted(SMALL | LARGE))
def test_unknown_argument_lists_the_known_ones(name):
    with pytest.raises(UserError) as error:
        small(name, dropout=0.1)
    for argument in ("input_shape", "num_classes", "mean", "std", "seed"):
        assert argument in error.value.right
    assert "dropout" in error.value.received


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("digits_mlp", {"batch_norm_momentum": 0.9}),  # it has no batch norm
        ("mnist_cnn", {"depth": 2}),
        ("fc1", {"batch_norm_momentum": 0.9}),
        ("wide_resnet_34_10", {"depth": 28}),  # its name already says 34
    ],
)
def test_argument_without_effect_is_refused(name, argument):
    with pytest.raises(UserError, match="must be a known one"):
        small(name, **argument)


@pytest.mark.parametrize(
    "shape",
    [(28, 28), (28, 28, 1, 1), (0, 28, 1), (28, -1, 1), (28, 28, 0), (28.0, 28, 1), 28, None]
    + [(None, None, 1), (True, 28, 1), "abc"],
)
@pytest.mark.parametrize("name", ["mnist_cnn", "digits_mlp", "wide_resnet"])
def test_wrong_input_shape_is_refused(name, shape):
    with pytest.raises(UserError, match="input_shape must be") as error:
        small(name, input_shape=shape)
    assert error.value.received == f"input_shape={shape!r}"
    assert "32, 32, 3" in error.value.right


@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_image_must_be_large_enough_for_the_pools_and_no_larger(name):
    side = SMALLEST[name]
    assert small(name, input_shape=(side, side, 1)).output_shape == (None, 10)
    for shape in ((side - 1, side, 1), (side, side - 1, 1)):
        with pytest.raises(UserError, match=f"height and width >= {side}"):
            small(name, input_shape=shape)


@pytest.mark.parametrize("num_classes", [1, 0, -3, 2.0, True, "10", None])
def test_wrong_num_classes_is_refused(num_classes):
    with pytest.raises(UserError, match="num_classes must be a whole number >= 2") as error:
        small("digits_mlp", num_classes=num_classes)
    assert error.value.received == f"num_classes={num_classes!r}"


@pytest.mark.parametrize("depth", [33, 4, 9, 35, -2, 34.0, True, None])
def test_depth_that_no_wide_resnet_has_is_refused(depth):
    with pytest.raises(UserError, match=r"depth must be 6 \* n \+ 4") as error:
        small("wide_resnet", depth=depth)
    assert error.value.received == f"depth={depth!r}"


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("wide_resnet", "width", 0),
        ("wide_resnet", "width", 1.5),
        ("cifar_cnn", "width", 0),
        ("cifar_cnn", "width", -1.0),
        ("cifar_cnn", "width", float("inf")),
        ("cifar_cnn", "width", float("nan")),
        ("cifar_cnn", "width", "2"),
        ("mnist_cnn", "batch_norm_momentum", 1.0),
        ("mnist_cnn", "batch_norm_momentum", -0.1),
        ("mnist_cnn", "batch_norm_momentum", None),
        ("digits_mlp", "seed", -1),
        ("digits_mlp", "seed", None),
        ("digits_mlp", "seed", 0.5),
    ],
)
def test_value_out_of_range_is_refused(name, argument, value):
    with pytest.raises(UserError, match=f"^{argument} must be") as error:
        small(name, **{argument: value})
    assert error.value.received == f"{argument}={value!r}"


def test_numpy_integers_and_lists_are_welcome():
    network = models.get("digits_mlp", input_shape=[np.int64(8), 8, 1], num_classes=np.int32(10))
    assert network.input_shape == (None, 8, 8, 1)
    assert network.output_shape == (None, 10)
