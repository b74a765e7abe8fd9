"""Loss and error of each example: what the weights saw, by id, resumed and replicated alike."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import AdversarialTrainer, callbacks, defenses, models
from fosc_tf.analysis import Recording, adaptation, difficulty, difficulty_of_run
from fosc_tf.training.ledger import Ledger
from tests.data.three_parts import refused
from tests.defenses.arguments import arguments_of
from tests.training import two_replicas

N = 12
RANDOM = np.random.default_rng(3)
IMAGE = RANDOM.uniform(size=(N, 8, 8, 1)).astype("float32")
LABEL = RANDOM.integers(0, 10, N)
IDS = RANDOM.permutation(N + 2)[:N]  # two are held out


def trained(folder, *, name="unsecured", record=True, rate=0.1, epochs=2):
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    before = keras.models.clone_model(network)
    before.set_weights(network.get_weights())
    trainer = AdversarialTrainer(network, defenses.get(name, **arguments_of(name)))
    trainer.compile(optimizer=keras.optimizers.SGD(rate))
    batches = tf.data.Dataset.from_tensor_slices({"image": IMAGE, "label": LABEL, "id": IDS})
    watchers = [callbacks.ExampleLosses(folder / "losses", N + 2)] if record else []
    logs = trainer.fit(
        batches.batch(5, drop_remainder=True), epochs=epochs, verbose=0, callbacks=watchers
    )
    return before, network, logs.history


def test_losses_are_those_of_the_weights_before_each_update(tmp_path):
    """Without a step of the weights they are the clean network's own, in float64 by hand."""
    network, _, history = trained(tmp_path, rate=1e-30)
    recording = Recording(tmp_path)
    assert recording.epochs_of_losses == [0, 1]
    logits = network(IMAGE).numpy().astype(float)
    loss = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(N), LABEL]
    for epoch in (0, 1):
        found = recording.of_examples(epoch)
        assert (found["loss"].dtype, found["error"].dtype) == (np.float32, bool)
        np.testing.assert_allclose(found["loss"][IDS[:10]], loss[:10], rtol=1e-5)
        wrong = logits.argmax(axis=1) != LABEL
        np.testing.assert_array_equal(found["error"][IDS[:10]], wrong[:10])
        unseen = np.setdiff1d(np.arange(N + 2), IDS[:10])
        assert np.isnan(found["loss"][unseen]).all()
        assert not found["error"][unseen].any()
    assert not [name for name in history if "examples" in name]
    assert np.isnan(recording.every_loss("error")).sum() == 2 * 4
    by_hand = difficulty(recording.every_loss())
    np.testing.assert_array_equal(difficulty_of_run(tmp_path), by_hand)


@pytest.mark.parametrize("name", ["standard", "trades", "free"])
def test_recording_changes_no_weight(tmp_path, name):
    with_record, without = (
        trained(tmp_path, name=name, record=record)[1].get_weights() for record in (True, False)
    )
    for one, other in zip(with_record, without, strict=True):
        np.testing.assert_array_equal(one, other)
    # Free knows its examples by their places in the batch; the record does not.
    seen = np.isfinite(Recording(tmp_path).every_loss())
    assert np.flatnonzero(seen.all(axis=0)).tolist() == sorted(IDS[:10])


def fed(folder, ledger, batches):
    watcher = callbacks.ExampleLosses(folder, 6, ledger)
    watcher.set_model(types.SimpleNamespace(reports_losses=False))
    for rows in batches:
        logs = {"loss": 1.0, "record_of_examples": np.array(rows, np.float64)}
        watcher.on_train_batch_end(0, logs)
        assert logs == {"loss": 1.0}
    return watcher


def test_resumed_is_uninterrupted(tmp_path):
    batches = [[[3, 0.1, 1], [0, 2.5, 0]], [[5, 0.7, 1], [9, 4.0, 1]], [[1, 0.3, 0]]]
    fed(tmp_path / "whole", Ledger(), batches).on_epoch_end(0, {})
    ledger, resumed = Ledger(), Ledger()
    fed(tmp_path / "cut", ledger, batches[:2])
    resumed.deserialize(ledger.serialize())
    fed(tmp_path / "cut", resumed, batches[2:]).on_epoch_end(0, {})
    name = "epoch_0000.npz"
    assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()
    with np.load(tmp_path / "cut" / name) as found:
        wanted = np.float32([2.5, 0.3, np.nan, 0.1, np.nan, 0.7])
        np.testing.assert_array_equal(found["loss"], wanted)
        assert found["error"].tolist() == [False, False, False, True, False, True]
    assert np.isnan(resumed.losses).all()


def test_without_ids_or_examples_nothing_is_written(tmp_path):
    watcher = fed(tmp_path / "losses", None, [])
    watcher.on_train_batch_end(0, {"loss": 1.0})
    watcher.on_epoch_end(0, {"loss": 1.0})
    assert not (tmp_path / "losses").exists()


def test_adaptation_prefers_the_losses_of_all(tmp_path):
    """The attack's losses would say the reverse."""
    fed(tmp_path / "losses", None, [[[i, 6 - i, 0] for i in range(6)]]).on_epoch_end(0, {})
    (tmp_path / "fosc").mkdir()
    for suffix, values in (("", np.zeros(6)), ("_loss", np.arange(6.0)), ("_id", np.arange(6))):
        np.save(tmp_path / "fosc" / f"epoch_0000{suffix}.npy", values)
    np.savez(
        tmp_path / "adapted.npz",
        label=np.zeros(6, int),
        trained_on=np.ones(6, bool),
        radius=np.arange(6.0),
    )
    assert adaptation(Recording(tmp_path))["correlation_radius"] == pytest.approx(1.0)


def test_mistakes(tmp_path):
    refused(
        lambda: callbacks.ExampleLosses(tmp_path, 0), rule="num_examples", right="", received="0"
    )
    recording = Recording(tmp_path)
    refused(
        recording.every_loss, rule="recorded the losses", right="log.losses", received="without"
    )
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses" / "epoch_0000.npz").write_bytes(b"broken")
    recording = Recording(tmp_path)
    refused(recording.every_loss, rule="readable", right="undamaged", received="epoch_0000.npz")
    refused(
        lambda: recording.every_loss("margin"), rule="record of", right="loss", received="margin"
    )


@pytest.mark.slow
def test_two_replicas_record_what_one_does(program):
    found = two_replicas.printed(program, "tests.callbacks.losses_run")
    assert sorted(found) == ["free", "standard", "trades"]
    for name, apart in found.items():
        assert apart["shape"] == [2, 16], name
        assert apart["unknown"] == 0, name
        assert apart["losses"] < 1e-5 < apart["spread"], name
        assert apart["errors"] == apart["difficulty"] == 0.0, name
