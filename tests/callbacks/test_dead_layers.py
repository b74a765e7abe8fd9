"""Dead ReLUs and constant classifiers: planted ones are named once, sound ones are not."""

import keras
import numpy as np
import pytest
from absl import logging
from sklearn.datasets import load_digits

from fosc_tf import AdversarialTrainer, defenses, models
from fosc_tf.callbacks import DeadLayers
from fosc_tf.callbacks.dead_layers import Found, dead_layers
from tests.attacks.toys import images
from tests.data.three_parts import refused

IMAGE = images(12)
layers = keras.layers


def network(kind):
    """Two hidden layers of ReLUs, in each of the ways in which a ReLU may be written."""
    first, hidden = layers.Conv2D(4, 3, name="conv"), layers.Dense(5, name="hidden")
    if kind == "layers":
        parts = [first, layers.ReLU(name="relu1"), layers.Flatten(), hidden]
        parts += [layers.Activation("relu", name="relu2")]
    else:
        parts = [
            layers.Conv2D(4, 3, activation="relu", name="relu1"),
            layers.Flatten(),
            layers.Dense(5, activation="relu", name="relu2"),
        ]
    made = keras.Sequential([keras.Input((4, 4, 1)), *parts, layers.Dense(3, name="logits")])
    if kind != "nested":
        return made
    image = keras.Input((4, 4, 1))
    made.name = "inner"
    return keras.Model(image, layers.Activation("linear")(made(image)))


class OwnClass(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = network("layers")

    def call(self, image):
        return self.inner(image)


def kill(network, name):
    """Gives the layer called `name` a bias under which none of its ReLUs is above 0."""
    layer = next(each for each in network._flatten_layers() if each.name == name)
    layer.bias.assign(np.full(layer.bias.shape, -100.0))


@pytest.mark.parametrize(
    ("kind", "bias", "relu"),
    [
        ("layers", "conv", "relu1"),
        ("layers", "hidden", "relu2"),
        ("activations", "relu1", "relu1"),
        ("activations", "relu2", "relu2"),
        ("nested", "relu2", "inner/relu2"),
    ],
)
def test_a_planted_dead_layer_is_found(kind, bias, relu):
    made = network(kind)
    assert dead_layers(made, IMAGE) == Found((), False)
    kill(made, bias)
    found = dead_layers(made, IMAGE)
    # Behind a dead first layer the second still has its bias, here 0: it is dead too.
    prefix = "inner/" if kind == "nested" else ""
    expected = {relu} | ({f"{prefix}relu2"} if relu.endswith("1") else set())
    assert set(found.dead) == expected
    assert found.constant  # nothing of the image comes through


def test_one_living_image_of_many_keeps_a_layer_alive():
    made = network("layers")
    bright = np.concatenate([np.zeros([300, 4, 4, 1]), np.ones([1, 4, 4, 1])]).astype("float32")
    made.get_layer("conv").kernel.assign(np.ones([3, 3, 1, 4]))
    made.get_layer("conv").bias.assign(np.full([4], -8.5))  # 9 ones are 0.5 above
    assert "relu1" not in dead_layers(made, bright).dead
    assert "relu1" in dead_layers(made, bright[:-1]).dead


def test_other_activations_do_not_die():
    parts = [layers.LeakyReLU(), layers.ReLU(negative_slope=0.1), layers.Activation("tanh")]
    made = keras.Sequential([keras.Input((4, 4, 1)), *parts, layers.Flatten(), layers.Dense(3)])
    for each in made.layers:
        assert dead_layers(made, np.zeros([2, 4, 4, 1], np.float32)).dead == ()
        assert each.built


def test_of_a_class_of_ones_own_only_the_logits_are_seen():
    made = OwnClass()
    assert dead_layers(made, IMAGE) == Found((), False)
    kill(made.inner, "hidden")
    assert dead_layers(made, IMAGE) == Found((), True)


def test_one_class_for_all_with_different_logits_is_no_constant():
    made = network("layers")
    made.get_layer("logits").bias.assign([1000.0, 0.0, 0.0])
    assert np.all(np.argmax(made(IMAGE), axis=1) == 0)
    assert not dead_layers(made, IMAGE).constant


def test_batch_norms_are_in_evaluation_mode_and_unchanged():
    made = models.get("mnist_cnn", input_shape=(8, 8, 1), num_classes=10)
    before = [np.array(each) for each in made.weights]
    assert dead_layers(made, np.ones([2, 8, 8, 1])).dead == ()
    for old, new in zip(before, made.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_warning_once_a_layer_and_numbers_each_epoch(monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda form, *values: said.append(form % values))
    made = network("layers")
    callback, logs = DeadLayers(made, IMAGE), {}
    callback.on_epoch_end(0, logs)
    assert logs == {"dead_layers": 0.0, "constant_classifier": 0.0}
    assert set(logs) == set(DeadLayers.adds)
    kill(made, "hidden")
    for epoch in (1, 2):
        callback.on_epoch_end(epoch, logs)
        assert logs == {"dead_layers": 1.0, "constant_classifier": 1.0}
    assert said == [
        "epoch 2: layer 'relu2' is dead: its ReLUs are 0 for all 12 images looked at",
        "epoch 2: the network is a constant classifier: one output for all 12 images looked at",
    ]


def test_a_sound_training_on_digits_raises_no_alarm(monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda *values: said.append(values))
    bunch = load_digits()
    image = (bunch.images[:320, ..., None] / 16).astype("float32")
    made = models.get("lenet", input_shape=(8, 8, 1), num_classes=10, width=4)
    trainer = AdversarialTrainer(made, defenses.get("standard", epsilon=0.1, num_steps=2))
    trainer.compile(keras.optimizers.Adam(2e-3))
    callback = DeadLayers(made, image[256:])
    data = image[:256], bunch.target[:256]
    history = trainer.fit(*data, epochs=2, verbose=0, callbacks=[callback]).history
    assert history["dead_layers"] == history["constant_classifier"] == [0.0, 0.0]
    assert said == []


def test_one_image_tells_nothing():
    refused(
        lambda: DeadLayers(network("layers"), IMAGE[:1]), rule="dead", right="100", received="1"
    )
