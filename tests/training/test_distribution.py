"""The devices behind each word of `config.distribution`; replicas are tested on logical CPUs."""

import json

import pytest
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.training import distribution
from tests.data.three_parts import refused

SLURM = {
    "SLURM_JOB_ID": "2501",
    "SLURM_PROCID": "2",
    "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
}


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


@pytest.fixture
def told(monkeypatch):
    """Sets the environment that tells of the workers, and shows what a strategy is made of."""
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda resolver: resolver)
    for name in ("TF_CONFIG", "CUDA_VISIBLE_DEVICES", *SLURM):
        monkeypatch.delenv(name, raising=False)

    def told(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return told


def test_workers_that_nothing_tells_of(told):
    refused(
        lambda: distribution.strategy("multi_worker"),
        rule="must be told of its workers",
        right="TF_CONFIG",
        received="neither",
    )


@pytest.mark.parametrize("gpus", [0, 1])
def test_tasks_of_slurm_in_the_order_of_its_nodes_with_the_gpus_they_see(monkeypatch, told, gpus):
    told(**SLURM, CUDA_VISIBLE_DEVICES="0")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"] * gpus)
    resolver = distribution.strategy("multi_worker")
    # 10000 + (16 * 2501) % 20000
    workers = ["n9:10016", "n9:10017", "n10:10016", "n10:10017"]
    assert resolver.cluster_spec().as_dict() == {"worker": workers}
    assert (resolver.task_type, resolver.task_id) == ("worker", 2)
    assert resolver.num_accelerators() == {"GPU": gpus}
    assert not distribution.is_chief()


@pytest.mark.parametrize(
    ("variables", "received"),
    [
        ({"SLURM_PROCID": "0"}, "KeyError: 'SLURM_STEP_NODELIST'"),
        (SLURM | {"SLURM_STEP_NODELIST": "n["}, "ValueError: Invalid hostlist"),
        (SLURM | {"SLURM_STEP_TASKS_PER_NODE": "2"}, "ValueError: zip"),
        (SLURM | {"SLURM_JOB_ID": "x"}, "ValueError: invalid literal"),
        ({"TF_CONFIG": "{"}, "JSONDecodeError"),
        ({"TF_CONFIG": '{"cluster": 3}'}, "TypeError"),
        ({"TF_CONFIG": "{}"}, "ValueError: no cluster"),
    ],
)
def test_workers_told_of_in_broken_words(told, variables, received):
    told(**variables)
    refused(
        distribution.is_chief,
        rule="must be whole and name this process among them",
        right='"index": 0',
        received=received,
    )


def test_worker_that_is_not_among_the_workers(monkeypatch):
    cluster, task = {"worker": ["localhost:1"]}, {"type": "worker", "index": 1}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    refused(
        lambda: distribution.strategy("multi_worker"),
        rule="name this process among them",
        right='"index": 0',
        received="exceeds the maximum",
    )
