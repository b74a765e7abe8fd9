"""Own weights: what a trained network has is kept; magnitude pruning, its repetition, HYDRA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import AdversarialTrainer, defenses
from fosc_tf.bounds import interval
from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.models.folding import folded
from fosc_tf.models.masked import MaskedDense
from fosc_tf.subnetworks import masked, pack, plain, unpack, with_fixed_mask, without_empty_channels
from fosc_tf.subnetworks.masking import masked_layers
from fosc_tf.training import CoupledSGD
from tests.subnetworks import by_hand
from tests.subnetworks.networks import digits, images, residual
from tests.subnetworks.test_training import IMAGE, LABEL, STEPS, Watched, batches

L = keras.layers


def used(network, seed=0):
    """Gives biases and all of batch norms values as after a training."""
    random = np.random.default_rng(seed)
    for layer in all_layers(network):
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, v.shape) for v in layer.get_weights()])
        elif getattr(layer, "use_bias", False):
            layer.bias.assign(random.normal(size=layer.bias.shape))
    return network


def close(one, other, image=None):
    image = images() if image is None else image
    one, other = (np.asarray(each(image, training=False)) for each in (one, other))
    np.testing.assert_allclose(one, other, atol=1e-5 * max(1.0, np.abs(other).max()))


def kinds(network):
    return sorted(v.path.rpartition("/")[2] for v in network.trainable_variables)


@pytest.mark.parametrize("make", [residual, lambda: digits("digits_cnn"), digits])
def test_biases_affine_parts_and_statistics_are_kept(make):
    network = used(make())
    subnetwork = masked(network, rate=0.0, weights="own")
    close(subnetwork, network)
    assert subnetwork.layers[-1].name == "logits"
    half = masked(network, rate=0.5, weights="own")
    for layer in masked_layers(half):
        layer_before = next(each for each in all_layers(network) if each.name == layer.name)
        layer_before.kernel.assign(layer_before.kernel * layer.mask)
    close(half, network)
    assert masked(make(), weights="own", last_batch_norm=True).layers[-1].name == "last_batch_norm"


def test_what_is_trained_in_either_stage():
    network = used(residual())
    first = masked(network, rate=0.5, weights="own")
    assert kinds(first) == ["scores"] * 3
    second = with_fixed_mask(first)
    everything = ["beta", "bias", "bias", "gamma", "values", "values", "values"]
    assert kinds(second) == everything
    close(second, first)
    assert kinds(masked(network, rate=0.5, weights="own", trained="weights")) == everything
    assert kinds(masked(network, rate=0.5, trained="weights")) == ["values"] * 3
    for subnetwork in (first, second):
        expected = kinds(subnetwork)
        subnetwork.trainable = False
        assert kinds(subnetwork) == []
        subnetwork.trainable = True
        assert kinds(subnetwork) == expected
    # One order of variables, so that checkpoints of one stage can be read by the other.
    assert [v.path for v in first.variables] == [v.path for v in second.variables]


def test_saved_by_keras(tmp_path):
    for number, trained in enumerate(("scores", "weights")):
        subnetwork = masked(used(residual()), rate=0.5, weights="own", trained=trained)
        subnetwork.save(tmp_path / f"{number}.keras")
        loaded = keras.models.load_model(tmp_path / f"{number}.keras")
        assert kinds(loaded) == kinds(subnetwork)
        close(loaded, subnetwork)


@pytest.mark.parametrize("trained", ["scores", "weights"])
def test_packed_plain_shrunk_folded_and_bounded(trained, tmp_path):
    subnetwork = masked(
        used(digits("digits_cnn")), rate=0.97, gamma=0.5, weights="own", trained=trained
    )
    pack(subnetwork, tmp_path / "network.bin")
    for network in (
        plain(subnetwork),
        unpack(tmp_path / "network.bin"),
        without_empty_channels(subnetwork),
        folded(subnetwork),
        folded(subnetwork, once=True),
    ):
        close(network, subnetwork)
    shrunk = without_empty_channels(subnetwork)
    assert shrunk.count_params() < plain(subnetwork).count_params()
    trainable = plain(subnetwork).trainable_variables
    assert len(trainable) == len(digits("digits_cnn").trainable_variables)
    lower, upper = interval(subnetwork, images(), epsilon=0.01)
    logits = subnetwork(images(), training=False)
    assert np.all(lower <= logits)
    assert np.all(logits <= upper)


def test_the_gradient_of_weights_is_masked():
    layer = MaskedDense(2, kept=3, trained="weights", use_bias=True)
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=(5, 4)), tf.float32)
    upstream = random.normal(size=(5, 2)).astype(np.float32)
    layer(x)
    with tf.GradientTape() as tape:
        height = tf.reduce_sum(layer(x) * upstream)
    values, bias = tape.gradient(height, [layer.values, layer.bias])
    np.testing.assert_allclose(values, (x.numpy().T @ upstream) * layer.mask.numpy(), rtol=1e-5)
    np.testing.assert_allclose(bias, upstream.sum(axis=0), rtol=1e-5)


def small_mlp():
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            L.Flatten(),
            L.Dense(12, activation="relu", name="hidden"),
            L.Dense(10, name="logits"),
        ]
    )
    return used(network)


def fitted(network, name="unsecured", steps=5, **arguments):
    trainer = AdversarialTrainer(network, defenses.get(name, **arguments))
    trainer.compile(
        optimizer=CoupledSGD(
            by_hand.RATE, momentum=by_hand.MOMENTUM, coupled_weight_decay=by_hand.DECAY
        )
    )
    one = tf.data.Dataset.from_tensors((IMAGE[:64], LABEL[:64])).repeat(steps)
    trainer.fit(one, epochs=1, steps_per_epoch=steps, verbose=0)
    return trainer


def test_fine_tuning_by_magnitude_is_that_of_a_plain_loop():
    subnetwork = masked(small_mlp(), rate=0.8, gamma=0.5, weights="own", trained="weights")
    layers = masked_layers(subnetwork)
    masks = [layer.mask.numpy() for layer in layers]
    latent, bias = by_hand.trained(
        [layer.values.numpy() for layer in layers],
        [layer.bias.numpy() for layer in layers],
        lambda values, layer: values * masks[layer],
        lambda gradient, layer: gradient * masks[layer],
        IMAGE[:64].reshape(64, -1),
        LABEL[:64],
        steps=5,
    )
    before = [layer.values.numpy() for layer in layers]
    fitted(subnetwork)
    for layer, values, b, mask, old in zip(layers, latent, bias, masks, before, strict=True):
        np.testing.assert_allclose(layer.values, values, atol=1e-5)
        np.testing.assert_allclose(layer.bias, b, atol=1e-5)
        np.testing.assert_array_equal(layer.mask, mask)
        # Decay and momentum move what is pruned, and none of it comes back into the kernel.
        assert np.abs(layer.values.numpy() - old)[mask == 0].max() > 0
        assert not np.asarray(layer.kernel)[mask == 0].any()


def test_scores_of_hydra_are_those_of_a_plain_loop():
    subnetwork = masked(small_mlp(), rate=0.8, gamma=1.0, weights="own", scores_scale=0.01)
    layers = masked_layers(subnetwork)
    values = [layer.values.numpy().astype(np.float64) for layer in layers]
    bias = [layer.bias.numpy() for layer in layers]

    def kernel(scores, layer):
        best = np.zeros(scores.size)
        best[np.argsort(-scores.ravel(), kind="stable")[: layers[layer].kept]] = 1
        return values[layer] * best.reshape(scores.shape)

    latent, _ = by_hand.trained(
        [layer.scores.numpy() for layer in layers],
        bias,
        kernel,
        lambda gradient, layer: gradient * values[layer],
        IMAGE[:64].reshape(64, -1),
        LABEL[:64],
        steps=5,
        train_bias=False,
    )
    before = [layer.mask.numpy() for layer in layers]
    fitted(subnetwork)
    for layer, scores, old, b in zip(layers, latent, values, bias, strict=True):
        np.testing.assert_allclose(layer.scores, scores, atol=1e-5)
        np.testing.assert_array_equal(layer.values, old)
        np.testing.assert_array_equal(layer.bias, b)
    for layer, mask in zip(layers, before, strict=True):
        assert np.any(mask != layer.mask.numpy())
    # And its second stage goes on from there, with that mask.
    found = [layer.mask.numpy() for layer in layers]
    second = with_fixed_mask(subnetwork)
    close(second, subnetwork)
    fitted(second)
    for layer, mask, old in zip(masked_layers(second), found, values, strict=True):
        np.testing.assert_array_equal(layer.mask, mask)
        assert np.any(layer.values.numpy() != old)


@pytest.mark.parametrize("name", ["standard", "trades"])
@pytest.mark.parametrize("rank", ["score", "magnitude"])
def test_masks_of_iterative_pruning_are_nested(name, rank):
    network, masks = digits(), None
    for rate in (0.5, 0.8, 0.95):
        network = masked(network, rate=rate, weights="own", trained="weights", rank=rank)
        watched = Watched()
        trainer = AdversarialTrainer(
            network, defenses.get(name, epsilon=0.1, step_size=0.05, num_steps=2)
        )
        trainer.compile(optimizer=CoupledSGD(0.05, momentum=0.9, coupled_weight_decay=1e-3))
        trainer.fit(batches(), epochs=1, steps_per_epoch=STEPS, verbose=0, callbacks=[watched])
        layers = masked_layers(network)
        after = [layer.mask.numpy() for layer in layers]
        for layer, mask, ever in zip(layers, after, watched.ever, strict=True):
            assert mask.sum() == layer.kept == ever.sum()  # the same ones at every step
        if masks:
            assert all(np.all(old >= new) for old, new in zip(masks, after, strict=True))
            assert any(np.any(old > new) for old, new in zip(masks, after, strict=True))
        masks = after


def test_a_masked_network_is_masked_again_as_it_is():
    first = masked(used(residual()), rate=0.5, weights="own", trained="weights")
    again = masked(first, rate=0.5, weights="own", trained="weights")
    close(again, first)
    for one, other in zip(masked_layers(first), masked_layers(again), strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
    # Of a random one the last batch norm is there already.
    random = masked(residual(), rate=0.5)
    twice = masked(random, rate=0.9, weights="own", last_batch_norm=True)
    names = [layer.name for layer in twice.layers]
    assert names.count("last_batch_norm") == 1


def test_refused():
    with pytest.raises(UserError, match="kind of trained variables"):
        masked(digits(), trained="both")
    with pytest.raises(UserError, match="masked"):
        with_fixed_mask(digits())
