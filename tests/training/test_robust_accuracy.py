"""Robust accuracy within validations: the attack's own numbers, on one replica and on two."""

import keras
import numpy as np
import pytest

from fosc_tf import UserError, attacks
from tests.training.evaluation_run import ROWS
from tests.training.habits import IMAGE, LABEL, history_of, trainer_of
from tests.training.two_replicas import printed

ATTACK = attacks.PGD(epsilon=0.1, step_size=0.025, num_steps=3)


def withstood(network, attack, size):
    """Returns the accuracy written out: right clean, and right at what the attack finds."""
    right = []
    for batch, first in enumerate(range(0, len(IMAGE), size)):
        rows = slice(first, first + size)
        found = attack(network, IMAGE[rows], LABEL[rows], seed=0, step=batch).image
        clean, hit = (network(x).numpy().argmax(axis=1) for x in (IMAGE[rows], found))
        right.append((clean == LABEL[rows]) & (hit == LABEL[rows]))
    return np.concatenate(right).mean()


@pytest.mark.parametrize("given", [ATTACK, "pgd-3", lambda *args, **named: ATTACK(*args, **named)])
def test_is_what_the_attack_leaves_right(given):
    trainer = trainer_of("unsecured" if given is ATTACK else "dynamic", validation_attack=given)
    trainer.fit(IMAGE, LABEL, epochs=60, batch_size=16, verbose=0)
    expected = withstood(trainer.network, ATTACK, 16)
    for _ in range(2):
        found = trainer.evaluate(IMAGE, LABEL, batch_size=16, verbose=0, return_dict=True)
        np.testing.assert_allclose(found["robust_accuracy"], expected, atol=1e-6)
    assert 0 < expected < found["accuracy"]


def test_every_validation_logs_it_and_no_training_does():
    trainer = trainer_of(validation_attack="pgd-2")
    early = keras.callbacks.EarlyStopping(monitor="val_robust_accuracy", patience=5)
    history = history_of(trainer, early, validation_data=(IMAGE, LABEL))
    assert early.mode == "max"
    assert len(history["val_robust_accuracy"]) == 2
    assert "robust_accuracy" not in history
    last = trainer.evaluate(IMAGE, LABEL, batch_size=16, verbose=0, return_dict=True)
    assert last["robust_accuracy"] == history["val_robust_accuracy"][-1]


def test_it_changes_nothing_of_the_training():
    plain, watched = trainer_of(), trainer_of(validation_attack="pgd-2")
    histories = [history_of(each, validation_data=(IMAGE, LABEL)) for each in (plain, watched)]
    histories[1].pop("val_robust_accuracy")
    assert histories[0] == histories[1]
    for one, other in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_files_of_weights_are_the_same_with_and_without(tmp_path):
    trainer_of(validation_attack="pgd-2", metrics=["ce"]).save_weights(tmp_path / "a.weights.h5")
    trainer_of().load_weights(tmp_path / "a.weights.h5")
    trainer_of().save_weights(tmp_path / "b.weights.h5")
    trainer_of(validation_attack="pgd-2").load_weights(tmp_path / "b.weights.h5")


def test_an_attack_that_lets_examples_leave_rules_out_xla():
    assert trainer_of("standard", validation_attack="pgd-2").supports_jit
    gated = attacks.PGD(epsilon=0.1, step_size=0.1, num_steps=2, gate=attacks.fosc_above(0.1))
    assert not trainer_of("standard", validation_attack=gated).supports_jit


@pytest.mark.parametrize(
    ("name", "given", "rule", "right"),
    [
        ("dynamic", "autoattack", "compiled step", "HeldOut"),
        ("dynamic", attacks.AutoAttack(epsilon=0.1), "compiled step", "HeldOut"),
        ("dynamic", "pgd", "known one", "pgd-K"),
        ("dynamic", 3, "must be one of fosc_tf.attacks", "PGD"),
        ("unsecured", "pgd-3", "needs the ball", "PGD(epsilon=8/255"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(name, given, rule, right):
    with pytest.raises(UserError) as error:
        trainer_of(name, validation_attack=given)
    assert rule in error.value.rule
    assert right in error.value.right


def test_a_ball_too_large_for_the_images_is_refused_before_training():
    far = attacks.PGD(epsilon=100, step_size=1, num_steps=2, norm="l2")
    with pytest.raises(UserError, match="diameter"):
        history_of(trainer_of(validation_attack=far), validation_data=(IMAGE, LABEL))


@pytest.fixture(scope="module")
def found(program):
    """What the process prints."""
    return printed(program, "tests.training.evaluation_run")


@pytest.mark.slow
@pytest.mark.parametrize("rows", ROWS)
def test_replicas_evaluate_exactly_whatever_the_last_batch(found, rows):
    one, two = (found[str(rows)][number] for number in ("one", "two"))
    assert one["logs"].keys() == two["logs"].keys()
    for each in (one, two):
        assert each["predicted"] < 1e-6
        for name in ("accuracy", "loss"):
            assert each["evaluated"][name] == pytest.approx(each[name], rel=1e-6)
        logs = each["logs"]
        for name in ("accuracy", "loss", "sparse_top_k_categorical_accuracy"):
            assert logs[f"val_{name}"][-1] == pytest.approx(each["evaluated"][name], rel=1e-6)
    # The start of an odd last batch is another on two replicas, and random on both.
    robust = [each["evaluated"]["robust_accuracy"] for each in (one, two)]
    apart = 0 if rows % 8 == 0 else (rows % 8) / rows
    assert abs(robust[0] - robust[1]) <= apart + 1e-6
    assert 0 < robust[0] < one["accuracy"]


@pytest.mark.slow
def test_replicas_log_the_metrics_that_one_logs(found):
    one, two = (found["16"][number]["logs"] for number in ("one", "two"))
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_metrics_made_outside_of_the_scope_are_refused(found):
    rule, right, received = found["outside"]
    assert "made where the trainer is" in rule
    assert "strategy.scope()" in right
    assert "made outside" in received
