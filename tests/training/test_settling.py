"""Statistics of a network's own activations, against those taken by NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.training import settle
from tests.attacks.toys import assert_same, images, labels, snapshot, with_batch_norm_and_dropout

SIZE, BATCHES = 8, 3
IMAGE, LABEL = images(SIZE * BATCHES), labels(SIZE * BATCHES)


def batches():
    return tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(SIZE)


def two_norms():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(3, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3),
        ]
    )


def by_numpy(network, shown):
    """Returns means and variances of both norms: each batch normalised by its own."""
    kernel, bias, _, _, _, _, dense, dense_bias, *_ = network.get_weights()
    found = []
    for image in shown:
        windows = np.lib.stride_tricks.sliding_window_view(image[..., 0], (3, 3), axis=(1, 2))
        first = np.einsum("bxyij,ijo->bxyo", windows, kernel[:, :, 0]) + bias
        mean, variance = first.mean((0, 1, 2)), first.var((0, 1, 2))
        normal = (first - mean) / np.sqrt(variance + 1e-3)
        second = normal.reshape(len(image), -1) @ dense + dense_bias
        found.append((mean, variance, second.mean(0), second.var(0)))
    return [np.mean(each, axis=0) for each in zip(*found, strict=True)]


def test_are_the_means_over_all_batches():
    network = two_norms()
    network.layers[1].set_weights([np.ones(3), np.zeros(3), np.full(3, 7.0), np.full(3, 9.0)])
    before = snapshot(network)
    settle(network, defenses.get("unsecured"), batches())
    expected = by_numpy(network, np.split(IMAGE, BATCHES))
    norms = network.layers[1], network.layers[4]
    found = [each.numpy() for norm in norms for each in (norm.moving_mean, norm.moving_variance)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert [norm.momentum for norm in norms] == [0.99, 0.99]
    trained = {id(each) for each in network.trainable_variables}
    for variable, value in zip(network.variables, before, strict=True):
        if id(variable) in trained:
            np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("name", ["standard", "trades"])
def test_images_are_those_that_the_defense_trains_on(name):
    """TRADES answers at clean and at adversarial images."""
    network = two_norms()
    defense = defenses.get(name, epsilon=0.2, num_steps=2)
    shown = []
    twin = two_norms()
    settle(twin, defense, batches(), seed=3, step=5)
    # Attacks see evaluation mode: the statistics of the batches before.
    for number, image in enumerate(np.split(IMAGE, BATCHES)):
        label = LABEL[SIZE * number : SIZE * number + SIZE]
        found = defense.attack(network, image, label, seed=3, step=5).image.numpy()
        shown += [image, found] if name == "trades" else [found]
        means = by_numpy(network, shown)
        for norm, at in ((network.layers[1], 0), (network.layers[4], 2)):
            norm.moving_mean.assign(means[at])
            norm.moving_variance.assign(means[at + 1])
    for one, other in zip(twin.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_random_layers_stay_where_they_are():
    network = with_batch_norm_and_dropout()
    before = network.get_weights()
    settle(network, defenses.get("unsecured"), batches())
    after = network.get_weights()
    moved = [bool(np.any(a != b)) for a, b in zip(before, after, strict=True)]
    names = [variable.name for variable in network.weights]
    changed = [name for name, has in zip(names, moved, strict=True) if has]
    assert changed == ["moving_mean", "moving_variance"]


def test_a_defense_with_a_memory_and_a_network_without_norms():
    network = two_norms()
    rows = {"image": IMAGE, "label": LABEL, "id": np.arange(len(IMAGE))}
    data = tf.data.Dataset.from_tensor_slices(rows).batch(SIZE)
    defense = defenses.get(
        "atta", epsilon=0.2, num_examples=len(IMAGE), image_shape=(4, 4, 1), steps_per_epoch=3
    )
    settle(network, defense, data, step=1)
    assert np.abs(network.layers[1].moving_mean.numpy()).max() > 0
    plain = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    settle(plain, defense, None)
    assert_same(plain.get_weights(), [])
