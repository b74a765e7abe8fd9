"""A network that is linear in pieces, as matrices, and how it is written into a program.

network = PiecewiseNetwork(read(keras_network))
program, logits = network.written(boxes)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sparse
import tensorflow as tf

from fosc_tf.bounds.integer_program import IntegerProgram, Linear, fixed, total
from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.pieces import of_step
from fosc_tf.bounds.primitives import Affine, as_tensor
from fosc_tf.bounds.program import Program

CHUNK_NUMBERS = 2**23
"""Numbers that the images of one chunk of unit images may have, 64 MB in float64."""


class PiecewiseNetwork:
    """What a network's steps are in float64, each looked at once for all images.

    `boxes` are, here and below, the ends of the image and then those of what each nonlinear step
    reads, in the order of the steps, [entries] float64 each.

    Args:
        program: what the network does.

    Raises:
        UserError: a nonlinear step that is not linear in pieces.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.bent = [
            number
            for number, step in enumerate(program.steps, start=1)
            if not isinstance(step.primitive, Affine)
        ]
        self._pieces = {}
        for number in self.bent:
            step = program.steps[number - 1]
            self._pieces[number] = of_step(step, program.shapes[step.inputs[0]])

    def open(self, boxes: Sequence[Interval]) -> int:
        """Returns how many whole numbers a program needs."""
        return sum(
            self._pieces[number].open(*box)
            for number, box in zip(self.bent, boxes[1:], strict=True)
        )

    def written(self, boxes: Sequence[Interval]) -> tuple[IntegerProgram, Linear]:
        """Returns a program whose first variables are the image's entries, and the logits in it."""
        program = IntegerProgram()
        values, left = [program.variables(*boxes[0])], list(boxes[1:])
        for number, step in enumerate(self.program.steps, start=1):
            inputs = [values[each] for each in step.inputs]
            if number in self._pieces:
                value = self._pieces[number].written(program, inputs[0], *left.pop(0))
            else:
                maps, bias = self._matrices[number]
                parts = [x.mapped(matrix) for x, matrix in zip(inputs, maps, strict=True)]
                value = total([*parts, fixed(bias)])
            values.append(value)
        return program, values[self.program.result]

    def logits(self, image: np.ndarray) -> np.ndarray:
        """Returns the logits [classes] of an image [height, width, channels], in float64."""
        values = [tf.constant(image[None], tf.float64)]
        for step in self.program.steps:
            inputs = [values[each] for each in step.inputs]
            if isinstance(step.primitive, Affine):
                values.append(step.primitive.forward(*inputs))
            else:
                values.append(step.primitive.interval(*inputs, *inputs)[0])
        return values[self.program.result].numpy()[0]

    @functools.cached_property
    def _matrices(self) -> dict[int, tuple[list[sparse.csr_array], np.ndarray]]:
        return {
            number: matrices(step.primitive, [self.program.shapes[each] for each in step.inputs])
            for number, step in enumerate(self.program.steps, start=1)
            if isinstance(step.primitive, Affine)
        }


def matrices(
    primitive: Affine, shapes: Sequence[Sequence[int]]
) -> tuple[list[sparse.csr_array], np.ndarray]:
    """Returns an affine step as matrices [outputs, entries] of each input, and its bias [outputs].

    Each column is what the step makes of a unit image, in float64.

    Args:
        primitive: the step.
        shapes: of the inputs, without the batch axis.
    """
    bias = np.ravel(primitive.forward(*(tf.zeros([1, *shape], tf.float64) for shape in shapes)))
    found = []
    for number, shape in enumerate(shapes):
        size = int(np.prod(shape))
        at_once = max(1, CHUNK_NUMBERS // max(size, len(bias)))
        columns = []
        for first in range(0, size, at_once):
            units = np.eye(min(at_once, size - first), size, first)
            inputs = [tf.zeros([len(units), *each], tf.float64) for each in shapes]
            inputs[number] = tf.constant(units.reshape(len(units), *shape))
            made = primitive.apply(lambda weight: as_tensor(weight, tf.float64), *inputs)
            columns.append(sparse.csr_array(np.reshape(made, [len(units), -1])))
        found.append(sparse.vstack(columns).T.tocsr())
    return found, bias
