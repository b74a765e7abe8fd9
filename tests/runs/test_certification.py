"""--mode=certify: a network trained by intervals is proved, and no attack refutes a proof."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import bounds, models
from tests import small_run

EPSILON = 0.03
CERTIFY = (
    "--mode=certify",
    f"--config.evaluation.epsilon={EPSILON}",
    "--config.certification.methods=('ibp','crown-ibp','crown')",
    "--config.certification.attacks=('pgd-40','autoattack@4')",
    "--config.certification.curve_examples=20",
    "--config.certification.boxes=2",
)


def interval_trained(image, label):
    """Returns a network trained on the cross-entropy of its worst logits by intervals."""
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10, seed=0)
    optimizer = keras.optimizers.Adam(2e-3)
    optimizer.build(network.trainable_variables)

    @tf.function
    def step(image, label, epsilon):
        with tf.GradientTape() as tape:
            worst = -bounds.margins(network, image, label, epsilon=epsilon, method="ibp")
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(logits=worst, labels=label)
            )
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    random = np.random.default_rng(0)
    for number in range(400):
        rows = random.choice(len(image), 128, replace=False)
        epsilon = tf.constant(EPSILON * min(1.0, number / 200), tf.float32)
        step(tf.constant(image[rows]), tf.constant(label[rows], tf.int32), epsilon)
    return network


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Returns the data, the weights of the network, and a folder."""
    folder = tmp_path_factory.mktemp("certified")
    arrays = small_run.arrays(train=1200, test=60)
    network = interval_trained(arrays["x_train"][..., None], arrays["y_train"])
    network.save_weights(folder / "proved.weights.h5")
    np.savez(folder / "digits.npz", **arrays)
    return folder, network, arrays


def flags(folder, name):
    return (
        "--config=configs/digits_dynamic.py",
        f"--workdir={folder / name}",
        f"--config.data.npz={folder / 'digits.npz'}",
        "--config.model.name=digits_mlp",
        f"--config.model.weights={folder / 'proved.weights.h5'}",
    )


def test_weights_of_elsewhere_are_proved(program, given):
    folder, network, arrays = given
    ended = program.run(*flags(folder, "whole"), *CERTIFY)
    assert ended.code == 0, ended.err
    assert "each method asked about all of them" in ended.out
    assert "will do" in ended.out or "worth it" in ended.out
    rows = json.loads((folder / "whole/certified.json").read_text())
    by = {row.get("method", row.get("attack")): row for row in rows if "curve" not in row}
    image, label = arrays["x_test"][..., None], arrays["y_test"]
    margins = bounds.margins(network, image, label, epsilon=EPSILON, method="ibp")
    proved = np.mean((margins.numpy() > 1e-3).sum(axis=1) == 9)
    assert by["ibp"]["accuracy"] == proved
    assert proved > 0.5
    assert by["ibp"]["accuracy"] <= by["crown"]["accuracy"] <= by["pgd-40"]["accuracy"]
    assert by["pgd-40"]["accuracy"] <= by["clean"]["accuracy"]
    kept = np.load(folder / "whole/certified.npz")
    assert np.mean(kept["weights/proved"]) == by["crown"]["accuracy"]
    assert (kept["weights/radius"][~kept["weights/right"]] == 0).all()
    assert by["radius by crown-ibp"]["mean_radius"] == pytest.approx(kept["weights/radius"].mean())
    assert by["boxes"]["box"] >= by["boxes"]["even"] > 0
    assert kept["weights/box"].shape == kept["weights/boxed_image"].shape == (2, 8, 8, 1)
    curve = [row["accuracy"] for row in rows if "curve" in row]
    assert len(curve) == 7
    assert curve == sorted(curve, reverse=True)
    assert "| weights | proved: ibp |" in (folder / "whole/certified.md").read_text()


def test_a_killed_one_goes_on_with_equal_results(program, given):
    folder, *_ = given
    killing = """
import os, signal
from fosc_tf.evaluation import survival
honest = survival.Survival.row
def row(self, plan):
    if plan.name == "pgd-40":
        os.kill(os.getpid(), signal.SIGKILL)
    return honest(self, plan)
survival.Survival.row = row
"""
    ended = program.run(*flags(folder, "killed"), *CERTIFY, before=killing)
    assert ended.code == -9
    assert not (folder / "killed/certified.json").exists()
    before = (folder / "killed/evaluation.jsonl").read_text()
    assert program.run(*flags(folder, "killed"), *CERTIFY).code == 0
    assert (folder / "killed/evaluation.jsonl").read_text().startswith(before)
    whole, again = (
        [
            # Boxes are sought anew, by hundreds of steps whose last digits may differ.
            {**row, "seconds": 0, "box": round(row.get("box", 0.0), 3)}
            for row in json.loads((folder / name / "certified.json").read_text())
        ]
        for name in ("whole", "killed")
    )
    assert whole == again


def test_a_refuted_proof_is_told_loudly(program, given):
    folder, *_ = given
    lying = """
from fosc_tf import bounds
honest = bounds.margins
bounds.margins = lambda *given, **named: honest(*given, **named) + 100.0
"""
    ended = program.run(
        *flags(folder, "refuted"), *CERTIFY, "--config.evaluation.epsilon=0.5", before=lying
    )
    assert ended.code == 1
    assert "broke" in ended.err
    assert "please report it" in ended.err
    kept = np.load(folder / "refuted/contradictions.npz")
    assert kept["image"].shape == (len(kept["index"]), 8, 8, 1)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--config.certification.methods=('ipb',)", "the method of proof must be a known one"),
        ("--config.certification.methods=('exact',)", "exact"),
        ("--config.certification.time_limit=0", "certification.time_limit"),
        ("--config.certification.radius_method=ibp", "method of envelopes"),
        ("--config.certification.attacks=('pdg',)", "attack must be a known one"),
    ],
)
def test_mistakes(program, given, flag, words):
    folder, *_ = given
    norm = ["--config.evaluation.norm=l2"] if "exact" in flag else []
    ended = program.run(*flags(folder, "wrong"), "--mode=certify", flag, *norm)
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_a_folder_without_a_network(program, given):
    folder, *_ = given
    ended = program.run(*flags(folder, "nothing")[:-1], "--mode=certify")
    assert ended.code == 2
    assert "only a trained work folder" in ended.err
