"""Robust networks inside random ones, whose scores are trained, and what they are compared with.

from fosc_tf import subnetworks
subnetwork = subnetworks.masked(network, rate=0.99, gamma=0.1, weights="binary")
trainer = fosc_tf.AdversarialTrainer(subnetwork, fosc_tf.defenses.get("standard", epsilon=0.3))
# compile and fit as always, then one file of a bit a weight:
subnetworks.pack(subnetwork, "subnetwork.bin")
network = subnetworks.unpack("subnetwork.bin")
"""

from fosc_tf.subnetworks.allocation import allocation
from fosc_tf.subnetworks.binary import binary_connect
from fosc_tf.subnetworks.costs import sizes
from fosc_tf.subnetworks.masking import masked, with_fixed_mask
from fosc_tf.subnetworks.packing import pack, unpack
from fosc_tf.subnetworks.patterns import alignment, patterns
from fosc_tf.subnetworks.plain import plain
from fosc_tf.subnetworks.shrinking import without_empty_channels

__all__ = [
    "alignment",
    "allocation",
    "binary_connect",
    "masked",
    "pack",
    "patterns",
    "plain",
    "sizes",
    "unpack",
    "with_fixed_mask",
    "without_empty_channels",
]
