"""Trains, evaluates and exports robust networks from a config.

python main.py --config=configs/cifar_dynamic.py [--workdir=DIR] [--mode=train]
               [--config.section.field=value ...]
"""

import os

from absl import flags

# Before TensorFlow is imported: where a processor has no AVX-512 it would leave off the library
# that makes it about twice as fast. And of Keras' backends this is the one that works here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ["KERAS_BACKEND"] = "tensorflow"

from fosc_tf import cli  # noqa: E402

flags.adopt_module_key_flags(cli)

if __name__ == "__main__":
    cli.start()
