"""The Lipschitz bound epoch by epoch: of a linear network its largest singular value."""

import keras
import numpy as np
import pytest

from fosc_tf import AdversarialTrainer, defenses
from fosc_tf.callbacks import LipschitzBound
from fosc_tf.show import captions, training_plots
from tests.attacks.toys import images, labels, mlp
from tests.callbacks.stand_in import linear
from tests.data.three_parts import refused


def test_of_a_linear_network_it_is_the_largest_singular_value():
    network, logs = linear(), {"loss": 1.0}
    LipschitzBound(network).on_epoch_end(0, logs)
    expected = np.linalg.svd(np.array(network.layers[-1].kernel))[1][0]
    assert logs["lipschitz"] == pytest.approx(expected, rel=1e-4)


def test_it_is_that_of_each_epoch():
    network, data = mlp(), (images(16), labels(16))
    trainer = AdversarialTrainer(network, defenses.get("unsecured"))
    trainer.compile(keras.optimizers.SGD(0.5))
    callback = LipschitzBound(network)
    history = trainer.fit(*data, epochs=2, verbose=0, callbacks=[callback]).history["lipschitz"]
    logs = {}
    LipschitzBound(network).on_epoch_end(0, logs)
    assert history[1] == pytest.approx(logs["lipschitz"], rel=1e-6)
    assert history[0] != history[1]


def test_a_layer_without_a_known_norm_is_refused_by_name():
    parts = [keras.layers.UnitNormalization(name="strange"), keras.layers.Dense(3)]
    network = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), *parts])
    refused(lambda: LipschitzBound(network), rule="", right="", received="strange")


def test_the_report_draws_its_logarithm():
    rows = [{"epoch": 0, "lipschitz": 10.0}, {"epoch": 1, "lipschitz": 1000.0}]
    (line,) = training_plots.history(rows)["lipschitz"].axes[0].lines
    np.testing.assert_allclose(line.get_xydata(), [(1, 1), (2, 3)])
    assert captions.of_lipschitz(rows) == (
        "Logarithm to base 10 of the bound: 1.00 in epoch 1, 3.00 in epoch 2."
    )
    assert "lipschitz" not in training_plots.history([{"epoch": 0, "accuracy": 0.5}])
