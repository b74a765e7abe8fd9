"""HeldOutProof: the share of held-out images that is proved, and the epoch it chooses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import bounds, callbacks, defenses, models
from fosc_tf.choice import best_of, score
from fosc_tf.training import AdversarialTrainer
from tests import small_run
from tests.data.three_parts import refused


def test_counts_who_is_right_and_proved_every_n_epochs():
    arrays = small_run.arrays(train=128, test=40)
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10, seed=0)
    image, label = arrays["x_test"][..., None], arrays["y_test"]
    held_out = tf.data.Dataset.from_tensor_slices((image, label)).batch(16)
    proof = callbacks.HeldOutProof(network, held_out, "crown", epsilon=0.01, every=2)
    assert proof.adds == {"held_out_verified": "up"}
    trainer = AdversarialTrainer(network, defenses.get("unsecured"))
    trainer.compile(keras.optimizers.Adam(1e-2))
    logs = trainer.fit(
        arrays["x_train"][..., None], arrays["y_train"], epochs=2, callbacks=[proof], verbose=0
    ).history
    margins = bounds.margins(network, image, label, epsilon=0.01, method="crown")
    proved = bounds.proved(margins, label).mean()
    assert 0 < proved < 1
    assert logs["held_out_verified"] == [pytest.approx(proved)]


def test_refuses_what_is_no_proof():
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    batches = (np.zeros((2, 8, 8, 1), "float32"), np.zeros(2, int))
    refused(
        lambda: callbacks.HeldOutProof(network, batches, "pgd-10", epsilon=0.1),
        rule="method of proof",
        right="ibp",
        received="pgd-10",
    )
    refused(
        lambda: callbacks.HeldOutProof(network, batches, epsilon=0.1, every=0),
        rule="every",
        right="every=1",
        received="every=0",
    )


def test_what_is_proved_chooses_before_what_withstands():
    rows = [
        {"epoch": 0, "held_out_robust": 0.9},
        {"epoch": 1},
        {"epoch": 2, "held_out_robust": 0.9},
    ]
    assert best_of(rows)["epoch"] == 0
    assert best_of([{"epoch": 0}]) is None
    rows = [
        {"epoch": 0, "held_out_robust": 0.9, "held_out_verified": 0.1},
        {"epoch": 1, "held_out_robust": 0.7, "held_out_verified": 0.5},
        {"epoch": 2, "held_out_robust": 0.8, "held_out_verified": 0.5},
        {"epoch": 3, "held_out_robust": 0.8, "held_out_verified": 0.5},
    ]
    assert best_of(rows)["epoch"] == 2
    assert score({"epoch": 0, "held_out_robust": None}) is None
