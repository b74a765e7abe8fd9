"""Trained networks by path, and which of them may be compared."""

import keras
import pytest
import tensorflow as tf

from configs import common
from fosc_tf import build, export
from fosc_tf.errors import UserError
from fosc_tf.runs import trained
from tests.data.three_parts import refused
from tests.models.small_networks import images_for, small


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    network, path = small("digits_mlp", seed=3), tmp_path_factory.mktemp("run") / "mine"
    export.save(network, path)
    return network, trained.load(path)


def test_a_saved_model_is_its_network(exported):
    network, loaded = exported
    image = images_for(network)
    assert (loaded.name, loaded.num_classes, loaded.config) == ("mine", 10, None)
    assert len(loaded.fingerprint) == 64
    assert (network(image) == loaded.network(image)).numpy().all()


@pytest.mark.parametrize("content", [None, "run.json"])
def test_a_folder_of_neither_kind_is_refused(tmp_path, content):
    if content:
        config = '{"config": {"data": {"name": "digits"}, "model": {"name": "digits_mlp"}, '
        (tmp_path / content).write_text(config + '"seed": 0}, "seconds": {}}')
    with pytest.raises(UserError, match="work folder or a SavedModel"):
        trained.load(tmp_path)


def test_others_are_loaded_by_unique_names_for_the_same_images(tmp_path):
    network, config = small("digits_mlp", seed=3), common.digits("standard")
    paths = [tmp_path / run / "export" for run in ("a", "b")]
    for path in paths:
        export.save(network, path, data="digits")
    export.save(network, tmp_path / "mine")
    others = trained.load_others([*paths, tmp_path / "mine"], config, tmp_path)
    assert list(others) == [str(paths[0]), str(paths[1]), "mine"]
    assert [each.data for each in others.values()] == ["digits", "digits", ""]
    assert trained.load_others((), config, tmp_path) == {}
    with pytest.raises(UserError, match="named once"):
        trained.load_others([paths[0], tmp_path / "a" / ".." / "a" / "export"], config, tmp_path)
    with pytest.raises(UserError, match="same images") as caught:
        trained.load_others(paths, common.mnist("standard"), tmp_path)
    assert caught.value.right == "images of shape (28, 28, 1), 10 classes, data set mnist"
    export.save(network, paths[1], data="letters")
    with pytest.raises(UserError, match="same images") as caught:
        trained.load_others(paths, config, tmp_path)
    assert str(paths[1]) in caught.value.received
    assert "data set letters" in caught.value.received


def test_a_network_for_images_of_any_size_fits_all_of_its_channels(tmp_path):
    image = keras.Input((None, None, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    network = keras.Model(image, keras.layers.Dense(10)(pooled))
    export.save(network, tmp_path / "any")
    for config in (common.digits("standard"), common.mnist("standard")):
        (other,) = trained.load_others([tmp_path / "any"], config, tmp_path).values()
        assert other.num_classes == 10
    with pytest.raises(UserError, match="same images"):
        trained.load_others([tmp_path / "any"], common.cifar("standard"), tmp_path)


def test_the_fingerprint_of_a_saved_model_is_that_of_its_function(tmp_path):
    network = small("digits_mlp", seed=3)
    scaled = keras.Model(network.input, keras.layers.Rescaling(1e-4)(network.output))
    found = []
    for each in (network, scaled, network):
        export.save(each, tmp_path / "export")  # at one path
        found.append(trained.load(tmp_path / "export").fingerprint)
    assert found[0] == found[2] != found[1]


def test_a_best_network_that_cannot_be_read_is_told_of_before_the_last_is_used(tmp_path):
    config = common.digits("standard").copy_and_resolve_references()
    network = build.network(config)
    for folder in ("checkpoints", "checkpoints/best"):
        checkpoint = tf.train.Checkpoint(network=[each.value for each in network.variables])
        checkpoint.write(str(tmp_path / folder / "step-3"))
    assert [(name, step) for name, step, _ in trained.of_run(config, tmp_path)] == [
        ("last", 3),
        ("best", 3),
    ]
    for file in (tmp_path / "checkpoints" / "best").glob("*.data*"):
        file.write_bytes(file.read_bytes()[:100])
    refused(
        lambda: next(trained.of_run(config, tmp_path)),
        rule="best network of a run must be readable",
        right="--config.evaluation.checkpoints=('last', 'ema', 'ensemble')",
        received="1 damaged checkpoints",
    )
    with config.unlocked():
        config.evaluation.checkpoints = ("last",)
    assert [name for name, _, _ in trained.of_run(config, tmp_path)] == ["last"]
