"""Devices that train together, by the config's word for them.

with strategy("auto").scope():
    network = ...
"""

from __future__ import annotations

import os

import tensorflow as tf

from fosc_tf.errors import UserError, unknown_name

NAMES = ("auto", "mirrored", "multi_worker", "none")


def strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy called `name`; ask once a process, TensorFlow wants no second one.

    Args:
        name: "mirrored" takes all GPUs, or all logical CPUs where there is no GPU; "auto" does so
            when there is more than one GPU; "multi_worker" takes the devices of all processes that
            TF_CONFIG or Slurm tell of, and must be asked for before TensorFlow has done anything;
            "none" trains on one device.

    Raises:
        UserError: an unknown name; "multi_worker" where nothing tells of the workers.
    """
    if name not in NAMES:
        raise unknown_name("distribution", name, NAMES)
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy(_workers())
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or name == "auto" and len(gpus) < 2:
        return tf.distribute.get_strategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def worker(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Returns the number of this process among the workers and how many there are.

    Number 0 is the chief: it writes checkpoints, TensorBoard's files, tables and the export.
    """
    resolver = strategy.cluster_resolver
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


def _workers() -> tf.distribute.cluster_resolver.ClusterResolver:
    if os.environ.get("TF_CONFIG"):
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if os.environ.get("SLURM_PROCID"):
        return tf.distribute.cluster_resolver.SlurmClusterResolver()
    raise UserError(
        "distribution=multi_worker must be told of its workers",
        "TF_CONFIG with cluster and task in the environment, or a start by srun",
        "neither TF_CONFIG nor SLURM_PROCID",
    )
