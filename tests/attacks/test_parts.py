"""Parts of an attack that do not fit are refused, at once or at the first batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import attacks, defenses, evaluation
from fosc_tf.attacks.rules import Momentum
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused

IMAGE, LABEL = images(4), labels(4)


def pgd(**parts):
    return attacks.PGD(**{"epsilon": 0.1, "step_size": 0.02, "num_steps": 2} | parts)


@pytest.mark.parametrize(
    ("part", "rule", "received"),
    [
        ({"loss": keras.losses.SparseCategoricalCrossentropy()}, "logits and target", "of Keras"),
        ({"loss": keras.losses.kl_divergence}, "logits and target", "kl_divergence of Keras"),
        ({"loss": lambda logits: logits[:, 0]}, "attack loss must take", "(logits)"),
        ({"start": lambda image: image}, "attack start must take", "(image)"),
        ({"target": lambda batch: batch.label}, "attack target must take", "(batch)"),
        ({"gate": lambda point: point.fosc > 0}, "gate must take", "(point)"),
        ({"start": tf.keras.layers.Dense}, "must be made", "class Dense"),
        ({"rule": Momentum}, "step rule must be a known one", "Momentum"),
        ({"rule": lambda point, rows, memory, ball: None}, "step rule must be", "lambda"),
        ({"watch": lambda point: point.loss}, "watch must name functions", "lambda"),
        ({"watch": {"loss": 1}}, "watch must name functions", "'loss': 1"),
    ],
)
def test_a_part_of_another_kind(part, rule, received):
    refused(lambda: pgd(**part), rule=rule, right="", received=received)


@pytest.mark.parametrize("gate", [None, attacks.fosc_above(0.0)], ids=["plain", "gated"])
@pytest.mark.parametrize(
    ("part", "rule", "received"),
    [
        ({"loss": lambda logits, _: tf.reduce_mean(logits)}, "one number for each", "shape []"),
        ({"loss": lambda logits, _: logits}, "one number for each", "shape [None, 3]"),
        ({"loss": lambda logits, _: logits[:, :1]}, "one number for each", "shape [None, 1]"),
        ({"start": lambda batch, *_: batch.image[:, :2]}, "start at images", "[4, 2, 4, 1]"),
        ({"start": lambda batch, *_: tf.cast(batch.image, "float64")}, "start at", "float64"),
    ],
)
def test_a_part_that_returns_something_else(part, rule, received, gate):
    attack = pgd(gate=gate, **part)
    error = refused(lambda: attack(mlp(), IMAGE, LABEL), rule=rule, right="", received="")
    assert received.replace("None", "") in error.received.replace("None", "").replace("4, 3", ", 3")


def test_a_loss_of_keras_within_a_function_is_cross_entropy():
    def loss(logits, target):
        return keras.losses.sparse_categorical_crossentropy(target, logits, from_logits=True)

    network = mlp()
    own, same = (pgd(loss=each)(network, IMAGE, LABEL) for each in (loss, "cross_entropy"))
    np.testing.assert_allclose(own.image, same.image, atol=1e-6)


@pytest.mark.parametrize("network", ["export", None, keras.Model, defenses.get("unsecured")])
def test_what_is_no_network(network):
    for call in (
        lambda: pgd()(network, IMAGE, LABEL),
        lambda: evaluation.white_box(network, (IMAGE, LABEL), epsilon=0.1, attacks=("clean",)),
    ):
        refused(call, rule="can be called", right="keras.Model", received=repr(network))


@pytest.mark.parametrize("value", ["no", 1, None])
def test_what_is_neither_true_nor_false(value):
    calls = {
        "final_fosc": lambda: pgd()(mlp(), IMAGE, LABEL, final_fosc=value),
        "self_weighted": lambda: defenses.get("dynamic", epsilon=0.1, self_weighted=value),
        "mixing": lambda: defenses.get("curriculum", epsilon=0.1, total_epochs=20, mixing=value),
        "stop_when_wrong": lambda: evaluation.white_box(
            mlp(), (IMAGE, LABEL), epsilon=0.1, attacks=("pgd-2",), stop_when_wrong=value
        ),
    }
    for name, call in calls.items():
        refused(
            call, rule=f"{name} must be True or False", right="True", received=f"{name}={value!r}"
        )


@pytest.mark.parametrize("given", [(), None, {}, "pgd-20", pgd()])
def test_attacks_that_are_no_sequence(given):
    refused(
        lambda: evaluation.white_box(mlp(), (IMAGE, LABEL), epsilon=0.1, attacks=given),
        rule="sequence of one at least",
        right='("clean", "pgd-20")',
        received=f"attacks={given!r}",
    )


@pytest.mark.parametrize("given", [None, 5])
def test_what_holds_no_batches(given):
    refused(
        lambda: evaluation.white_box(mlp(), given, epsilon=0.1, attacks=("clean",)),
        rule="must hold batches",
        right="tf.data.Dataset",
        received=repr(given),
    )


def test_the_path_of_a_journal_is_no_journal():
    refused(
        lambda: evaluation.white_box(mlp(), (IMAGE, LABEL), epsilon=0.1, journal="a.jsonl"),
        rule="opened",
        right="Journal(",
        received="'a.jsonl'",
    )


@pytest.mark.parametrize("epsilon", [0, -0.1, np.inf])
def test_fosc_of_no_ball(epsilon):
    refused(
        lambda: attacks.fosc(IMAGE, IMAGE, IMAGE, epsilon=epsilon),
        rule="epsilon must be positive",
        right="8/255",
        received=f"epsilon={epsilon}",
    )
