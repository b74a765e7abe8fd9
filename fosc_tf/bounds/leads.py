"""By how much the label leads each other class: the rows that ask for it, and the answers by class.

rows = leads(program, label, "float32")      # [batch, classes - 1, classes]
by_class(elided(program, region, ends, rows), label)
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region


def elided(
    program: Program, region: Region, ends: Mapping[int, Interval], rows: tf.Tensor
) -> tf.Tensor:
    """Returns interval bounds of `rows` of the logits, merged with what follows the last step that
    is nonlinear, [batch, n].

    Args:
        program: the network.
        region: of the images.
        ends: intervals of all values by their numbers.
        rows: [batch or 1, n, classes].
    """
    halts = [n for n, step in enumerate(program.steps, 1) if not isinstance(step.primitive, Affine)]
    return lower_bounds(program, region, ends, rows, program.result, halts=halts)


def leads(program: Program, label: tf.Tensor, dtype: str) -> tf.Tensor:
    """Returns the rows e_y - e_j for the other classes, j = y + 1, y + 2, ... (mod classes)."""
    classes, label = program.shapes[program.result][0], tf.cast(label, tf.int32)
    others = (label[:, None] + tf.range(1, classes)) % classes
    own = tf.one_hot(label, classes, dtype=dtype)
    return own[:, None, :] - tf.one_hot(others, classes, dtype=dtype)


def by_class(found: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns what was found for the rows of `leads` by class, [batch, classes], 0 at the label."""
    found = tf.concat([found, tf.zeros_like(found[:, :1])], axis=1)
    classes = tf.shape(found)[1]
    label = tf.cast(label, tf.int32)
    return tf.gather(found, (tf.range(classes) - label[:, None] - 1) % classes, batch_dims=1)
