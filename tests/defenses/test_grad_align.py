"""GradAlign: FGSM from the clean image, and input gradients held parallel around it."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.training import AdversarialTrainer, CoupledSGD
from fosc_tf.types import Batch
from tests.attacks.toys import Counted, images, labels, loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import slow_training as training

LAMBDA = 3.0


def fgsm(network, image, label, step):
    del step
    _, gradient = loss_and_gradient(network, image, label)
    return training.projected(image + training.EPSILON * np.sign(gradient), image)


def misalignment(network, image, label, step):
    """lambda * (1 - mean cosine), the gradient at the neighbour written out for this network.

    With h = tanh(W'x + b) the gradient of the loss is W diag(1 - h^2) V (p - onehot).
    """
    _, here = loss_and_gradient(network, image, label)
    near = image + training.noise(image, step, seed=0)
    kernel, bias, top, top_bias = network.trainable_variables
    hidden = tf.tanh(tf.reshape(near, [len(image), -1]) @ kernel + bias)
    p = tf.nn.softmax(hidden @ top + top_bias)
    upstream = (p - tf.one_hot(label, p.shape[1])) @ tf.transpose(top)
    there = ((1 - hidden**2) * upstream) @ tf.transpose(kernel)
    here = np.reshape(here, [len(image), -1])
    product = tf.reduce_sum(here * there, axis=1)
    cosine = product / (np.linalg.norm(here, axis=1) * tf.norm(there, axis=1))
    return LAMBDA * (1 - tf.reduce_mean(cosine))


def test_trains_what_a_loop_written_out_trains():
    network, plain = mlp(gain=2.0), mlp(gain=2.0)
    defense = defenses.get("grad_align", epsilon=training.EPSILON, alignment=LAMBDA)
    logs = training.fast(network, defense)
    training.assert_equal(network, training.slow(mlp(gain=2.0), fgsm, misalignment))
    assert logs["gradients"] == [1, 1, 1]
    assert min(logs["misalignment"]) > 0
    training.slow(plain, fgsm)  # without the term gradients are less parallel
    aligned, other = (
        float(misalignment(each, training.IMAGE, training.LABEL, 0)) for each in (network, plain)
    )
    assert aligned < 0.9 * other


def test_the_network_answers_three_times_a_batch():
    """For the attack, which gives the constant gradient too, the neighbour and the update."""
    counted, defense = Counted(mlp()), defenses.get("grad_align", epsilon=0.1)
    batch = Batch(tf.constant(images(4)), tf.constant(labels(4)), {})
    defense.attack(counted, batch.image, batch.label)  # looks at the logits first
    counted.images.assign(0)
    found = defense.attack(counted, batch.image, batch.label)
    assert int(counted.images) == 4
    assert found.num_gradients.numpy().tolist() == [1] * 4
    defense.objective(counted, batch, found, tf.constant(0, tf.int64))
    assert int(counted.images) == 3 * 4


def test_the_papers_numbers():
    defense = defenses.get("grad_align", epsilon=8 / 255)
    record = defense.attack.parameters()
    assert (record["num_steps"], record["step_size"], record["start"]) == (1, 8 / 255, "clean")
    assert defense.terms == ("misalignment",)


def test_trains_networks_with_batch_norm_and_pools():
    """Of which second derivatives are taken."""
    from fosc_tf import models

    network = models.get("mnist_cnn", input_shape=(8, 8, 1), num_classes=3)
    trainer = AdversarialTrainer(network, defenses.get("grad_align", epsilon=0.1))
    trainer.compile(optimizer=CoupledSGD(0.1))
    data = images(8, (8, 8, 1)), labels(8)
    before = network.get_weights()
    logs = trainer.fit(*data, epochs=1, batch_size=4, verbose=0).history
    assert logs["misalignment"][0] > 0
    for one, other in zip(before, network.get_weights(), strict=True):
        assert np.isfinite(other).all()
        assert np.any(one != other)


@pytest.mark.parametrize("alignment", [-0.1, float("inf"), float("nan"), "0.2"])
def test_refuses_a_weight_that_is_none(alignment):
    refused(
        lambda: defenses.get("grad_align", epsilon=0.1, alignment=alignment),
        rule="alignment",
        right="alignment=0.2",
        received=f"alignment={alignment!r}",
    )


def test_its_ball_has_one_size():
    refused(
        lambda: defenses.get("grad_align", epsilon=lambda step: 0.1, step_size=0.1),
        rule="epsilon must be a number",
        right="8/255",
        received="<function",
    )
