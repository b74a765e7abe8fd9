"""Workers that train together must hold the same: what each holds, told to all the others.

check_agreement(strategy, {"step": 300, "contents of the data": "3a7bd3e2360a"})
"""

from __future__ import annotations

import json
from typing import Any

import tensorflow as tf

from fosc_tf.errors import UserError


def check_agreement(strategy: tf.distribute.Strategy, facts: dict[str, Any]) -> None:
    """Waits for all workers and compares what they hold.

    TensorFlow makes workers agree when variables are made, but not when they are restored.

    Args:
        strategy: called by every worker of it.
        facts: of this worker, JSON values by name.

    Raises:
        UserError: in every worker, where two of them hold different facts.
    """
    # Workers exchange numbers only: the bytes of a line of JSON, of as many as each needs.
    line = tf.constant(list(f"{json.dumps(facts)}\n".encode()), tf.int32)
    lines = strategy.gather(strategy.run(lambda: tf.identity(line)), axis=0)
    held = [json.loads(each) for each in bytes(lines.numpy().tolist()).splitlines()]
    names = dict.fromkeys(name for each in held for name in each)
    values = {name: [each.get(name) for each in held] for name in names}
    differing = {name: each for name, each in values.items() if each != each[:1] * len(each)}
    if differing:
        raise UserError(
            "all workers must go on from the same step with the same config and data",
            "one command for all, and a --workdir that all of them share",
            "; ".join(f"{name} is {' and '.join(map(str, differing[name]))}" for name in differing),
        )
