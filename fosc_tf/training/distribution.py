"""Devices that train together, by the config's word for them.

with strategy("auto").scope():
    network = ...
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute.cluster_resolver import slurm_cluster_resolver as slurm

from fosc_tf.errors import UserError, unknown_name

NAMES = ("auto", "mirrored", "multi_worker", "none")
Resolver = tf.distribute.cluster_resolver.ClusterResolver


def strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy called `name`; ask once a process, TensorFlow wants no second one.

    Args:
        name: "mirrored" takes all GPUs, or all logical CPUs where there is no GPU; "auto" does so
            when there is more than one GPU; "multi_worker" takes the devices of all processes that
            TF_CONFIG or Slurm tell of, and must be asked for before TensorFlow has done anything;
            "none" trains on one device.

    Raises:
        UserError: an unknown name; "multi_worker" where nothing, or nothing that holds together,
            tells of the workers.
    """
    if name not in NAMES:
        raise unknown_name("distribution", name, NAMES)
    if name == "multi_worker":
        return _told(tf.distribute.MultiWorkerMirroredStrategy)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or name == "auto" and len(gpus) < 2:
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def worker(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Returns the number of this process among the workers and how many there are.

    Number 0 is the chief: it writes checkpoints, TensorBoard's files, tables and the export.
    """
    return _place(strategy.cluster_resolver)


def is_chief() -> bool:
    """Returns whether this process is the chief of "multi_worker", before there is a strategy.

    Raises:
        UserError: as `strategy` does.
    """
    return _told(_place)[0] == 0


def _place(resolver: Resolver | None) -> tuple[int, int]:
    if resolver is None or not resolver.cluster_spec().as_dict():
        return 0, 1
    tasks = sorted(
        (job != "chief", number)
        for job in ("chief", "worker")
        if job in resolver.cluster_spec().jobs
        for number in resolver.cluster_spec().task_indices(job)
    )
    return tasks.index((resolver.task_type != "chief", resolver.task_id)), len(tasks)


def shared_out(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns what of the global batches in `dataset` each replica of this worker takes.

    By position: the first replica takes the first rows. TensorFlow's own sharding would deal
    whole batches or files to workers, and another number of workers would see other batches.

    Args:
        strategy: of several workers.
        dataset: equal batches on every worker, a multiple of the replicas long.
    """
    replicas = strategy.num_replicas_in_sync
    number, count = worker(strategy)
    own = replicas // count

    def parts(batch: object) -> tf.data.Dataset:
        def cut(rows: tf.Tensor) -> tf.Tensor:
            share = (rows.shape[0] or tf.shape(rows)[0]) // replicas
            mine = rows[number * own * share : (number + 1) * own * share]
            return tf.reshape(mine, [own, share, *rows.shape[1:]])

        cuts = tf.nest.map_structure(cut, batch)
        return tf.data.Dataset.from_tensor_slices(cuts)

    local = dataset.flat_map(parts)
    length = int(dataset.cardinality())
    if length >= 0:
        local = local.apply(tf.data.experimental.assert_cardinality(length * own))
    local = local.prefetch(tf.data.AUTOTUNE)
    return strategy.distribute_datasets_from_function(lambda _: local)


def another_is_gone(error: Exception) -> bool:
    """Returns whether `error` is what TensorFlow raises in a worker that waits for a dead one."""
    return isinstance(error, tf.errors.OpError) and "ollective" in error.message


def address_is_taken(error: Exception) -> bool:
    """Returns whether `error` is what TensorFlow raises in a worker that cannot listen."""
    return isinstance(error, tf.errors.OpError) and "start gRPC server" in error.message


def _told(use: Callable[[Resolver], Any]) -> Any:
    """Returns what `use` makes of the workers that the environment tells of."""
    if os.environ.get("TF_CONFIG"):
        source, resolve = "TF_CONFIG", tf.distribute.cluster_resolver.TFConfigClusterResolver
    elif os.environ.get("SLURM_PROCID"):
        source, resolve = "Slurm", _of_slurm
    else:
        raise UserError(
            "distribution=multi_worker must be told of its workers",
            "TF_CONFIG with cluster and task in the environment, or a start by srun",
            "neither TF_CONFIG nor SLURM_PROCID",
        )
    try:
        resolver = resolve()
        if not resolver.cluster_spec().as_dict():
            raise ValueError("no cluster")  # each worker would train alone, all in one folder
        return use(resolver)
    except (ValueError, TypeError, AttributeError, KeyError, RuntimeError, OSError) as error:
        raise UserError(
            f"what {source} tells of the workers must be whole and name this process among them",
            'TF_CONFIG=\'{"cluster": {"worker": ["host-a:2222", "host-b:2222"]}, "task": '
            '{"type": "worker", "index": 0}}\', or a start by srun, which sets all of Slurm\'s '
            "variables",
            f"{type(error).__name__}: {error}",
        ) from error


def _of_slurm() -> Resolver:
    """Returns the tasks of this step in Slurm's order, each with the GPUs that it sees.

    TensorFlow's own resolver finds no task where there is no GPU, and takes the nodes in the order
    of the alphabet.
    """
    nodes = slurm.expand_hostlist(os.environ["SLURM_STEP_NODELIST"])
    tasks = slurm.expand_tasks_per_node(os.environ["SLURM_STEP_TASKS_PER_NODE"])
    # Of its first task, the next ones follow: jobs that share a node, up to 16 tasks of each, have
    # ports of their own unless their numbers differ by a multiple of 1,250.
    port = 10000 + 16 * int(os.environ["SLURM_JOB_ID"]) % 20000
    addresses = [
        f"{node}:{port + number}"
        for node, count in zip(nodes, tasks, strict=True)
        for number in range(count)
    ]
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": addresses}),
        task_type="worker",
        task_id=int(os.environ["SLURM_PROCID"]),
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
