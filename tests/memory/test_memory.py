"""What is remembered of each example: rows by id, frames, bytes; a defense that only remembers."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.data import CropFlip, train_batches
from fosc_tf.memory import Memory, Spec
from fosc_tf.objectives import adversarial
from fosc_tf.training import AdversarialTrainer, CoupledSGD
from fosc_tf.types import Batch, Defense
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused


def batch_of(ids, **context):
    context = {name: tf.constant(value) for name, value in context.items()}
    ids = tf.constant(ids, tf.int64)
    shape = [len(ids), 2, 2, 1]
    return Batch(tf.zeros(shape), tf.zeros(len(ids), tf.int32), {"id": ids} | context)


def test_rows_are_found_by_id_and_others_stay():
    memory = Memory(5, {"number": Spec(initial=7.0), "visits": Spec(dtype="int32")})
    memory.write(batch_of([3, 1]), {"number": tf.constant([30.0, 10.0])})
    memory.write(batch_of([1, 4]), {"visits": tf.constant([1, 2])})
    found = memory.read(batch_of([0, 1, 2, 3, 4]))
    np.testing.assert_array_equal(found["number"], [7, 10, 7, 30, 7])
    np.testing.assert_array_equal(found["visits"], [0, 1, 0, 0, 2])
    assert memory.bytes() == 5 * 4 + 5 * 4


def test_int8_keeps_127_steps_of_its_span():
    memory = Memory(3, {"delta": Spec((2, 2, 1), "int8", span=0.127)})
    assert memory.bytes() == 12
    value = np.float32([0.0, 0.0014, -0.127, 5.0]).reshape(1, 2, 2, 1)
    memory.write(batch_of([2]), {"delta": tf.constant(value)})
    found = memory.read(batch_of([2]))["delta"]
    np.testing.assert_allclose(found[0, ..., 0], [[0.0, 0.001], [-0.127, 0.127]], atol=1e-7)


@pytest.mark.parametrize("kind", [{}, {"dtype": "float16"}, {"dtype": "int8", "span": 1.27}])
def test_of_squares_the_mean_is_kept(kind):
    memory = Memory(2, {"delta": Spec((2, 3, 1), frame="image", shrink=2, **kind)})
    value = np.float32([[0.25, 0.75, 0.125], [0.5, 0.5, -0.625]]).reshape(1, 2, 3, 1)
    memory.write(batch_of([1]), {"delta": tf.constant(value)})
    found = memory.read(batch_of([0, 1]))["delta"]
    np.testing.assert_allclose(found[1, ..., 0], [[0.5, 0.5, -0.25]] * 2, atol=1e-6)
    assert not np.any(found[0])
    assert memory.bytes() == sum(each.numpy().nbytes for each in memory.variables.values())


@pytest.mark.parametrize("frame", ["image", "canvas"])
def test_an_image_comes_back_as_the_next_view_shows_it(frame):
    """What one crop saw is seen by another where they overlap, mirrored or not."""
    augment = CropFlip(pad=1, flip=True)
    memory = Memory(4, {"delta": Spec((3, 3, 1), frame=frame)}, augment=augment)
    random = np.random.default_rng(0)
    canvas = np.zeros([4, 5, 5, 1], "float32")
    for step in range(6):
        context = {name: value for name, value in augment.draw((step, 1), 4).items()}
        batch = Batch(
            tf.zeros([4, 3, 3, 1]),
            tf.zeros(4, tf.int32),
            {"id": tf.range(4, dtype=tf.int64), **context},
        )
        shown = memory.read(batch)["delta"].numpy()
        written = random.normal(size=[4, 3, 3, 1]).astype("float32")
        for index in range(4):
            top, left = context["crop"][index].numpy()
            window = (index, slice(top, top + 3), slice(left, left + 3))
            mirrored = bool(context["flip"][index])
            own = canvas[window]
            np.testing.assert_array_equal(shown[index], own[:, ::-1] if mirrored else own)
            canvas[window] = written[index][:, ::-1] if mirrored else written[index]
            if frame == "image":  # what lies outside of the image is not kept
                inner = canvas[index, 1:-1, 1:-1].copy()
                canvas[index] = 0
                canvas[index, 1:-1, 1:-1] = inner
        memory.write(batch, {"delta": tf.constant(written)})


def remembers(num_examples, augment=None):
    """A defense that counts visits and keeps the last perturbation."""
    memory = Memory(
        num_examples,
        {"visits": Spec(dtype="int32"), "last": Spec((4, 4, 1), frame="image")},
        augment=augment,
    )
    attack = PGD(epsilon=0.3, step_size=0.1, num_steps=2)

    def remember(batch, found, judged, step):
        del judged, step
        return {
            "visits": batch.context["visits"] + 1,
            "last": found.image - batch.image,
        }

    return Defense(attack, adversarial, memory=memory, remember=remember)


def test_a_defense_that_only_remembers():
    number, size = 24, 8
    image, label = images(number), labels(number)
    defense = remembers(number)
    network = mlp()
    trainer = AdversarialTrainer(network, defense, seed=3)
    trainer.compile(optimizer=CoupledSGD(0.0))
    data = train_batches(image, label, batch_size=size, seed=0, augment=None)
    trainer.fit(data, steps_per_epoch=3, epochs=2, verbose=0)
    visits, last = (np.array(defense.memory.variables[name]) for name in ("visits", "last"))
    np.testing.assert_array_equal(visits, np.full(number, 2))
    for step, batch in enumerate(data.take(6)):
        if step >= 3:
            found = defense.attack(network, batch["image"], batch["label"], seed=3, step=step)
            expected = (found.image - batch["image"]).numpy()
            np.testing.assert_allclose(last[batch["id"].numpy()], expected, atol=1e-6)
    assert any(variable is trainer.memory_state[0] for variable in trainer.state["memory"])
    assert not any("memory" in variable.path for variable in network.variables)


def test_mistakes():
    refused(
        lambda: Memory(3, [("a", Spec()), ("a", Spec())]),
        rule="each value of a memory has a name of its own",
        right="names other than",
        received="a",
    )
    refused(
        lambda: Memory(3, {"crop": Spec()}), rule="a name of its own", right="", received="crop"
    )
    refused(lambda: Memory(0, {}), rule="num_examples", right="", received="num_examples=0")
    refused(lambda: Spec(frame="view"), rule="frame", right="canvas", received="view")
    refused(lambda: Spec(dtype="int8"), rule="int8", right="span=8/255", received="span=None")
    refused(lambda: Spec(frame="image"), rule="is an image", right="(28, 28, 1)", received="()")
    memory = Memory(3, {"number": Spec()})
    refused(
        lambda: memory.write(batch_of([0]), {"numbre": tf.zeros(1)}),
        rule="value of the memory must be a known one",
        right="nearest: number",
        received="numbre",
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="ids must be those"):
        memory.read(batch_of([3]))


def fit(data, defense):
    trainer = AdversarialTrainer(mlp(), defense)
    trainer.compile(optimizer=CoupledSGD(0.0))
    trainer.fit(data, verbose=0)


def test_batches_without_ids_or_with_ids_beyond_are_refused():
    image, label = images(16), labels(16)
    pairs = tf.data.Dataset.from_tensor_slices((image, label)).batch(8)
    refused(
        lambda: fit(pairs, remembers(16)),
        rule="which example is which",
        right='"id"',
        received="batches with image, label",
    )
    for first in (0, 12):  # ids 0..15 and 12..27: the mistake is in a later batch, and in the first
        batches = train_batches(
            image, label, ids=np.arange(first, first + 16), batch_size=8, seed=0, augment=None
        ).take(2)
        refused(
            lambda batches=batches: fit(batches, remembers(13)),
            rule="ids must be those of the training examples",
            right="0 to 12",
            received="ids" if first else "",
        )


def test_images_whose_shape_comes_later():
    memory = Memory(3, {"delta": Spec(None, "float16", frame="image"), "visits": Spec()})
    refused(memory.bytes, rule="must know their shape", right="image_shape=", received="neither")
    memory.see((2, 2, 1))
    assert memory.bytes() == 3 * (4 * 2 + 4)
    assert memory.variables["delta"].shape == (3, 2, 2, 1)


def test_augmented_batches_must_tell_how():
    memory = Memory(4, {"delta": Spec((2, 2, 1), frame="image")}, augment=CropFlip(pad=1))
    refused(
        lambda: memory.check(batch_of([0, 1])),
        rule="how each was augmented",
        right="crop, flip",
        received="batches with image, label, id",
    )


def test_anew_forgets_what_the_view_does_not_show():
    """Both views are the upper left corner of the canvas: the rest stays, but of the second."""
    memory = Memory(2, {"delta": Spec((2, 2, 1), frame="canvas")}, augment=CropFlip(pad=1))
    memory.variables["delta"].assign(np.full([2, 4, 4, 1], 5.0))
    batch = batch_of([0, 1], crop=[[0, 0], [0, 0]], flip=[False, False])
    ones = tf.ones([2, 2, 2, 1])
    memory.write(batch, {"delta": ones, "anew": tf.constant([False, True])})
    expected = np.full([2, 4, 4, 1], 5.0)
    expected[1] = 0.0
    expected[:, :2, :2] = 1.0
    np.testing.assert_array_equal(memory.variables["delta"], expected)


@pytest.mark.parametrize("specs", [None, {}, ["a", "b"], {"a": (8, 8, 1)}, {1: Spec()}, 5])
def test_values_that_are_no_specs(specs):
    refused(lambda: Memory(3, specs), rule="by name", right="Spec(", received=f"specs={specs!r}")


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"shape": (-1,)}, "whole numbers above 0"),
        ({"shape": (None, 8)}, "whole numbers above 0"),
        ({"shape": "8"}, "whole numbers above 0"),
        ({"dtype": "float99"}, "dtype of a memory must be a known one"),
        ({"dtype": "string"}, "dtype of a memory must be a known one"),
        ({"dtype": ["float32"]}, "dtype of a memory must be a known one"),
        ({"initial": "x"}, "initial must be a number"),
    ],
)
def test_what_is_no_value_of_an_example(given, rule):
    ((name, value),) = given.items()
    refused(lambda: Spec(**given), rule=rule, right="", received=f"={value!r}")


def test_one_side_is_a_shape():
    assert Spec(8).shape == (8,)


def test_more_than_the_machine_holds():
    refused(
        lambda: Memory(2**31 - 1, {"perturbation": Spec((512, 512, 3))}),
        rule="fit into the memory",
        right="int8",
        received="bytes",
    )


def test_bytes_are_those_of_the_variables():
    memory = Memory(3, {"a": Spec((3, 3, 1), "int8", span=0.1), "b": Spec((2,), "float16")})
    kept = sum(variable.numpy().nbytes for variable in memory.variables.values())
    assert memory.bytes() == kept == 3 * 12 + 3 * 4
