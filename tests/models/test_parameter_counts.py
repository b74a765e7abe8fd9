"""Parameter counts against hand counts: a layer lost, doubled or of another size shows here."""

import math

import pytest

from fosc_tf import models
from fosc_tf.errors import UserError


def conv(size, inputs, outputs):
    """Kernel of a convolution without bias."""
    return size * size * inputs * outputs


def bn(channels):
    """Scale and offset; the two moving statistics are counted apart."""
    return 2 * channels


def dense(inputs, outputs):
    return inputs * outputs + outputs


def counts(network):
    trainable = sum(math.prod(variable.shape) for variable in network.trainable_variables)
    return trainable, network.count_params() - trainable


def preact_stage(inputs, filters, blocks, projected):
    """One stage of pre-activation blocks, and the channels that its batch norms see."""
    first = bn(inputs) + conv(3, inputs, filters) + bn(filters) + conv(3, filters, filters)
    if projected:
        first += conv(1, inputs, filters)
    other = 2 * bn(filters) + 2 * conv(3, filters, filters)
    return first + (blocks - 1) * other, inputs + filters + (blocks - 1) * 2 * filters


def test_mnist_cnn():
    network = models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)
    assert network.count_params() == 320 + 128 + 18496 + 256 + 401536 + 1290 == 422026
    assert counts(network)[1] == 2 * 32 + 2 * 64


def test_mnist_small():
    network = models.get("mnist_small", input_shape=(28, 28, 1), num_classes=10)
    # Side 28 -> 14 -> 7.
    first, second = conv(4, 1, 16) + 16, conv(4, 16, 32) + 32
    assert counts(network) == (first + second + dense(7 * 7 * 32, 100) + dense(100, 10), 0)
    assert network.count_params() == 272 + 8224 + 156900 + 1010 == 166406


@pytest.mark.parametrize("width", [16, 4])
def test_lenet(width):
    network = models.get("lenet", input_shape=(28, 28, 1), num_classes=10, width=width)
    first, second = conv(5, 1, 2 * width) + 2 * width, conv(5, 2 * width, 4 * width) + 4 * width
    assert network.get_layer("dense1").kernel.shape == (196 * width, 64 * width)
    head = dense(196 * width, 64 * width) + dense(64 * width, 10)
    assert counts(network) == (first + second + head, 0)
    if width == 16:
        assert counts(network)[0] == 3_274_634


def test_cifar_cnn():
    network = models.get("cifar_cnn", input_shape=(32, 32, 3), num_classes=10)
    first = (9 * 3 * 64 + 64) + (9 * 64 * 64 + 64)
    second = (9 * 64 * 128 + 128) + (9 * 128 * 128 + 128)
    third = (9 * 128 * 196 + 196) + (9 * 196 * 196 + 196)
    head = dense(4 * 4 * 196, 256) + dense(256, 10)
    norm_channels = 2 * 64 + 2 * 128 + 2 * 196 + 256
    trainable = first + second + third + head + 2 * norm_channels
    assert counts(network) == (trainable, 2 * norm_channels)


def test_cifar_cnn_width_multiplies_filters_and_dense_units():
    network = models.get("cifar_cnn", input_shape=(32, 32, 3), num_classes=10, width=0.125)
    # 64, 128, 196, 256 eighths: 8, 16, 24.5 (rounds to the even 24), 32.
    convolutions = (
        (9 * 3 * 8 + 8)
        + (9 * 8 * 8 + 8)
        + (9 * 8 * 16 + 16)
        + (9 * 16 * 16 + 16)
        + (9 * 16 * 24 + 24)
        + (9 * 24 * 24 + 24)
    )
    head = dense(4 * 4 * 24, 32) + dense(32, 10)
    norm_channels = 2 * 8 + 2 * 16 + 2 * 24 + 32
    assert counts(network) == (convolutions + head + 2 * norm_channels, 2 * norm_channels)


def test_cifar_cnn_keeps_one_unit_however_narrow():
    network = models.get("cifar_cnn", input_shape=(8, 8, 1), num_classes=2, width=1e-6)
    convolutions, norms, head = 6 * (9 + 1), 7 * 4, dense(1, 1) + dense(1, 2)
    assert network.count_params() == convolutions + norms + head


@pytest.mark.parametrize("name", ["wide_resnet", "wide_resnet_34_10"])
def test_wide_resnet_34_10(name):
    network = models.get(name, input_shape=(32, 32, 3), num_classes=10)
    trainable, norm_channels = conv(3, 3, 16), 0
    for inputs, filters in ((16, 160), (160, 320), (320, 640)):
        parameters, channels = preact_stage(inputs, filters, blocks=5, projected=True)
        trainable, norm_channels = trainable + parameters, norm_channels + channels
    trainable += bn(640) + dense(640, 10)
    assert trainable == 46_160_474  # the 46.2 M of the literature
    assert counts(network) == (trainable, 2 * (norm_channels + 640))


def test_wide_resnet_takes_depth_and_width():
    network = models.get("wide_resnet", input_shape=(8, 8, 1), num_classes=3, depth=16, width=1)
    trainable, norm_channels = conv(3, 1, 16), 0
    # With width 1 the first stage keeps the stem's 16 channels: no projection there.
    for inputs, filters, projected in ((16, 16, False), (16, 32, True), (32, 64, True)):
        parameters, channels = preact_stage(inputs, filters, blocks=2, projected=projected)
        trainable, norm_channels = trainable + parameters, norm_channels + channels
    trainable += bn(64) + dense(64, 3)
    assert counts(network) == (trainable, 2 * (norm_channels + 64))


def test_preact_resnet18():
    network = models.get("preact_resnet18", input_shape=(32, 32, 3), num_classes=10)
    trainable, norm_channels = conv(3, 3, 64), 0
    for inputs, filters in ((64, 64), (64, 128), (128, 256), (256, 512)):
        parameters, channels = preact_stage(inputs, filters, 2, projected=inputs != filters)
        trainable, norm_channels = trainable + parameters, norm_channels + channels
    trainable += bn(512) + dense(512, 10)
    assert trainable == 11_172_170
    assert counts(network) == (trainable, 2 * (norm_channels + 512))


def test_resnet50():
    network = models.get("resnet50", input_shape=(32, 32, 3), num_classes=10)
    trainable, norm_channels = conv(3, 3, 64) + bn(64), 64
    inputs = 64
    for filters, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        outputs = 4 * filters
        for block in range(blocks):
            trainable += conv(1, inputs, filters) + bn(filters)
            trainable += conv(3, filters, filters) + bn(filters)
            trainable += conv(1, filters, outputs) + bn(outputs)
            norm_channels += 2 * filters + outputs
            if block == 0:
                trainable += conv(1, inputs, outputs) + bn(outputs)
                norm_channels += outputs
            inputs = outputs
    trainable += dense(2048, 10)
    assert trainable == 23_520_842
    assert counts(network) == (trainable, 2 * norm_channels)


def test_digits_networks():
    mlp = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    assert counts(mlp) == (dense(64, 128) + dense(128, 128) + dense(128, 10), 0)
    cnn = models.get("digits_cnn", input_shape=(8, 8, 1), num_classes=10)
    hand = (9 * 32 + 32) + (9 * 32 * 64 + 64) + dense(4 * 4 * 64, 128) + dense(128, 10)
    assert counts(cnn) == (hand, 0)


@pytest.mark.parametrize(
    ("channels", "of_thesis"), [((23, 23, 25, 27, 29), 201_078), ((6, 6, 13, 26, 51), 216_360)]
)
def test_small_dense_networks_of_the_thesis(channels, of_thesis):
    """Table 5.6 counts affine parts of batch norms and no bias of the last layer; ours has one."""
    network = models.get("resnet34", input_shape=(32, 32, 3), num_classes=10, channels=channels)
    stem, *stages = channels
    total, before = conv(3, 3, stem) + bn(stem), stem
    for stage, (filters, blocks) in enumerate(zip(stages, (3, 4, 6, 3), strict=True)):
        if stage:
            total += conv(1, before, filters) + bn(filters)
        total += conv(3, before, filters) + (2 * blocks - 1) * conv(3, filters, filters)
        total, before = total + 2 * blocks * bn(filters), filters
    total += before * 10
    assert total == of_thesis
    assert counts(network)[0] == of_thesis + 10


@pytest.mark.parametrize(
    ("name", "width", "rate"),
    [
        ("mnist_cnn", 0.316, 0.9),
        ("mnist_cnn", 0.1, 0.99),
        ("mnist_small", 0.315, 0.9),
        ("mnist_small", 0.1, 0.99),
        ("digits_cnn", 0.315, 0.9),
    ],
)
def test_small_dense_networks_have_about_the_weights_that_pruning_leaves(name, width, rate):
    def weights(**arguments):
        side = 8 if name == "digits_cnn" else 28
        network = models.get(name, input_shape=(side, side, 1), num_classes=10, **arguments)
        return sum(math.prod(each.shape) for each in network.weights if len(each.shape) > 1)

    assert weights(width=1.0) == weights()
    assert weights(width=width) == pytest.approx((1 - rate) * weights(), rel=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": (23, 23, 25, 27)},
        {"channels": (23, 23, 25, 27, 0)},
        {"channels": (6, 6, 13, 26, 51), "width": 0.5},
    ],
)
def test_channels_of_another_number(wrong):
    with pytest.raises(UserError, match="channels"):
        models.get("resnet34", input_shape=(32, 32, 3), num_classes=10, **wrong)
