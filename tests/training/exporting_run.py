"""Exports a network of two replicas, in a process of its own.

python -m tests.training.exporting_run EXPORT LOGITS     # LOGITS.npz: images and their logits
"""

import sys

import numpy as np
import tensorflow as tf

from tests.training import two_replicas


def main():
    """Saves outside of the scope and within it."""
    strategy = two_replicas.strategy()
    import fosc_tf

    with strategy.scope():
        network = fosc_tf.models.get("mnist_cnn", input_shape=(8, 8, 1), num_classes=10)
    assert strategy.num_replicas_in_sync == 2
    image = tf.constant(np.random.default_rng(0).uniform(size=[6, 8, 8, 1]).astype("float32"))
    expected = network(image, training=False)
    fosc_tf.export.save(network, sys.argv[1])
    with strategy.scope():
        fosc_tf.export.save(network, sys.argv[1])
        assert np.array_equal(expected, fosc_tf.export.load(sys.argv[1])(image))
    np.savez(sys.argv[2], image=image, logits=expected)


if __name__ == "__main__":
    main()
