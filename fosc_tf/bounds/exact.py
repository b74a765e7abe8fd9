"""Exact verification: whether a small network that is linear in pieces is robust, yes or no.

exact(network, image, label, epsilon=0.1)      # [batch] of "robust", "broken", "unknown"
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.bounds.inner_bounds import inner
from fosc_tf.bounds.integer_program import minus, total
from fosc_tf.bounds.interval_bounds import Interval, intervals
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.methods import Asked, differences
from fosc_tf.bounds.piecewise_network import PiecewiseNetwork
from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import read
from fosc_tf.bounds.rounding import slack
from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole

SLACK = 1e-5
"""What a margin must exceed to be proved by HiGHS, whose rows hold to 1e-7 and whose whole numbers
to 1e-6; times the size of CROWN's bound of that margin, where it is more than 1."""


def exact(
    network: Any,
    image: tf.Tensor,
    label: tf.Tensor,
    *,
    epsilon: float,
    time_limit: float = 60.0,
    most_unstable: int = 200,
) -> np.ndarray:
    """Returns whether any image of the linf ball, cut to [0, 1], loses its label.

    "broken": the image, or one in the ball that was found and shown to the network, is no longer
    given its label alone. "robust": there is none, in exact arithmetic with the network's weights.
    "unknown": not decided in time, or a margin of which only rounding would decide; it counts as
    not certified. A tie of the label with another class is not robust.

    Classes that CROWN has not proved are asked for one after the other, the least sure first. Each
    is a mixed-integer program, solved by HiGHS, with a whole number for each entry of a ReLU that
    its bounds leave on both sides of 0, and for each that may be the largest of a pool.

    Source: Tjeng, Xiao and Tedrake 2019; with linear bounds cut with intervals, where they solve
    further programs.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode,
            of affine layers, ReLU, leaky ReLU and max pooling.
        image: [batch, height, width, channels] in [0, 1].
        label: [batch] int.
        epsilon: radius over pixels in [0, 1], one, [batch], or of the images' shape.
        time_limit: seconds for each example, all classes together; HiGHS may take a little more.
        most_unstable: whole numbers that a program may have.

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
    asked = _Enclosed("crown", "linf", "float64")
    margin, boxes = asked.of(network, asked.enclosed, image, label, epsilon=epsilon)
    image, label, margin = np.asarray(image), np.asarray(label), np.asarray(margin)
    proved = np.array(margin > slack(tf.constant(margin)))
    proved[np.arange(len(label)), label] = True
    found = np.where(proved.all(axis=1), "robust", "unknown")
    found[_lead(network(image, training=False), label) <= 0] = "broken"
    hard = np.flatnonzero(found == "unknown")
    flat = [[np.reshape(end, [len(image), -1]) for end in box] for box in boxes]
    examples = {
        row: _Example(
            image[row],
            label[row],
            margin[row],
            [other for other in np.argsort(margin[row]) if not proved[row, other]],
            [Interval(lower[row], upper[row]) for lower, upper in flat],
        )
        for row in hard
    }
    _check_size({row: pieces.open(each.boxes) for row, each in examples.items()}, most_unstable)
    for row, example in examples.items():
        found[row] = _decided(network, pieces, example, time_limit)
    return found


@dataclasses.dataclass(frozen=True)
class _Enclosed(Asked):
    """See `Asked`; a class of its own, as what is compiled is kept by class and name."""

    def enclosed(
        self, network: Any, image: tf.Tensor, label: tf.Tensor, epsilon: tf.Tensor
    ) -> tuple[tf.Tensor, list[Interval]]:
        """Returns CROWN's margins, and the ends of the image and of what nonlinear steps read."""
        program, region = read(network), self.region(image, epsilon)
        ends = inner(program, region, self.style)
        for number, box in enumerate(intervals(program, region)):
            lower = tf.maximum(ends[number].lower, box.lower)
            upper = tf.minimum(ends[number].upper, box.upper)
            ends[number] = Interval(lower, tf.maximum(lower, upper))  # rounding crosses equal ends
        rows = differences(program, label, self.dtype)
        margin = lower_bounds(program, region, ends, rows, program.result, style=self.style)
        bent = [step for step in program.steps if not isinstance(step.primitive, Affine)]
        return margin, [ends[0], *(ends[step.inputs[0]] for step in bent)]


class _Example(NamedTuple):
    """One that needs programs.

    Attributes:
        image: [height, width, channels] float32.
        label: int.
        margin: [classes] of CROWN.
        others: classes that CROWN has not proved, the least sure first.
        boxes: see `PiecewiseNetwork`.
    """

    image: np.ndarray
    label: np.int32
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
            none, point = (
                program.minimised(margin, most, left, first=first) if left > 0 else (False, None)
            )
            if none:
                break
            if point is None:
                return "unknown"
            if _breaks(network, pieces, example, point):
                return "broken"
        else:
            found = "unknown"
    return found


def _breaks(network: Any, pieces: PiecewiseNetwork, example: _Example, point: np.ndarray) -> bool:
    """Returns whether a found image is in the ball and loses the label, in both precisions."""
    lower, upper = (np.reshape(end, example.image.shape) for end in example.boxes[0])
    found = np.reshape(point[: lower.size], lower.shape).astype(np.float32)
    # float32 may have rounded out of the ball.
    found = np.where(found > upper, np.nextafter(found, np.float32(-1)), found)
    found = np.where(found < lower, np.nextafter(found, np.float32(2)), found)
    found = np.where((found < lower) | (found > upper), example.image, found)
    both = pieces.logits(found), network(found[None], training=False)[0]
    return all(_lead(each[None], example.label[None])[0] <= 0 for each in both)


def _lead(logits: Any, label: np.ndarray) -> np.ndarray:
    """Returns by how much the label's logit is larger than all others, [batch]."""
    logits, rows = np.array(logits, np.float64), np.arange(len(label))
    own = logits[rows, label]
    logits[rows, label] = -np.inf
    return own - logits.max(axis=1)


def _check_size(open_: dict[int, int], most: int) -> None:
    """Raises `UserError` for an example that needs more whole numbers than `most`."""
    row = max(open_, key=open_.get, default=None)
    if row is not None and open_[row] > most:
        many = sum(count > most for count in open_.values())
        raise UserError(
            f"an exact verification takes at most most_unstable={most} unstable neurons an example",
            f"a smaller epsilon; examples that have fewer; most_unstable={open_[row]}, and a long "
            "time_limit",
            f"example {row} with {open_[row]}, the most of {many} that have too many",
        )
