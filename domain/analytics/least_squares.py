"""Ridge regression by normal equations, small enough for plain Python.

With some 25 columns a fit takes milliseconds; a numeric library would add more to the
installation than it saves here.
"""

from collections.abc import Sequence
from math import sqrt
from operator import mul

Vector = Sequence[float]


def dot(left: Vector, right: Vector) -> float:
    return float(sum(map(mul, left, right)))


class Ridge:
    """Solves regressions on the same columns for any number of outcomes.

    ``gram`` are the products of the columns with each other; ``penalties`` shrink coefficients.
    """

    def __init__(self, gram: Sequence[Vector], penalties: Vector) -> None:
        self._root = _cholesky(gram, penalties)
        self._below = [[row[i] for row in self._root[i + 1 :]] for i in range(len(self._root))]

    def solve(self, right: Vector) -> list[float]:
        """Returns the coefficients for an outcome with these products."""
        forward: list[float] = []
        for row, value in zip(self._root, right, strict=True):
            forward.append((value - dot(row, forward)) / row[len(forward)])
        solved = [0.0] * len(forward)
        for i in range(len(forward) - 1, -1, -1):
            known = dot(self._below[i], solved[i + 1 :])
            solved[i] = (forward[i] - known) / self._root[i][i]
        return solved


def _cholesky(gram: Sequence[Vector], penalties: Vector) -> list[list[float]]:
    rows: list[list[float]] = []
    for i, penalty in enumerate(penalties):
        row: list[float] = []
        for j in range(i):
            row.append((gram[i][j] - dot(row, rows[j])) / rows[j][j])
        row.append(sqrt(gram[i][i] + penalty - dot(row, row)))
        rows.append(row)
    return rows
