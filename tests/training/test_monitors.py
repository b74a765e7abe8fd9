"""Callbacks that watch a number: right direction, and a message before the first epoch."""

import types

import keras
import pytest

from fosc_tf import UserError
from fosc_tf.callbacks import HeldOut
from fosc_tf.training.monitors import check_monitors, with_more
from tests.training.habits import IMAGE, LABEL, history_of, trainer_of

C = keras.callbacks
WAYS = {
    "accuracy": "max",
    "val_accuracy": "max",
    "val_robust_accuracy": "max",
    "frozen": "max",
    "sparse_top_k_categorical_accuracy": "max",
    "val_sparse_top_k_categorical_accuracy": "max",
    "loss": "min",
    "val_loss": "min",
    "fosc": "min",
    "gradients": "min",
}


def watching(name, folder, **arguments):
    """Returns every kind of Keras callback that watches `name`."""
    return [
        C.EarlyStopping(monitor=name, restore_best_weights=True, **arguments),
        C.ReduceLROnPlateau(monitor=name, **arguments),
        C.ModelCheckpoint(folder / "a.keras", monitor=name, save_best_only=True, **arguments),
        C.ModelCheckpoint(
            folder / "a.weights.h5",
            monitor=name,
            save_best_only=True,
            save_weights_only=True,
            **arguments,
        ),
    ]


def test_every_number_is_watched_in_its_direction(tmp_path):
    callbacks = [each for name in WAYS for each in watching(name, tmp_path)]
    trainer = trainer_of(
        validation_attack="pgd-2", metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=3)]
    )
    history_of(trainer, *callbacks, validation_data=(IMAGE, LABEL))
    expected = [mode for mode in WAYS.values() for _ in range(4)]
    assert [callback.mode for callback in callbacks] == expected
    ops = {"max": keras.ops.greater, "min": keras.ops.less}
    assert [callback.monitor_op for callback in callbacks] == [ops[mode] for mode in expected]
    assert (tmp_path / "a.keras").exists()
    assert (tmp_path / "a.weights.h5").exists()


def test_the_best_of_the_numbers_is_kept():
    """The same numbers, whichever way is better: the best epoch is the first or the second."""
    for name, way in (("accuracy", 0), ("gradients", 1)):
        logs = [{name: 2.0}, {name: 1.0}]
        early = C.EarlyStopping(monitor=name, restore_best_weights=True)
        check_monitors([early], metrics={name: "up" if name == "accuracy" else "down"})
        early.set_model(types.SimpleNamespace(metrics=[], get_weights=list, stop_training=False))
        early.on_train_begin()
        for epoch, each in enumerate(logs):
            early.on_epoch_end(epoch, each)
        assert early.best_epoch == way


@pytest.mark.parametrize(
    ("name", "validated", "rule", "nearest"),
    [
        ("val_acc", True, "what an epoch logs", "nearest: val_accuracy"),
        ("val_loss", False, "with validation_data only", "nearest: loss"),
        ("val_robust", True, "validation_attack logs val_robust_accuracy", "val_accuracy"),
        ("held_out_robust", True, "validation_attack", "accuracy"),
        ("acc", False, "what an epoch logs", "nearest: accuracy"),
    ],
)
def test_what_no_epoch_logs_is_refused_before_the_first(name, validated, rule, nearest, tmp_path):
    for callback in watching(name, tmp_path):
        trainer = trainer_of()
        given = {"validation_data": (IMAGE, LABEL)} if validated else {}
        with pytest.raises(UserError) as error:
            history_of(trainer, callback, **given)
        assert type(callback).__name__ in error.value.rule
        assert rule in error.value.rule
        assert nearest in error.value.right
        assert name in error.value.received
        assert trainer.step == 0


def test_names_in_a_path_must_be_there(tmp_path):
    path = tmp_path / "{epoch:02d}-{val_acc:.2f}.keras"
    with pytest.raises(UserError, match="val_acc"):
        history_of(trainer_of(), C.ModelCheckpoint(path), validation_data=(IMAGE, LABEL))
    path = tmp_path / "{epoch:02d}-{val_accuracy:.2f}.keras"
    history_of(trainer_of(), C.ModelCheckpoint(path), validation_data=(IMAGE, LABEL))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_checkpoint_of_every_epoch_watches_nothing(tmp_path):
    history_of(trainer_of(), C.ModelCheckpoint(tmp_path / "{epoch}.keras"))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_schedule_has_no_direction():
    with pytest.raises(UserError, match="whether more of threshold is better"):
        history_of(trainer_of(), C.EarlyStopping(monitor="threshold"))
    history_of(trainer_of(), C.EarlyStopping(monitor="threshold", mode="min"))


def test_a_mode_that_was_given_stays():
    early = C.EarlyStopping(monitor="accuracy", mode="min")
    history_of(trainer_of(), early)
    assert early.mode == "min"


class Mine(C.Callback):
    """Adds a number, and says so or not."""

    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = 1.0


class Said(Mine):
    adds = {"mine": "up"}  # noqa: RUF012


def test_behind_a_callback_of_ones_own_any_name_may_be():
    watch = {"monitor": "mine", "mode": "max", "patience": 5}
    history_of(trainer_of(), Mine(), C.EarlyStopping(**watch))
    history_of(trainer_of(), C.LambdaCallback(), C.EarlyStopping(**watch))
    with pytest.raises(UserError):
        history_of(trainer_of(), C.EarlyStopping(**watch), Mine())
    with pytest.raises(UserError):
        history_of(trainer_of(), Said(), C.EarlyStopping(monitor="other"))
    early = C.EarlyStopping(monitor="mine")
    history_of(trainer_of(), Said(), early)
    assert early.mode == "max"


def test_held_out_numbers_and_learning_rates_are_known():
    trainer = trainer_of()
    early = C.EarlyStopping(monitor="held_out_robust", patience=5)
    held_out = HeldOut(trainer.network, [(IMAGE, LABEL)], "pgd-2", epsilon=0.1)
    assert "held_out_robust" in history_of(trainer, held_out, early)
    assert early.mode == "max"
    with pytest.raises(UserError):
        history_of(trainer_of(), early, held_out)
    rates = C.LearningRateScheduler(lambda epoch: 0.1)
    history_of(trainer_of(), rates, C.EarlyStopping(monitor="learning_rate", mode="min"))


def test_classes_of_ones_own_may_watch_what_they_like():
    class Own(C.EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, {"mine": 1.0, **logs})

    history_of(trainer_of(), Own(monitor="mine", mode="min"))
    own = Own(monitor="accuracy")
    history_of(trainer_of(), own)
    assert own.mode == "max"


@pytest.mark.parametrize(
    "callback", [C.ReduceLROnPlateau(monitor="loss"), C.LearningRateScheduler(lambda epoch: 0.1)]
)
def test_a_rate_that_has_a_schedule_already_is_set_by_nobody(callback):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    trainer = trainer_of(optimizer=keras.optimizers.SGD(schedule))
    with pytest.raises(UserError, match="must be a number"):
        history_of(trainer, callback)


def test_callbacks_come_in_any_form():
    early = C.EarlyStopping(monitor="acc")
    for form in (early, (early,), C.CallbackList([early])):
        with pytest.raises(UserError):
            trainer_of().fit(IMAGE, LABEL, callbacks=form, verbose=0)
    assert with_more(early, []) is early
    more = C.Callback()
    assert with_more(None, [more]) == [more]
    assert with_more([early], [more]) == [early, more]
    whole = C.CallbackList([early])
    assert with_more(whole, [more]) is whole
