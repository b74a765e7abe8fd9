"""A training that starts from what another one left."""

import json
import shutil

import numpy as np
import pytest

import fosc_tf
from fosc_tf.training import initial_weights
from tests.data.three_parts import refused

SHAPE = {"input_shape": (8, 8, 1), "num_classes": 10}
SMALL = (
    "--config=configs/digits_standard.py",
    "--config.total_epochs=1",
    "--config.model.name=digits_mlp",
    "--config.evaluation.attacks=('clean',)",
    "--config.evaluation.check_examples=0",
    "--config.data.batch_size=512",
)


def network(seed, name="digits_cnn"):
    return fosc_tf.models.get(name, seed=seed, **SHAPE)


def same(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


@pytest.fixture(scope="module")
def compiled():
    """A network that keeps an optimizer, whose state is no weight."""
    made = network(1)
    made.compile("adam", "mse", metrics=["mae"])
    made.optimizer.build(made.trainable_variables)
    return made


@pytest.mark.parametrize("name", ["all.keras", "plain.weights.h5"])
def test_from_a_file_of_a_compiled_network(tmp_path, compiled, name):
    path = tmp_path / name
    (compiled.save if path.suffix == ".keras" else compiled.save_weights)(path)
    fresh = network(2)
    assert not same(fresh, compiled)
    initial_weights.load(path, fresh)
    assert same(fresh, compiled)


def test_from_an_export(tmp_path, compiled):
    fosc_tf.export.save(compiled, tmp_path / "export")
    fresh = network(2)
    initial_weights.load(tmp_path / "export", fresh)
    assert same(fresh, compiled)


def test_another_architecture_and_what_is_none(tmp_path, compiled):
    compiled.save_weights(tmp_path / "cnn.weights.h5")
    compiled.save(tmp_path / "cnn.keras")
    for name in ("cnn.weights.h5", "cnn.keras"):
        before = network(2, "digits_mlp")
        refused(
            lambda name=name, before=before: initial_weights.load(tmp_path / name, before),
            rule="initial weights must be those of the same architecture",
            right=f"{len(before.variables)} arrays",
            received="8 arrays",
        )
        assert same(before, network(2, "digits_mlp"))
    (tmp_path / "damaged.keras").write_bytes((tmp_path / "cnn.keras").read_bytes()[:999])
    (tmp_path / "text.weights.h5").write_text("no weights")
    (tmp_path / "empty").mkdir()
    for name, received in (
        ("damaged.keras", "which cannot be read: BadZipFile"),
        ("text.weights.h5", "which cannot be read: OSError"),
        ("empty", "where there is none of these"),
        ("nothing", "where there is none of these"),
        ("cnn.txt", "where there is none of these"),
    ):
        refused(
            lambda name=name: initial_weights.load(tmp_path / name, network(2)),
            rule="initial weights are read from what a training left",
            right="a work folder with checkpoints, an export, NAME.keras or NAME.weights.h5",
            received=received,
        )


def test_a_run_from_a_run(tmp_path, program):
    """With a rate of nothing the second ends with the weights of the first."""
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    assert program.run(*SMALL, f"--workdir={first}").code == 0
    still = (*SMALL, "--config.seed=5", "--config.optimizer.learning_rate=1e-30")
    still += (f"--config.model.weights={first}", "--config.optimizer.weight_decay=0.0")
    assert program.run(*still, f"--workdir={second}").code == 0
    was, now = (fosc_tf.export.load(folder / "export") for folder in (first, second))
    image = np.random.default_rng(0).random([5, 8, 8, 1], np.float32)
    np.testing.assert_array_equal(was(image), now(image))
    assert len(json.loads((second / "run.json").read_text())["data"]["weights"]) == 64

    for file in first.glob("checkpoints/step-*.index"):
        file.write_bytes(b"")
    ended = program.run(*still, f"--workdir={third}")
    assert (ended.code, "damaged checkpoints" in ended.err) == (2, True)
    shutil.rmtree(first)
    ended = program.run(*still, f"--workdir={third}")
    assert (ended.code, "read from what a training left" in ended.err) == (2, True)
    assert not third.exists()
