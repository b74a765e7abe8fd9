"""A mixed-integer program that grows as a network is written into it, and what HiGHS says of it.

program = IntegerProgram()
image = program.variables(lower, upper)
program.at_least(image, 0.2)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse as sparse


class Linear(NamedTuple):
    """Linear functions of a program's variables; what is missing in width counts as 0.

    Attributes:
        matrix: [n, variables] float64, sparse by rows.
        constant: [n] float64.
    """

    matrix: sparse.csr_array
    constant: np.ndarray

    def rows(self, numbers: np.ndarray) -> Linear:
        """Returns some of them."""
        return Linear(self.matrix[numbers], self.constant[numbers])

    def scaled(self, factor: np.ndarray) -> Linear:
        """Returns each times its factor, [n]."""
        return Linear(sparse.diags_array(factor).tocsr() @ self.matrix, factor * self.constant)

    def mapped(self, matrix: sparse.csr_array) -> Linear:
        """Returns matrix @ self."""
        return Linear(matrix @ self.matrix, matrix @ self.constant)


def minus(value: Linear) -> Linear:
    """Returns the negative."""
    return Linear(-value.matrix, -value.constant)


def fixed(numbers: np.ndarray) -> Linear:
    """Returns numbers that depend on no variable."""
    return Linear(sparse.csr_array((len(numbers), 0)), numbers)


def total(parts: list[Linear]) -> Linear:
    """Returns the sum of functions of variables, the narrow ones widened."""
    width = max(part.matrix.shape[1] for part in parts)
    matrix = sum((_wide(part.matrix, width) for part in parts[1:]), _wide(parts[0].matrix, width))
    return Linear(matrix, np.sum([part.constant for part in parts], axis=0))


class IntegerProgram:
    """Variables between ends, some of them whole numbers, and rows that must be at least 0."""

    def __init__(self) -> None:
        self._lower, self._upper, self._whole, self._rows = [], [], [], []
        self.width = 0

    def variables(self, lower: np.ndarray, upper: np.ndarray, *, whole: bool = False) -> Linear:
        """Returns new variables, [n], between their ends."""
        count, first = len(lower), self.width
        self._lower.append(lower)
        self._upper.append(upper)
        self._whole.append(np.full(count, int(whole)))
        self.width += count
        places = (np.ones(count), (np.arange(count), first + np.arange(count)))
        return Linear(sparse.csr_array(places, shape=(count, self.width)), np.zeros(count))

    def nonnegative(self, *parts: Linear, most: float = np.inf) -> None:
        """Demands that the sum of these is at least 0, and at most `most`, row for row."""
        self._rows.append((total(list(parts)), most))

    def minimised(
        self, objective: Linear, most: float, seconds: float, *, first: bool
    ) -> tuple[bool, np.ndarray | None]:
        """Asks HiGHS for variables at which one function is least, and at most `most`.

        Args:
            objective: one function, n = 1.
            most: of it.
            seconds: after which HiGHS gives up, about.
            first: whether the first variables found are good enough.

        Returns:
            Whether there are none for certain, and [variables] if some were found.
        """
        upper = Linear(-objective.matrix, most - objective.constant)
        rows = [*self._rows, (upper, np.inf)]
        constants = np.concatenate([row.constant for row, _ in rows])
        mosts = np.concatenate([np.full(len(row.constant), most) for row, most in rows])
        matrix = sparse.vstack([_wide(row.matrix, self.width) for row, _ in rows], format="csr")
        found = scipy.optimize.milp(
            _wide(objective.matrix, self.width).toarray()[0],
            integrality=np.concatenate(self._whole),
            bounds=scipy.optimize.Bounds(np.concatenate(self._lower), np.concatenate(self._upper)),
            constraints=scipy.optimize.LinearConstraint(matrix, -constants, mosts - constants),
            options={"time_limit": seconds, "mip_rel_gap": 1e9 if first else 1e-4},
        )
        return found.status == 2, found.x


def _wide(matrix: sparse.csr_array, width: int) -> sparse.csr_array:
    """Returns the matrix with columns of 0 up to this width."""
    shape = (matrix.shape[0], width)
    return sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=shape)
