import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.data import CropFlip
from tests.data.three_parts import refused

TINY = np.array([[1, 2], [3, 4]], np.float32).reshape(1, 2, 2, 1)


def parameters(crop, flip):
    return {"crop": tf.constant([crop], tf.int32), "flip": tf.constant([flip])}


# With pad 1 the canvas of TINY is 0 0 0 0 / 0 1 2 0 / 0 3 4 0 / 0 0 0 0.
@pytest.mark.parametrize(
    ("crop", "flip", "view"),
    [
        ((1, 1), False, [[1, 2], [3, 4]]),
        ((1, 1), True, [[2, 1], [4, 3]]),
        ((0, 0), False, [[0, 0], [0, 1]]),
        ((0, 0), True, [[0, 0], [1, 0]]),
        ((2, 1), False, [[3, 4], [0, 0]]),
        ((1, 2), True, [[0, 2], [0, 4]]),
    ],
)
def test_apply_by_hand(crop, flip, view):
    result = CropFlip(pad=1).apply(TINY, parameters(crop, flip))
    np.testing.assert_array_equal(result[0, :, :, 0], view)


@pytest.mark.parametrize(
    ("crop", "flip", "own", "canvas"),
    [
        (
            (2, 1),
            False,
            [[0, 0], [1, 2]],
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0]],
        ),
        (
            (0, 2),
            True,
            [[0, 4], [0, 0]],
            [[0, 0, 2, 1], [0, 0, 4, 3], [0, 0, 0, 0], [0, 0, 0, 0]],
        ),
    ],
)
def test_invert_by_hand(crop, flip, own, canvas):
    augment = CropFlip(pad=1)
    drawn = parameters(crop, flip)
    np.testing.assert_array_equal(augment.invert(TINY, drawn)[0, :, :, 0], own)
    np.testing.assert_array_equal(augment.invert(TINY, drawn, canvas=True)[0, :, :, 0], canvas)


@pytest.mark.parametrize("shape", [(16, 7, 5, 3), (16, 8, 8, 1)])
def test_invert_undoes_apply_where_the_crop_overlaps(shape):
    augment = CropFlip(pad=2)
    image = np.random.default_rng(0).uniform(0.1, 1, shape).astype(np.float32)
    drawn = augment.draw((3, 4), shape[0])
    assert 0 < np.sum(drawn["flip"]) < shape[0]
    seen = augment.invert(tf.ones(shape), drawn).numpy()
    back = augment.invert(augment.apply(image, drawn), drawn).numpy()
    np.testing.assert_array_equal(back, image * seen)
    # What a crop shifted by (r, c) cannot see is |r| rows and |c| columns.
    shift = np.abs(drawn["crop"].numpy() - 2)
    visible = (shape[1] - shift[:, 0]) * (shape[2] - shift[:, 1]) * shape[3]
    np.testing.assert_array_equal(seen.sum((1, 2, 3)), visible)


def test_canvas_keeps_every_pixel_of_a_perturbation():
    augment = CropFlip(pad=2)
    delta = np.random.default_rng(0).uniform(-1, 1, (16, 7, 5, 3)).astype(np.float32)
    drawn = augment.draw((3, 4), 16)
    canvas = augment.invert(delta, drawn, canvas=True)
    assert canvas.shape == (16, 11, 9, 3)
    np.testing.assert_array_equal(augment.apply(canvas, drawn, canvas=True), delta)


def test_canvas_and_own_frame_agree():
    augment = CropFlip(pad=2)
    image = np.random.default_rng(0).uniform(0, 1, (16, 7, 5, 3)).astype(np.float32)
    drawn = augment.draw((3, 4), 16)
    canvas = np.pad(image, [(0, 0), (2, 2), (2, 2), (0, 0)])
    view = augment.apply(image, drawn)
    np.testing.assert_array_equal(augment.apply(canvas, drawn, canvas=True), view)
    inner = augment.invert(view, drawn, canvas=True)[:, 2:-2, 2:-2]
    np.testing.assert_array_equal(augment.invert(view, drawn), inner)


def test_dtype_and_static_shape_survive_a_graph():
    augment = CropFlip(pad=1)

    @tf.function
    def both(image):
        drawn = augment.draw((0, 0), 4)
        view = augment.apply(image, drawn)
        back = augment.invert(view, drawn)
        assert view.shape == (4, 3, 3, 2)
        assert back.shape == (4, 3, 3, 2)
        return view, back

    for result in both(tf.ones((4, 3, 3, 2), tf.uint8)):
        assert result.dtype == tf.uint8


def test_draws_depend_on_the_seed_alone_and_cover_their_range():
    augment = CropFlip(pad=2)
    one, same, other = (augment.draw(seed, 2000) for seed in ((1, 2), (1, 2), (1, 3)))
    for key in ("crop", "flip"):
        np.testing.assert_array_equal(one[key], same[key])
        assert np.any(one[key].numpy() != other[key].numpy())
    assert one["crop"].dtype == tf.int32
    assert one["flip"].dtype == tf.bool
    # 25 corners, 80 expected of each; four standard deviations of a binomial are 35.
    counts = np.bincount(one["crop"].numpy() @ [5, 1], minlength=25)
    assert len(counts) == 25
    assert np.all(np.abs(counts - 80) < 36)
    assert abs(np.mean(one["flip"]) - 0.5) < 0.045


def test_draws_are_pinned():
    # A run recorded today must be repeatable after an upgrade.
    drawn = CropFlip(pad=4).draw((0, 1), 4)
    assert drawn["crop"].numpy().tolist() == [[0, 2], [7, 3], [6, 6], [5, 1]]
    assert drawn["flip"].numpy().tolist() == [True, False, True, False]


def test_without_flip_and_pad_nothing_changes():
    augment = CropFlip(pad=0, flip=False)
    image = np.random.default_rng(0).uniform(0, 1, (8, 3, 3, 1)).astype(np.float32)
    drawn = augment.draw((0, 0), 8)
    np.testing.assert_array_equal(augment.apply(image, drawn), image)
    assert not np.any(CropFlip(pad=4, flip=False).draw((0, 0), 100)["flip"])


def test_values_compare_by_their_fields():
    assert CropFlip() == CropFlip(pad=4, flip=True)
    assert CropFlip() != CropFlip(flip=False)


def test_a_negative_pad_is_refused():
    refused(lambda: CropFlip(pad=-1), rule="pad must be", right="pad=0", received="pad=-1")
