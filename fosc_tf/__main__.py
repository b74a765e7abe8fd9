"""The program, by whichever of its three doors: `fosc-tf`, `python -m fosc_tf`, `python main.py`.

start()
"""

import os

# Before TensorFlow is imported: where a processor has no AVX-512 it would leave off the library
# that makes it about twice as fast. And of Keras' backends this is the one that works here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ["KERAS_BACKEND"] = "tensorflow"

from fosc_tf.cli import start  # noqa: E402

if __name__ == "__main__":
    start()
