"""Input gradients around images: by hand, and against NumPy on a small network."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.callbacks import InputGradients
from fosc_tf.evaluation import Linearity, linearity
from tests.attacks.toys import Linear, images, labels, loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.tensorboard_events import read

IMAGE, LABEL = images(12), labels(12)


def batches(label=LABEL):
    return tf.data.Dataset.from_tensor_slices((IMAGE, label)).batch(8)


def test_a_network_of_one_direction_is_aligned_everywhere():
    """Logits [0, w.x]: all gradients are multiples of w, with the sign of the label."""
    found = linearity(Linear(np.ones(16)), batches(LABEL % 2), epsilon=0.3)
    assert found.alignment == pytest.approx(1.0, abs=1e-5)
    assert found.cosines.shape == found.norms.shape == (12,)


def test_equals_numpy():
    network, found = mlp(gain=3.0), linearity(mlp(gain=3.0), batches(), epsilon=0.3, seed=2)
    for number, rows in enumerate((slice(0, 8), slice(8, 12))):
        image, label = IMAGE[rows], LABEL[rows]
        drawn = tf.random.stateless_uniform([len(image), 16], [2, number], minval=-1.0, maxval=1.0)
        near = image + 0.3 * drawn.numpy().reshape(image.shape)
        here, there = (
            loss_and_gradient(network, each, label)[1].reshape(len(image), -1)
            for each in (image, near.astype("float32"))
        )
        lengths = np.linalg.norm(here, axis=1), np.linalg.norm(there, axis=1)
        cosines = (here * there).sum(axis=1) / (lengths[0] * lengths[1])
        np.testing.assert_allclose(found.norms[rows], lengths[1], rtol=1e-4)
        np.testing.assert_allclose(found.cosines[rows], cosines, atol=1e-4)


def test_convergence_ratio_by_hand():
    """Equal norms: 2^(1/4) with beta 1/2. One of four alone: 1/2 of it."""
    equal, one = (Linearity(np.ones(4), np.array(norms)) for norms in ([2.0] * 4, [0, 0, 0, 3.0]))
    assert equal.convergence_ratio() == pytest.approx(2**0.25)
    assert equal.convergence_ratio(beta=0.0) == pytest.approx(1.0)
    assert one.convergence_ratio(beta=0.0) == pytest.approx(0.5)


def test_where_there_is_no_gradient_there_is_no_number():
    found = linearity(Linear(np.zeros(16)), batches(LABEL % 2), epsilon=0.3)
    assert np.isnan(found.alignment)
    assert np.isnan(found.convergence_ratio())
    nothing = linearity(Linear(np.zeros(16)), batches().take(0), epsilon=0.3)
    assert np.isnan(nothing.alignment)


def test_each_epoch_is_logged_and_kept(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path / "events"))
    callback = InputGradients(
        mlp(), batches(), epsilon=0.3, folder=tmp_path / "gradients", writer=writer
    )
    logs = {}
    callback.on_epoch_end(3, logs)
    writer.close()
    assert set(logs) == set(InputGradients.adds)
    norms = np.load(tmp_path / "gradients" / "epoch_0003.npy")
    assert logs["gradient_norm"] == pytest.approx(norms.mean())
    assert logs["gradient_alignment"] <= 1
    (kind, values) = read(tmp_path / "events")["gradient_norm_of_examples"]
    assert kind == "histograms"
    assert list(values) == [4]


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: linearity(mlp(), batches(), epsilon=-1.0), "epsilon"),
        (lambda: linearity(mlp(), batches(), epsilon=0.1, norm="l7"), "norm"),
        (lambda: Linearity(np.ones(2), np.ones(2)).convergence_ratio(beta=1.0), "beta must lie"),
    ],
)
def test_mistakes(call, rule):
    refused(call, rule=rule, right="", received="")
