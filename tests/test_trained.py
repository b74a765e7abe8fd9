"""Trained networks by path, and which of them may be compared."""

import dataclasses
import pathlib

import pytest

from fosc_tf import export, trained
from fosc_tf.errors import UserError
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


def test_networks_of_other_images_are_not_compared(exported):
    _, one = exported
    digits, mnist = (
        dataclasses.replace(one, path=pathlib.Path(name), config={"data": {"name": name}})
        for name in ("digits", "mnist")
    )
    trained.check_alike(digits, one)
    trained.check_alike(digits, digits)
    for other in (mnist, dataclasses.replace(one, num_classes=100)):
        with pytest.raises(UserError, match="same images") as caught:
            trained.check_alike(digits, other)
        assert str(other.path) in caught.value.received
