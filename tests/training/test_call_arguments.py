"""Numbers that Keras would stumble over, or leave out without a word, are refused before a step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from tests.data.three_parts import refused
from tests.training.habits import IMAGE, LABEL, linear, trainer_of

DATASET = tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(16)


@pytest.mark.parametrize("name", ["batch_size", "steps_per_epoch", "validation_steps"])
@pytest.mark.parametrize("value", [0, -4, 16.5, "32", True])
def test_what_is_no_number_of_batches(name, value):
    trainer = trainer_of()
    refused(
        lambda: trainer.fit(IMAGE, LABEL, verbose=0, **{name: value}),
        rule=f"{name} must be a whole number >= 1",
        right=f"{name}=",
        received=f"{name}={value!r}",
    )
    assert trainer.step == 0


@pytest.mark.parametrize("call", ["evaluate", "predict"])
@pytest.mark.parametrize("given", [{"batch_size": 0}, {"steps": -1}])
def test_what_is_no_number_of_batches_of_an_evaluation(call, given):
    refused(
        lambda: getattr(trainer_of(), call)(IMAGE, verbose=0, **given),
        rule="whole number >= 1",
        right=next(iter(given)),
        received=str(next(iter(given.values()))),
    )


def test_numbers_of_numpy_are_numbers():
    trainer_of().fit(IMAGE, LABEL, verbose=0, batch_size=np.int64(16), epochs=np.int32(1))


@pytest.mark.parametrize(
    ("x", "y", "given", "rule", "received"),
    [
        (DATASET, None, {"batch_size": 8}, "batch_size belongs to arrays", "batch_size=8 beside"),
        (DATASET, None, {"validation_split": 0.2}, "validation_split belongs to", "split=0.2"),
        (DATASET, LABEL, {}, "y belongs to arrays", "y=ndarray"),
        ([(IMAGE, LABEL)], None, {"batch_size": 8}, "batch_size belongs to", "beside a list"),
        (IMAGE, LABEL, {"validation_split": 1.5}, "share that is kept back", "1.5"),
        (IMAGE, LABEL, {"validation_split": -0.1}, "share that is kept back", "-0.1"),
        (IMAGE, LABEL[:-1], {}, "every image needs one label", "64 images, 63 labels"),
        (None, None, {}, "images and labels", "None"),
        (DATASET.repeat(), None, {}, "dataset without an end", "without steps_per_epoch"),
        (IMAGE, LABEL, {"validation_data": DATASET.repeat()}, "an end", "validation_steps"),
        (IMAGE, LABEL, {"callbacks": [keras.callbacks.EarlyStopping]}, "callback", "class"),
        (IMAGE, LABEL, {"callbacks": "tensorboard"}, "callback", "tensorboard"),
    ],
)
def test_what_does_not_belong_together(x, y, given, rule, received):
    trainer = trainer_of("standard")
    refused(lambda: trainer.fit(x, y, verbose=0, **given), rule=rule, right="", received=received)
    assert trainer.step == 0


def test_an_endless_evaluation():
    refused(
        lambda: trainer_of().evaluate(DATASET.repeat(), verbose=0),
        rule="without an end",
        right="steps=79",
        received="without steps",
    )


def test_a_validation_of_made_batches_beside_arrays_with_a_batch_size():
    """Keras hands the batch size of `fit` on to the validation, where it decides nothing."""
    history = trainer_of().fit(IMAGE, LABEL, batch_size=16, validation_data=DATASET, verbose=0)
    assert np.isfinite(history.history["val_loss"][0])


@pytest.mark.parametrize("call", ["fit", "evaluate"])
def test_before_compile(call):
    trainer = fosc_tf.AdversarialTrainer(linear(), fosc_tf.defenses.get("unsecured"))
    refused(
        lambda: getattr(trainer, call)(IMAGE, LABEL, verbose=0),
        rule="must be compiled",
        right="trainer.compile(",
        received="no call",
    )


@pytest.mark.parametrize("optimizer", ["sgdd", None, 0.1, keras.optimizers.SGD, linear])
def test_what_is_no_optimizer(optimizer):
    refused(
        lambda: trainer_of(optimizer=optimizer),
        rule="optimizer must be one of Keras",
        right="keras.optimizers.SGD(",
        received=f"optimizer={optimizer!r}",
    )


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None])
def test_a_seed_that_is_none(seed):
    refused(
        lambda: fosc_tf.AdversarialTrainer(
            linear(), fosc_tf.defenses.get("standard", epsilon=0.1), seed=seed
        ),
        rule="seed must be a whole number >= 0",
        right="seed=0",
        received=f"seed={seed!r}",
    )


@pytest.mark.parametrize("call", ["train_on_batch", "test_on_batch", "predict_on_batch"])
def test_single_batches_are_looked_at_as_well(call):
    rows = [IMAGE[:16] * 255] + ([] if call == "predict_on_batch" else [LABEL[:16]])
    trainer = trainer_of("standard")
    refused(
        lambda: getattr(trainer, call)(*rows),
        rule="must lie in [0, 1]",
        right="divide 0..255 by 255",
        received="values from",
    )
    assert trainer.step == 0
