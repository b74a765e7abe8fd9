"""Steps that are linear in pieces, and how a mixed-integer program says which piece it is.

piece = of_step(step, shape)
piece.open(lower, upper)      # how many entries need a whole number
piece.written(program, value, lower, upper)
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse as sparse
import tensorflow as tf

from fosc_tf.bounds.integer_program import IntegerProgram, Linear, fixed, minus, total
from fosc_tf.bounds.primitives import Elementwise, Largest
from fosc_tf.bounds.program import Step
from fosc_tf.errors import UserError

FAR = 1e30
"""Below the negative of it and above it nobody looks."""


@dataclasses.dataclass(frozen=True)
class Kink:
    """A function of each entry with a slope below 0 and one that is no smaller above; 0 at 0.

    Source: Tjeng et al. 2019, equations 3 to 6, there for the ReLU.
    """

    below: float
    above: float

    def open(self, lower: np.ndarray, upper: np.ndarray) -> int:
        """Returns how many entries may be on either side of 0."""
        return int(np.sum(self._unstable(lower, upper)))

    def written(
        self, program: IntegerProgram, value: Linear, lower: np.ndarray, upper: np.ndarray
    ) -> Linear:
        """Returns the function's result in the program, with one whole number an open entry.

        Args:
            program: to which variables and rows are added.
            value: what the function is of, [n].
            lower: [n] ends of the value.
            upper: [n].
        """
        slope = np.where(lower >= 0, self.above, self.below)
        at = np.flatnonzero(self._unstable(lower, upper))
        if not len(at):
            return value.scaled(slope)
        x, lower, upper = value.rows(at), lower[at], upper[at]
        ends = np.stack([self.below * lower, self.above * upper])
        turns = self.below < 0 < self.above
        y = program.variables(0.0 * lower if turns else ends.min(0), ends.max(0))
        on = program.variables(0.0 * lower, 0.0 * lower + 1.0, whole=True)
        rise = self.above - self.below
        # y >= below x, y >= above x, and one of them with equality, as `on` is 0 or 1.
        over_below = total([y, x.scaled(np.full(len(at), -self.below))])
        over_above = total([y, x.scaled(np.full(len(at), -self.above))])
        program.nonnegative(over_below)
        program.nonnegative(over_above)
        program.nonnegative(minus(over_below), on.scaled(rise * upper))
        program.nonnegative(minus(over_above), on.scaled(rise * lower), fixed(-rise * lower))
        kept = slope.copy()
        kept[at] = 0.0
        return total([value.scaled(kept), y.mapped(_places(at, len(slope)))])

    def _unstable(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        return (lower < 0) & (upper > 0) & (self.below < self.above)


@dataclasses.dataclass(frozen=True)
class Pool:
    """The largest of each group.

    Attributes:
        members: [groups, entries] bool, sparse by rows.

    Source: Tjeng et al. 2019, equations 7 to 10.
    """

    members: sparse.csr_array

    def open(self, lower: np.ndarray, upper: np.ndarray) -> int:
        """Returns how many entries may be the largest of a group where others may be, too."""
        sizes = [len(one) for one in self._candidates(lower, upper)]
        return sum(size for size in sizes if size > 1)

    def written(
        self, program: IntegerProgram, value: Linear, lower: np.ndarray, upper: np.ndarray
    ) -> Linear:
        """Returns the largest of each group in the program; see `Kink`."""
        candidates = self._candidates(lower, upper)
        certain = [group for group, each in enumerate(candidates) if len(each) == 1]
        several = [group for group, each in enumerate(candidates) if len(each) > 1]
        chosen = np.array([candidates[group][0] for group in certain], int)
        parts = [value.rows(chosen).mapped(_places(np.array(certain, int), len(candidates)))]
        if several:
            groups = [candidates[group] for group in several]
            entry = np.concatenate(groups)
            owner = np.repeat(np.arange(len(several)), [len(each) for each in groups])
            least = np.array([lower[each].max() for each in groups])
            y = program.variables(least, np.array([upper[each].max() for each in groups]))
            on = program.variables(np.zeros(len(entry)), np.ones(len(entry)), whole=True)
            others = np.concatenate([_largest_other(upper[each]) for each in groups])
            over = total([y.rows(owner), minus(value.rows(entry))])
            room = others - lower[entry]
            # y >= x, and y <= x where `on` is 1; of a group one is on.
            program.nonnegative(over)
            program.nonnegative(minus(over), on.scaled(-room), fixed(room))
            sums = on.mapped(_places(owner, len(several)))
            program.nonnegative(sums, fixed(-np.ones(len(several))), most=0.0)
            parts.append(y.mapped(_places(np.array(several, int), len(candidates))))
        return total(parts)

    def _candidates(self, lower: np.ndarray, upper: np.ndarray) -> list[np.ndarray]:
        """Returns which entries of each group may be the largest."""
        found = []
        for group in range(self.members.shape[0]):
            entries = self.members.indices[
                self.members.indptr[group] : self.members.indptr[group + 1]
            ]
            first = entries[np.argmax(lower[entries])]
            found.append(entries[(entries == first) | (upper[entries] > lower[first])])
        return found


Piece = Kink | Pool


def of_step(step: Step, shape: tuple[int, ...]) -> Piece:
    """Returns how a nonlinear step of a value of `shape` is linear in pieces.

    What the step itself calls exact lines on both sides of 0 is a kink; nobody asks for names.

    Raises:
        UserError: a step that is not.
    """
    if isinstance(step.primitive, Largest):
        units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
        pooled = np.reshape(step.primitive.pool(tf.constant(units)), [len(units), -1])
        return Pool(sparse.csr_array(pooled > 0).T.tocsr())
    if isinstance(step.primitive, Elementwise):
        zero, far = tf.zeros([1], tf.float64), tf.constant([FAR], tf.float64)
        bent = step.primitive.undecided(-far, zero) | step.primitive.undecided(zero, far)
        ends = step.primitive.value(tf.constant([-1.0, 0.0, 1.0], tf.float64)).numpy()
        if not bent and ends[1] == 0 and -ends[0] <= ends[2]:
            return Kink(-float(ends[0]), float(ends[2]))
    raise UserError(
        "exact verification takes functions that are linear in pieces",
        "ReLU, LeakyReLU and max pooling; fosc_tf.bounds.margins proves of all others what it can",
        f"layer {step.name!r}",
    )


def _places(at: np.ndarray, count: int) -> sparse.csr_array:
    """Returns the matrix that puts entry i of [n] at place at[i] of [count], sums where several."""
    return sparse.csr_array((np.ones(len(at)), (at, np.arange(len(at)))), shape=(count, len(at)))


def _largest_other(upper: np.ndarray) -> np.ndarray:
    """Returns for each entry the largest of the others, of two or more."""
    second, first = np.sort(upper)[-2:]
    alone = np.arange(len(upper)) == np.argmax(upper)
    return np.where(alone, second, first)
