"""Python text for `Program.start(before=...)`: what goes wrong in a run, and what it writes down.

program.start(*flags, before=killed("fosc_tf.runs.evaluation:white_box", call=1, when="after"))
"""

from __future__ import annotations

import pathlib

_WRAP = """
import functools, importlib, os, resource, signal

def wrapped(target, act):
    module, _, path = target.partition(":")
    *holders, name = path.split(".")
    holder = functools.reduce(getattr, holders, importlib.import_module(module))
    plain = getattr(holder, name)

    @functools.wraps(plain)
    def wrapper(*args, **kwargs):
        act("before", args)
        result = plain(*args, **kwargs)
        act("after", args)
        return result

    setattr(holder, name, wrapper)
"""


def killed(target: str, *, call: int, when: str) -> str:
    """Kills the process with SIGKILL just before or after the given call of `target`.

    Args:
        target: "module:function" or "module:Class.method".
        call: 1 for the first.
        when: "before" or "after".
    """
    return _at(target, call, when, "os.kill(os.getpid(), signal.SIGKILL)")


def disk_full(target: str, *, call: int, when: str, num_bytes: int) -> str:
    """Lets no file grow beyond `num_bytes` from that moment on; arguments as for `killed`."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({num_bytes}, {num_bytes}))"
    return _at(target, call, when, limit)


def _at(target: str, call: int, when: str, act: str) -> str:
    return f"""{_WRAP}
seen = []

def act(moment, args):
    seen.append(moment)
    if moment == {when!r} and seen.count({when!r}) == {call}:
        {act}

wrapped({target!r}, act)
"""


def steps_written(file: pathlib.Path) -> str:
    """Appends the number of each training step to `file`, when it is done."""
    return f"""{_WRAP}
def act(moment, args):
    if moment == "before":
        with open({str(file)!r}, "a") as steps:
            print(args[0].model.step, file=steps)

wrapped("fosc_tf.callbacks.nan_guard:NanGuard.on_train_batch_end", act)
"""


def nan_at(step: int) -> str:
    """Plants a NaN in the logits' bias before the given step (1 for the first) is taken."""
    return f"""{_WRAP}
def act(moment, args):
    callback = args[0]
    if moment == "after" and int(callback.model.optimizer.iterations.numpy()) == {step - 1}:
        weight = callback.model.network.trainable_variables[-1]
        weight.assign(weight * float("nan"))

wrapped("fosc_tf.callbacks.saving:Saving.on_train_batch_end", act)
"""


def logical_cpus(number: int) -> str:
    """Splits the CPU into as many devices, for `distribution=mirrored`."""
    return f"""
import tensorflow as tf
from fosc_tf.quiet import tensorflow_silent

with tensorflow_silent():
    tf.config.list_physical_devices()
cpus = [tf.config.LogicalDeviceConfiguration()] * {number}
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
"""
