"""Kept weights by channel: counted by loops, random prunings against their closed form."""

import numpy as np
import pytest
from scipy import stats

from fosc_tf.errors import UserError
from fosc_tf.show import style, subnetwork_plots
from fosc_tf.subnetworks import alignment, masked, patterns
from fosc_tf.subnetworks.masking import masked_layers
from tests.subnetworks.networks import digits, small


def test_counts_of_channels_are_those_of_a_loop():
    network = small()
    found = patterns(network, simulations=3)
    for layer in masked_layers(network):
        mask, arrays = layer.mask.numpy(), found[layer.name]
        inputs = [int(mask[..., i, :].sum()) for i in range(mask.shape[-2])]
        outputs = [int(mask[..., i].sum()) for i in range(mask.shape[-1])]
        assert arrays["inputs"].tolist() == sorted(inputs, reverse=True)
        assert arrays["outputs"].tolist() == sorted(outputs, reverse=True)
        assert arrays["empty_outputs"] == outputs.count(0) / len(outputs)
        assert arrays["random_inputs"].sum() == pytest.approx(layer.kept)


def test_random_prunings_leave_as_many_channels_empty_as_expected():
    network = masked(digits(), rate=0.99)
    arrays = patterns(network)["dense1"]
    (layer, *_) = masked_layers(network)
    # Of 8192 weights 128 stand in each of the 64 inputs.
    expected = stats.hypergeom(8192, 128, layer.kept).pmf(0)
    seen = arrays["random_empty_inputs"]
    assert seen == pytest.approx(expected, abs=4 * np.sqrt(expected / (64 * 500)) + 1e-3)
    # Scores that nothing has trained prune at random.
    np.testing.assert_allclose(arrays["inputs"], arrays["random_inputs"], atol=4)


def test_alignment_by_hand():
    network = masked(digits(), rate=0.9)
    first, second, _ = masked_layers(network)
    scores = np.tile(np.arange(128.0), (64, 1))  # the last outputs alone are written
    first.scores.assign(scores)
    full = first.kept // 64
    scores = np.tile(np.arange(128.0)[:, None], (1, 128))
    second.scores.assign(scores)
    found = alignment(network, "dense1", "dense2")
    written, read = -(-first.kept // 64), -(-second.kept // 128)
    assert full in (written, written - 1)
    assert found["empty"] == pytest.approx(1 - written / 128)
    assert found["unread"] == pytest.approx(1 - read / 128)
    assert found["both"] == pytest.approx(1 - max(written, read) / 128)
    assert found["chance"] == pytest.approx(found["empty"] * found["unread"])


def test_layers_that_do_not_follow_each_other():
    network = masked(digits())
    with pytest.raises(UserError, match="dense1"):
        alignment(network, "dense3", "dense2")
    with pytest.raises(UserError, match="10 outputs"):
        alignment(network, "logits", "dense1")


def test_what_stands_in_the_picture():
    arrays = patterns(small(), simulations=3)["inner_conv"]
    figure = subnetwork_plots.channels(arrays, "A convolution")
    assert len(figure.axes) == 2
    for axes, name in zip(figure.axes, ("inputs", "outputs"), strict=True):
        found, random = axes.lines
        np.testing.assert_array_equal(found.get_ydata(), arrays[name])
        np.testing.assert_array_equal(random.get_ydata(), arrays[f"random_{name}"])
    assert style.encoded(figure)
