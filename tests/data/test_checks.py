import numpy as np
import pytest

from fosc_tf.data import check_images, check_labels, check_lengths
from tests.data.three_parts import refused

IMAGE = np.full((2, 3, 3, 1), 0.5, np.float32)


def with_pixel(value):
    image = IMAGE.copy()
    image[1, 2, 2, 0] = value
    return image


def test_what_is_right_passes():
    check_images(IMAGE)
    check_images(with_pixel(0.0))
    check_images(with_pixel(1.0))
    check_images(IMAGE.astype(np.float64))
    check_images(np.full((2, 3, 3, 1), 255, np.uint8), uint8=True)
    check_labels(np.array([0, 9]), 10)
    check_labels(np.array([0, 9], np.uint8), 10)
    check_labels([0, 9], 10)
    check_labels(np.array([0, 10**6]))
    check_lengths(IMAGE, [0, 1])


@pytest.mark.parametrize(
    ("image", "rule", "right", "received"),
    [
        (IMAGE[0], "four axes", "[batch, height", "[3, 3, 1]"),
        (IMAGE[:0], "not be empty", "float32", "[0, 3, 3, 1]"),
        (IMAGE.astype(np.int64), "hold floats", "float32", "int64"),
        (IMAGE.astype(np.uint8), "hold floats", "divide uint8 images by 255", "uint8"),
        (with_pixel(np.nan), "no NaN", "[0, 1]", "1 NaN"),
        (with_pixel(np.inf), "in [0, 1]", "[0, 1]", "to inf"),
        (with_pixel(-0.01), "in [0, 1]", "[0, 1]", "from -0.01 to 0.5"),
        (with_pixel(255.0), "in [0, 1]", "divide 0..255 by 255", "from 0.5 to 255"),
    ],
)
def test_wrong_images(image, rule, right, received):
    error = refused(
        lambda: check_images(image, name="x_test"), rule=rule, right=right, received=received
    )
    assert error.rule.startswith("x_test must")


@pytest.mark.parametrize(
    ("label", "rule", "right", "received"),
    [
        (np.eye(10), "one axis", "argmax", "[10, 10]"),
        (np.array(3), "one axis", "[batch]", "shape []"),
        (np.array([], np.int32), "not be empty", "from 0 to 9", "[0]"),
        (np.array([1.0, 2.0]), "hold integers", "from 0 to 9", "float64"),
        (np.array([True, False]), "hold integers", "from 0 to 9", "bool"),
        (np.array([-1, 2]), "in its range", "from 0 to 9", "from -1 to 2"),
        (np.array([0, 10]), "in its range", "from 0 to 9", "from 0 to 10"),
    ],
)
def test_wrong_labels(label, rule, right, received):
    refused(lambda: check_labels(label, 10), rule=rule, right=right, received=received)


def test_labels_below_zero_are_wrong_whatever_the_number_of_classes():
    refused(
        lambda: check_labels(np.array([-1])), rule="range", right="0 or more", received="from -1"
    )


def test_wrong_lengths():
    refused(
        lambda: check_lengths(IMAGE, [0]),
        rule="equally long",
        right="2 labels",
        received="2 images, 1 label",
    )
