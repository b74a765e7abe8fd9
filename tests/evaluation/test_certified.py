"""Verified accuracy: a cascade is what its methods prove alone, and nobody proved is broken."""

import keras
import numpy as np
import pytest

from fosc_tf import bounds
from fosc_tf.evaluation import Journal, certified, white_box
from fosc_tf.evaluation.certified import METHODS, Proofs
from fosc_tf.evaluation.proof_forecast import advice, forecast
from tests.data.three_parts import refused

L = keras.layers
EPSILON = 0.05


@pytest.fixture(scope="module")
def given():
    """Returns a network that has learned something, images and labels."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    label = random.integers(0, 3, 60)
    image = random.uniform(0.0, 0.6, (60, 4, 4, 1))
    image[np.arange(60), label, label] += 0.4
    layers = [L.Conv2D(4, 2, activation="relu"), L.Flatten(), L.Dense(8, activation="relu")]
    network = keras.Sequential([keras.Input((4, 4, 1)), *layers, L.Dense(3)])
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.optimizer.learning_rate = 0.02
    network.fit(image, label, epochs=30, verbose=0)
    return network, image.astype("float32"), label


def test_the_cascade_is_what_its_methods_prove_alone(given):
    network, image, label = given
    methods = ("ibp", "crown-ibp", "crown")
    rows = certified(network, (image, label), epsilon=EPSILON, methods=methods)
    alone = certified(network, (image, label), epsilon=EPSILON, methods=methods, alone=True)
    assert [row.get("attack", row.get("method")) for row in rows] == ["clean", *methods]
    right = np.argmax(network(image), axis=1) == label
    assert rows[0]["accuracy"] == np.mean(right)
    together = np.zeros(60, bool)
    for row, same in zip(rows[1:], alone[1:], strict=True):
        margins = bounds.margins(network, image, label, epsilon=EPSILON, method=row["method"])
        proved = (margins.numpy() > 1e-3).sum(axis=1) == 2
        assert same["alone"] == np.mean(proved)
        assert row["alone"] is None
        assert row["asked"] == np.sum(right & ~together)
        together |= proved
        assert row["accuracy"] == same["accuracy"] == np.mean(together)
    assert 0 < rows[1]["accuracy"] < rows[-1]["accuracy"] < rows[0]["accuracy"]


def test_exact_proves_more_and_no_attack_refutes(given):
    network, image, label = given
    methods = ("crown", "exact@20")
    rows = certified(network, (image, label), epsilon=EPSILON, methods=methods, time_limit=20)
    assert rows[2]["n"] == 20
    proofs = Proofs(network, (image[:20], label[:20]), epsilon=EPSILON)
    proofs.row("crown")
    by_crown = proofs.proved.copy()
    proofs.row("exact")
    assert (proofs.proved >= by_crown).all()
    attacked = white_box(
        network, (image[:20], label[:20]), epsilon=EPSILON, attacks=("clean", "pgd-50")
    )
    assert np.mean(proofs.proved) <= attacked[1]["accuracy"]
    assert np.mean(proofs.proved) == rows[2]["accuracy"]


def test_a_killed_one_goes_on_with_equal_results(given, tmp_path, monkeypatch):
    network, image, label = given
    settings = {"epsilon": EPSILON, "methods": ("ibp", "crown")}
    batches = [(image[:32], label[:32]), (image[32:], label[32:])]
    whole = certified(network, batches, **settings)
    asked = []
    honest = bounds.margins

    def counted(*arguments, **named):
        asked.append(named["method"])
        if len(asked) == 5:
            raise KeyboardInterrupt
        return honest(*arguments, **named)

    monkeypatch.setattr(bounds, "margins", counted)
    path = tmp_path / "evaluation.jsonl"
    with pytest.raises(KeyboardInterrupt):
        certified(network, batches, journal=Journal(path), **settings)
    again = certified(network, batches, journal=Journal(path), **settings)
    assert "ibp" not in asked[5:]
    for row, same in zip(whole, again, strict=True):
        assert {**row, "seconds": 0} == {**same, "seconds": 0}


def test_the_forecast_names_what_each_takes(given):
    network, image, label = given
    methods = ("ibp", "crown-ibp", "crown", "alpha-crown", "exact@10")
    found = forecast(network, image[:8], label[:8], epsilon=EPSILON, n=1000, methods=methods)
    assert [each.method for each in found] == list(methods)
    seconds = [each.seconds for each in found]
    assert np.isnan(seconds[-1])
    assert seconds[3] > seconds[2] > seconds[1] > 0
    assert found[0].bytes < found[1].bytes < found[2].bytes
    assert "worth it" in advice(found) or "alone will do" in advice(found)
    few = [each._replace(proved=0.0) for each in found]
    assert "Neither" in advice(few)
    # Whatever is asked for, the cheap ones are looked at, or nobody could advise.
    dear = forecast(network, image[:8], label[:8], epsilon=EPSILON, n=1000, methods=("crown",))
    assert [each.method for each in dear] == ["ibp", "crown-ibp", "crown"]
    assert "Neither" not in advice(dear)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"methods": ("ipb",)}, "method of proof"),
        ({"methods": "ibp"}, "methods must be a sequence"),
        ({"methods": ()}, "methods must be a sequence"),
        ({"methods": ("exact",), "norm": "l2"}, "linf only"),
        ({"norm": "l3"}, "norm must"),
        ({"epsilon": 8.0}, "epsilon must"),
        ({"time_limit": 0}, "time_limit must be positive"),
        ({"alone": "no"}, "alone"),
        ({"journal": "evaluation.jsonl"}, "journal must"),
    ],
)
def test_mistakes(given, arguments, rule):
    network, image, label = given
    wanted = {"epsilon": EPSILON} | arguments
    refused(lambda: certified(network, (image, label), **wanted), rule=rule, right="", received="")


def test_all_methods_are_known():
    assert METHODS[-1] == "exact"
    assert METHODS[:-1] == bounds.METHODS
