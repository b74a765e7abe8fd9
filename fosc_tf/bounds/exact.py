"""Exact verification: whether a small network that is linear in pieces is robust, yes or no.

exact(network, image, label, epsilon=0.1)      # [batch] of "robust", "broken", "unknown"
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.compiled import compiled
from fosc_tf.bounds.counterexample import breaks, lead, searched
from fosc_tf.bounds.enclosures import Enclosures
from fosc_tf.bounds.integer_program import minus, total
from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.piecewise_network import PiecewiseNetwork
from fosc_tf.bounds.program import read
from fosc_tf.bounds.rounding import slack
from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole

SLACK = 1e-5
"""What a margin must exceed to be proved by HiGHS, whose rows hold to 1e-7 and whose whole numbers
to 1e-6; times the size of CROWN's bound of that margin, where it is more than 1."""
MOST_UNSTABLE = 2000
"""Of an example. In a minute, on two busy cores, HiGHS decided programs of up to 1386 whose margin
CROWN had nearly proved, and none of 2950; where CROWN was far off, not always those of 43."""


def exact(
    network: Any,
    image: tf.Tensor,
    label: tf.Tensor,
    *,
    epsilon: float,
    time_limit: float = 60.0,
    most_unstable: int = MOST_UNSTABLE,
) -> np.ndarray:
    """Returns whether any image of the linf ball, cut to [0, 1], loses its label.

    "broken": of the image, or of one in the ball that was found and shown to the network, another
    class has a logit no smaller than the label's; a tie is not robust. "robust": there is no such
    image, in exact arithmetic with the network's weights. "unknown": not decided in time, or a
    least margin between 0 and `SLACK`, of which rounding would decide; it is not certified.

    Classes that CROWN has not proved are asked for one after the other, the least sure first,
    unless a short descent breaks the label before. Each is a mixed-integer program, solved by
    HiGHS, with a whole number for each entry of a ReLU that its bounds leave on both sides of 0,
    and for each that may be the largest of a pool.

    Source: Tjeng, Xiao and Tedrake 2019; with linear bounds cut with intervals, where they solve
    further programs.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode,
            of affine layers, ReLU, leaky ReLU and max pooling.
        image: [batch, height, width, channels] in [0, 1].
        label: [batch] int.
        epsilon: radius over pixels in [0, 1], one, [batch], or of the images' shape.
        time_limit: seconds for each example, all classes together; of large programs HiGHS has
            taken a third more.
        most_unstable: whole numbers that the programs of an example may have.

    Returns:
        [batch] str.

    Raises:
        UserError: see `margins`; before the first program is solved, for a layer that is not
            linear in pieces, and for an example that has more than `most_unstable`.
    """
    time_limit = inside("time_limit", time_limit, "time_limit=60.0", ends="()")
    most_unstable = whole("most_unstable", most_unstable, least=0)
    pieces = PiecewiseNetwork(read(network))
    image, label, _ = check_batch(network, (image, label), probabilities=True)
    asked = Enclosures()
    margin, boxes = asked.of(network, asked.boxes, image, label, epsilon=epsilon)
    others = np.asarray(label)[:, None] != np.arange(margin.shape[1])
    open_ = others & ~np.asarray(margin > slack(margin))
    found = np.where(open_.any(axis=1), "unknown", "robust")
    found[lead(network(image, training=False), label) <= 0] = "broken"
    hard, examples = np.flatnonzero(found == "unknown"), {}
    if not hard.size:
        return found
    ends = [tf.cast(end, image.dtype) for end in boxes[0]]
    given = (tf.gather(each, hard) for each in (*ends, image, label))
    nearest = compiled(asked, searched, network, *given).numpy()
    for row, point in zip(hard, nearest, strict=True):
        order = [other for other in np.argsort(margin[row]) if open_[row, other]]
        ends = [Interval(*(np.ravel(end[row]) for end in box)) for box in boxes]
        each = _Example(image[row].numpy(), int(label[row]), margin[row].numpy(), order, ends)
        if breaks(network, pieces, point, each.boxes[0], each.image, each.label):
            found[row] = "broken"
        else:
            examples[row] = each
    _check_size({row: pieces.open(each.boxes) for row, each in examples.items()}, most_unstable)
    for row, each in examples.items():
        found[row] = _decided(network, pieces, each, time_limit)
    return found


class _Example(NamedTuple):
    """One that needs programs.

    Attributes:
        image: [height, width, channels] float32.
        label: of it.
        margin: [classes] of CROWN.
        others: classes that CROWN has not proved, the least sure first.
        boxes: see `PiecewiseNetwork`.
    """

    image: np.ndarray
    label: int
    margin: np.ndarray
    others: list[int]
    boxes: list[Interval]


def _decided(network: Any, pieces: PiecewiseNetwork, example: _Example, seconds: float) -> str:
    """Returns what the programs of an example say."""
    until = time.monotonic() + seconds
    program, logits = pieces.written(example.boxes)
    found = "robust"
    for other in example.others:
        margin = total([logits.rows([example.label]), minus(logits.rows([other]))])
        most = SLACK * max(1.0, abs(example.margin[other]))
        # The first image found is good enough, unless rounding hides that it is.
        for first in (True, False):
            left = until - time.monotonic()
            if left <= 0:
                return "unknown"
            none, point = program.minimised(margin, most, left, first=first)
            if none:
                break
            if point is None:
                return "unknown"
            if breaks(network, pieces, point, example.boxes[0], example.image, example.label):
                return "broken"
        else:
            found = "unknown"
    return found


def _check_size(open_: dict[int, int], most: int) -> None:
    """Raises `UserError` for an example that needs more whole numbers than `most`."""
    row = max(open_, key=open_.get, default=None)
    if row is not None and open_[row] > most:
        many = sum(count > most for count in open_.values())
        raise UserError(
            f"exact verification takes examples of at most most_unstable={most} unstable neurons",
            f"a smaller epsilon; the other examples; most_unstable={open_[row]}, if "
            '"unknown" after time_limit is an answer',
            f"example {row} with {open_[row]}, the most of the {many} that have too many",
        )
