"""Each check flags the fault planted for it, and a sound network passes them all."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.evaluation import Journal, scrutiny, white_box
from fosc_tf.evaluation.scrutiny import check
from tests.data.three_parts import refused


@keras.saving.register_keras_serializable(package="tests")
class Quantized(keras.layers.Layer):
    """Rounds images to 8 levels: the gradient that comes back is 0."""

    def call(self, image):
        return tf.round(image * 7) / 7 + 0.0 * image


@keras.saving.register_keras_serializable(package="tests")
class Cut(keras.layers.Layer):
    """Lets no gradient through at all."""

    def call(self, image):
        return tf.stop_gradient(image)


@keras.saving.register_keras_serializable(package="tests")
class Noisy(keras.layers.Layer):
    """Adds noise at inference too."""

    def call(self, image):
        return image + 0.05 * tf.random.normal(tf.shape(image))


class Misleading(keras.layers.Layer):
    """Passes images on as they are, and their gradient times `sign(image)` of each example."""

    def __init__(self, sign):
        super().__init__()
        self.sign = sign

    def call(self, image):
        @tf.custom_gradient
        def passed(image):
            return tf.identity(image), lambda gradient: gradient * self.sign(image)

        return passed(image)


def backwards(image):
    return -tf.ones([tf.shape(image)[0], 1, 1, 1])


def right_on_clean_images_only(image):
    steps = 16 * image  # digits have 17 shades of grey
    clean = tf.reduce_all(tf.abs(steps - tf.round(steps)) < 1e-4, axis=(1, 2, 3), keepdims=True)
    return tf.where(clean, 1.0, -1.0)


def by_chance(image):
    total = tf.reduce_sum(image, axis=(1, 2, 3), keepdims=True)
    return tf.sign(tf.sin(1e3 * total))


def batches(image, label):
    return tf.data.Dataset.from_tensor_slices((image, label)).batch(10)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    image = (data.images / 16).astype(np.float32)[..., None]
    return image, data.target.astype(np.int32)


@pytest.fixture(scope="module")
def sound(digits):
    """A small network, robust enough to keep some accuracy at epsilon 0.1."""
    import fosc_tf

    image, label = digits
    keras.utils.set_random_seed(0)  # of the shuffling
    network = fosc_tf.models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    defense = fosc_tf.defenses.get("standard", epsilon=0.1, num_steps=3)
    trainer = fosc_tf.AdversarialTrainer(network, defense)
    trainer.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    trainer.fit(image[:1400], label[:1400], batch_size=100, epochs=8, verbose=0)
    return network


@pytest.fixture(scope="module")
def test_set(digits):
    image, label = digits
    return tf.data.Dataset.from_tensor_slices((image[1600:], label[1600:])).batch(100)


def flags(network, dataset, *, epsilon=0.1, **options):
    return {f.name for f in check(network, dataset, epsilon=epsilon, **options) if not f.passed}


def behind(layer, network):
    image = keras.Input((8, 8, 1))
    return keras.Model(image, network(layer(image)))


@pytest.mark.slow
def test_sound_network_passes_every_check(sound, test_set):
    findings = check(sound, test_set, epsilon=0.1)
    assert [f"{f.name}: {f.value}" for f in findings if not f.passed] == []
    assert len(findings) == 9


def test_softmax_is_flagged(sound, test_set):
    output = keras.layers.Softmax()(sound.output)
    assert "logits" in flags(keras.Model(sound.input, output), test_set)


@pytest.mark.slow
def test_quantised_input_is_flagged(sound, test_set):
    found = flags(behind(Quantized(), sound), test_set)
    assert {"gradients", "falls to chance", "white against black box"} <= found


def test_network_without_gradients_is_flagged(sound, test_set):
    assert flags(behind(Cut(), sound), test_set) == {"gradients"}


@pytest.mark.slow
def test_random_layer_is_flagged(sound, test_set):
    assert "deterministic" in flags(behind(Noisy(), sound), test_set)


@pytest.mark.slow
def test_saturated_logits_are_flagged(sound, test_set):
    output = keras.layers.Rescaling(1e4)(sound.output)
    assert "gradients" in flags(keras.Model(sound.input, output), test_set)


@pytest.mark.slow
def test_transfer_that_beats_the_white_box_is_flagged(sound, test_set):
    misled = behind(Misleading(backwards), sound)
    found = flags(misled, test_set, surrogates={"sound": sound})
    assert "white box against transfer" in found
    # The other way round, transfer is the weaker attack.
    assert flags(sound, test_set, surrogates={"misled": misled}) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sign", "epsilon", "flagged"),
    [
        (backwards, 0.5, "gradient against noise"),  # so wide that noise alone breaks some
        (right_on_clean_images_only, 0.1, "iterative against single step"),
        (by_chance, 0.1, "more steps and restarts"),
    ],
)
def test_gradients_that_mislead_are_flagged(sound, test_set, sign, epsilon, flagged):
    assert flagged in flags(behind(Misleading(sign), sound), test_set, epsilon=epsilon)


@pytest.mark.parametrize("reached", [(1.01, 0.0), (1.0, 0.01)])
def test_images_outside_the_ball_are_flagged(reached):
    assert scrutiny._inside([(1.0, 0.0), (0.5, 0.0)]).passed
    found = scrutiny._inside([(1.0, 0.0), reached, (0.5, 0.0)])
    assert (found.name, found.passed) == ("inside the ball", False)
    assert found.value.startswith(f"farthest image at {reached[0]:.6f} epsilon")


def test_l1_has_no_square(sound, test_set):
    found = check(sound, test_set.take(1), epsilon=1.0, norm="l1")
    assert "white against black box" not in [each.name for each in found]
    assert len(found) == 8


def test_an_empty_dataset_is_refused(sound, test_set):
    refused(
        lambda: check(sound, test_set.take(0), epsilon=0.1),
        rule="must not be empty",
        right="at least one batch",
        received="no batch",
    )


@pytest.mark.parametrize(
    ("dataset", "rule"),
    [
        (lambda image, label: batches(image, label).repeat(), "the dataset must end"),
        (lambda image, label: batches(image, label).take(0), "must not be empty"),
        (lambda image, label: iter(batches(image, label)), "for every attack anew"),
        (lambda image, label: batches((255 * image).astype("uint8"), label), "hold floats"),
        (lambda image, label: batches(image, label + 10), "label must lie in its range"),
        (lambda image, label: batches(image, np.eye(10)[label]), "label must have one axis"),
    ],
)
def test_data_that_cannot_be_checked(sound, digits, dataset, rule):
    image, label = digits
    with pytest.raises(UserError) as caught:
        check(sound, dataset(image[:20], label[:20]), epsilon=0.1)
    assert rule in caught.value.rule


@pytest.mark.parametrize("epsilon", [None, "0.1", 8])
def test_a_radius_that_cannot_be_checked(sound, digits, epsilon):
    image, label = digits
    with pytest.raises(UserError, match="epsilon must"):
        check(sound, batches(image[:20], label[:20]), epsilon=epsilon)


def test_images_in_double_precision_are_accepted(digits):
    image, label = (part[:20] for part in digits)
    network = keras.Sequential([keras.Input((8, 8, 1)), Cut(), keras.layers.Flatten()])
    found = check(network, batches(image.astype("float64"), label), epsilon=np.float32(0.1))
    assert [each.name for each in found if not each.passed] == ["gradients"]


def test_a_network_that_has_diverged(sound, digits):
    image, label = (part[:20] for part in digits)
    broken = keras.models.clone_model(sound)
    broken.set_weights([np.full_like(weight, np.nan) for weight in sound.get_weights()])
    (found,) = check(broken, batches(image, label), epsilon=0.1)
    assert not found.passed
    assert found.value == "100 of 100 outputs are not finite"
    assert "diverged" in found.meaning


@pytest.mark.parametrize(
    "outputs",
    [
        lambda image: keras.layers.Conv2D(10, 1)(image),
        lambda image: keras.layers.Dense(1)(keras.layers.Flatten()(image)),
    ],
)
def test_outputs_that_are_no_logits(digits, outputs):
    image, label = digits
    pixels = keras.Input((8, 8, 1))
    with pytest.raises(UserError, match="logits of shape"):
        check(keras.Model(pixels, outputs(pixels)), batches(image[:20], label[:20]), epsilon=0.1)


class Area(keras.layers.Layer):
    """Halves images by an operation that has no gradient."""

    def call(self, image):
        return tf.image.resize(image, (4, 4), method="area")


def test_an_operation_without_a_gradient(digits):
    image, label = (part[:20] for part in digits)
    network = keras.Sequential([keras.Input((8, 8, 1)), Area(), keras.layers.Flatten()])
    found = check(network, batches(image, label), epsilon=0.1, journal=Journal())
    assert found[-1].value == scrutiny.NO_GRADIENT
    attacks = ("clean", "square")
    rows = white_box(
        network, batches(image, label), epsilon=0.1, attacks=attacks, journal=Journal()
    )
    assert rows[1]["accuracy"] <= rows[0]["accuracy"]
