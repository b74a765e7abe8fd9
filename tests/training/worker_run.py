"""One worker of several: trains by some of `replica_run.variants`, prints weights and logs.

TF_CONFIG=... python -m tests.training.worker_run standard dynamic     # without TF_CONFIG: alone
"""

import contextlib
import json
import os
import sys


def main():
    """Prints a JSON object for each variant named."""
    from fosc_tf.training.distribution import strategy, worker

    together = strategy("multi_worker" if os.environ.get("TF_CONFIG") else "none")
    from fosc_tf import defenses
    from tests.defenses.arguments import arguments_of
    from tests.training.replica_run import train, variants

    for name in sys.argv[1:]:
        defense, arguments, network = variants(defenses, arguments_of)[name]
        scope = together.scope() if os.environ.get("TF_CONFIG") else contextlib.nullcontext()
        # A threshold that some pass and others do not, so early in training.
        between = {"c_max": 0.25} if name == "dynamic" else {}
        weights, logs, _ = train(name, defense, arguments | between, network, scope)
        found = {"name": name, "worker": worker(together), "logs": logs}
        print("FOUND " + json.dumps(found | {"weights": [w.tolist() for w in weights]}), flush=True)


if __name__ == "__main__":
    main()
