"""Weights for intervals: deviations of the paper, and boxes that keep their width."""

import math

import keras
import numpy as np
import pytest

from fosc_tf import build, models
from fosc_tf.bounds.interval_bounds import intervals
from fosc_tf.bounds.program import read
from fosc_tf.bounds.region import Region
from tests.data.three_parts import refused


def test_deviations_are_those_of_the_paper():
    """Shi et al.: CIFAR-10's first convolution 0.09284, the next 0.004352, the dense 7.650e-5."""
    network = models.get("cnn7", input_shape=(32, 32, 3), num_classes=10, width=64, seed=0)
    models.initialize(network, seed=1)
    known = {"conv1": 0.09284, "conv2": 0.004352, "conv4": 0.002176, "dense1": 7.650e-5}
    for name, deviation in known.items():
        kernel = network.get_layer(name).kernel.numpy()
        assert kernel.std() == pytest.approx(deviation, rel=6 / math.sqrt(kernel.size))
        assert not network.get_layer(name).bias.numpy().any()
    last, fan_in = network.get_layer("logits"), 512
    for value in (last.kernel.numpy(), last.bias.numpy()):
        assert np.abs(value).max() <= 1 / math.sqrt(fan_in)
        assert value.any()


def test_boxes_keep_their_width_through_layers():
    def widths(initialized):
        network = models.get("dm_medium", input_shape=(28, 28, 1), num_classes=10, seed=0)
        if initialized:
            models.initialize(network, seed=0)
        image = np.random.default_rng(0).uniform(0.2, 0.8, size=(8, 28, 28, 1)).astype("float32")
        program = read(network)
        ends = intervals(program, Region.around(image, 0.1))
        before = [step.inputs[0] for step in program.steps if step.name.startswith("relu")]
        return [float(np.mean(ends[value].upper - ends[value].lower)) for value in before]

    ours, keras_own = widths(True), widths(False)
    assert max(ours) / min(ours) < 3
    assert keras_own[-1] / keras_own[0] > 100


def test_is_drawn_from_the_seed():
    def drawn(seed):
        network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10, seed=0)
        models.initialize(network, seed=seed)
        return network.get_weights()[0]

    np.testing.assert_array_equal(drawn(3), drawn(3))
    assert np.abs(drawn(3) - drawn(4)).max() > 0
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    models.initialize(network)  # nothing to draw
    refused(
        lambda: models.initialize(network, seed=-1), rule="seed", right="seed=0", received="seed=-1"
    )


def test_a_config_chooses_it():
    from configs import digits_ibp

    config = digits_ibp.get_config()
    config.model.initialization = "keras"
    plain = build.network(config).get_weights()[0]
    config.model.initialization = "ibp"
    assert np.abs(build.network(config).get_weights()[0] - plain).max() > 0
    config.model.initialization = "he"
    refused(lambda: build.build(config), rule="initialization", right="ibp, keras", received="'he'")
