"""Data: what the sets are, where they come from, how they become batches.

    from fosc_tf import data

    arrays = data.load("digits")
    train, held_out = data.split(arrays, held_out=200, seed=0)
    batches = data.train_batches(
        train.image, train.label, ids=train.ids, batch_size=128, seed=0, augment=None
    )

Data at rest may be uint8; pixels of a batch are float32 in [0, 1].
"""

from fosc_tf.data.augment import Augmentation, CropFlip
from fosc_tf.data.catalog import Entry, get, names, register
from fosc_tf.data.checks import check_images, check_labels, check_lengths
from fosc_tf.data.first import first
from fosc_tf.data.held_out import Part, split
from fosc_tf.data.mixed import load_extra
from fosc_tf.data.order import steps_per_epoch
from fosc_tf.data.pipeline import test_batches, train_batches
from fosc_tf.data.sources import Arrays, load
from fosc_tf.data.subset import chosen

__all__ = [
    "Arrays",
    "Augmentation",
    "CropFlip",
    "Entry",
    "Part",
    "check_images",
    "check_labels",
    "check_lengths",
    "chosen",
    "first",
    "get",
    "load",
    "load_extra",
    "names",
    "register",
    "split",
    "steps_per_epoch",
    "test_batches",
    "train_batches",
]
