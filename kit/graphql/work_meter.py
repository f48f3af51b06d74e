"""What answering takes: counted while it is done, and charged where the price doesn't cover it."""

from collections.abc import Callable, Collection
from typing import Final

WORK_A_POINT: Final = 500
"""How much a point stands for; 1 is a field of a list that is completed in one go, some 3 µs."""

FIELD_BY_ITSELF: Final = 5
"""The work of a field that is resolved by itself."""

WAITING: Final = 60
"""The work of a value that has to be waited for, beside what it waits for."""


class Weighed:
    """A value of which some fields take work that their number doesn't tell."""

    def work(self, selected: Collection[str]) -> int:
        """How much the fields of these names take, as the schema calls them."""
        raise NotImplementedError


class Meter:
    """Counts the work of an operation. What its ``points`` don't cover is charged, point by point.

    So it counts for whoever asks next, however long the answer takes, and if it is given up.
    """

    __slots__ = ("_charge", "_paid", "_work")

    def __init__(self, points: int, charge: Callable[[int], object]) -> None:
        # No less than the least that is charged.
        self._paid = max(points, 1) * WORK_A_POINT
        self._charge = charge
        self._work = 0

    def add(self, work: int) -> None:
        self._work += work
        if self._work > self._paid:
            points = -((self._paid - self._work) // WORK_A_POINT)
            self._paid += points * WORK_A_POINT
            self._charge(points)
