"""Two replicas on logical CPUs, in a process of its own: TensorFlow wants logical devices before
anything runs, and no second strategy in a process.

    tell({"answer": answer(strategy())})                         # in the process
    printed(program, "tests.training.replica_run")["answer"]     # in a test
"""

import json

import tensorflow as tf

_MARK = "FOUND "


def strategy():
    """Returns the strategy; nothing may have run in this process."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def tell(found):
    """Prints what a test is to read, as JSON."""
    print(_MARK + json.dumps(found))


def message_of(call):
    """Returns the three parts of the error of `call`; None where it raises none."""
    from fosc_tf import UserError

    try:
        call()
    except UserError as error:
        return [error.rule, error.right, error.received]
    return None


def printed(program, module):
    """Returns what `python -m module` tells; it may take minutes."""
    ended = program.start(module=module).wait(900)
    lines = [line for line in ended.out.splitlines() if line.startswith(_MARK)]
    assert lines, ended.err[-3000:]
    return json.loads(lines[0].removeprefix(_MARK))
