"""BinaryConnect: signs at work, trained from behind, clipped, packed to a bit a weight."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import AdversarialTrainer, defenses
from fosc_tf.bounds import interval
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.binary_connect import BinaryConnectConv2D, BinaryConnectDense, signs
from fosc_tf.models.folding import folded
from fosc_tf.subnetworks import (
    binary_connect,
    masked,
    pack,
    plain,
    sizes,
    unpack,
    without_empty_channels,
)
from fosc_tf.subnetworks.plain import computed_layers
from fosc_tf.training import CoupledSGD
from tests.defenses.arguments import arguments_of
from tests.subnetworks import by_hand
from tests.subnetworks.networks import digits, images, residual, sequential
from tests.subnetworks.test_own_weights import close, fitted, small_mlp
from tests.subnetworks.test_training import IMAGE, LABEL


def test_signs_and_their_gradient():
    values = tf.constant([-2.0, -0.0, 0.0, 1e-9, 0.5, -1e-9])
    with tf.GradientTape() as tape:
        tape.watch(values)
        found = signs(values)
        height = tf.reduce_sum(found * tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    np.testing.assert_array_equal(found, [-1, 1, 1, 1, 1, -1])
    np.testing.assert_array_equal(tape.gradient(height, values), [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("make", [residual, sequential, digits])
def test_the_network_of_signs(make):
    network = make()
    binary = binary_connect(network, last_batch_norm=False)
    before = {layer.name: layer for layer in all_layers(network)}
    for layer in computed_layers(binary):
        assert type(layer) in (BinaryConnectConv2D, BinaryConnectDense)
        kernel = before[layer.name].kernel.numpy()
        np.testing.assert_array_equal(layer.values, np.clip(kernel, -1, 1))
        np.testing.assert_array_equal(layer.kernel, np.where(kernel >= 0, 1, -1))
        before[layer.name].kernel.assign(layer.kernel)
    close(binary, network)
    names = {v.path.rpartition("/")[2] for v in binary.trainable_variables}
    assert names == {"values"}
    assert binary_connect(network).layers[-1].name == "last_batch_norm"


def test_training_is_that_of_a_plain_loop():
    network = small_mlp()
    for layer in ("hidden", "logits"):  # some of them reach their end, and are clipped
        variable = network.get_layer(layer).kernel
        variable.assign(np.random.default_rng(1).uniform(-1, 1, variable.shape))
    binary = binary_connect(network, last_batch_norm=False)
    layers = computed_layers(binary)
    latent, _ = by_hand.trained(
        [layer.values.numpy() for layer in layers],
        None,
        lambda values, layer: np.where(values >= 0, 1.0, -1.0),
        lambda gradient, layer: gradient,
        IMAGE[:64].reshape(64, -1),
        LABEL[:64],
        steps=5,
        train_bias=False,
        clip=1.0,
    )
    before = [layer.kernel.numpy() for layer in layers]
    fitted(binary)
    for layer, values, kernel in zip(layers, latent, before, strict=True):
        np.testing.assert_allclose(layer.values, values, atol=1e-5)
        assert np.any(layer.kernel.numpy() != kernel)
    assert max(np.abs(layer.values).max() for layer in layers) == 1.0


@pytest.mark.parametrize("name", ["standard", "trades", "atta", "free", "yopo", "adv_ibp"])
def test_every_trainer_clips(name):
    network = binary_connect(digits(), last_batch_norm=name != "adv_ibp")
    defense = defenses.get(name, **arguments_of(name))
    trainer = (defense.trainer or AdversarialTrainer)(network, defense)
    trainer.compile(optimizer=CoupledSGD(50.0, momentum=0.9))
    ids = np.arange(32)
    data = {"image": IMAGE[:32], "label": LABEL[:32], "id": ids}
    data = tf.data.Dataset.from_tensor_slices(data).batch(16)
    trainer.fit(data, epochs=3, verbose=0)
    largest = [np.abs(layer.values).max() for layer in computed_layers(network)]
    assert max(largest) == 1.0


def test_packed_shrunk_saved_folded_and_bounded(tmp_path):
    binary = binary_connect(digits("digits_cnn"))
    binary(images(64), training=True)
    written = pack(binary, tmp_path / "network.bin")
    *rows, total = sizes(binary)
    weights = sum(row["weights"] for row in rows)
    assert total["kept"] == weights
    assert total["mask_bits"] == 0
    assert weights <= total["weight_bits"] < weights + 8 * len(rows)
    assert total["file_bytes"] == written < weights / 8 + 4000
    binary.save(tmp_path / "network.keras")
    for network in (
        unpack(tmp_path / "network.bin"),
        plain(binary),
        keras.models.load_model(tmp_path / "network.keras"),
        without_empty_channels(binary),
        folded(binary),
        folded(binary, once=True),
    ):
        close(network, binary)
    lower, upper = interval(binary, images(), epsilon=0.0)
    logits = binary(images(), training=False).numpy()
    scale = 1e-4 * np.abs(logits).max()
    assert np.all(lower <= logits + scale)
    assert np.all(logits <= upper + scale)


def test_of_a_masked_network():
    once = masked(digits(), rate=0.5, weights="own")
    binary = binary_connect(once, last_batch_norm=False)
    for one, other in zip(computed_layers(once), computed_layers(binary), strict=True):
        kernel = one.kernel.numpy()
        np.testing.assert_array_equal(other.kernel, np.where(kernel >= 0, 1, -1))


def test_refused():
    with pytest.raises(UserError, match="says what it calls"):
        binary_connect(keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]))
    with pytest.raises(UserError, match="last_batch_norm"):
        binary_connect(digits(), last_batch_norm="yes")
