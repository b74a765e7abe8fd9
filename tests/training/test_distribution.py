"""The devices behind each word of `config.distribution`; replicas are tested on logical CPUs."""

import pytest
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.training import distribution


@pytest.fixture
def made(monkeypatch):
    """Takes the place of MirroredStrategy: a process should not have several."""
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda devices: devices)


def devices(monkeypatch, **numbers):
    def listed(kind):
        return [
            tf.config.LogicalDevice(f"/device:{kind}:{number}", kind)
            for number in range(numbers.get(kind, 0))
        ]

    monkeypatch.setattr(tf.config, "list_logical_devices", listed)


@pytest.mark.parametrize("name", ["none", "auto"])
@pytest.mark.parametrize("gpus", [0, 1])
def test_one_device(monkeypatch, made, name, gpus):
    devices(monkeypatch, CPU=2, GPU=gpus)
    assert distribution.strategy(name) is tf.distribute.get_strategy()


def test_none_ignores_several_gpus(monkeypatch, made):
    devices(monkeypatch, CPU=1, GPU=4)
    assert distribution.strategy("none") is tf.distribute.get_strategy()


@pytest.mark.parametrize("name", ["auto", "mirrored"])
def test_all_gpus(monkeypatch, made, name):
    devices(monkeypatch, CPU=1, GPU=2)
    assert distribution.strategy(name) == ["/device:GPU:0", "/device:GPU:1"]


def test_mirrored_without_gpu_takes_all_logical_cpus(monkeypatch, made):
    devices(monkeypatch, CPU=2)
    assert distribution.strategy("mirrored") == ["/device:CPU:0", "/device:CPU:1"]


def test_unknown_name():
    with pytest.raises(UserError, match=r"(?s)distribution must be a known one.*nearest: mirrored"):
        distribution.strategy("mirored")
