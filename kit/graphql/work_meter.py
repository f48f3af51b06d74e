"""Meters the work of an operation while it runs, and charges what its cost doesn't cover."""

from collections.abc import Callable, Collection
from typing import Final

WORK_A_POINT: Final = 500
"""The work that one point covers; 1 is a field of a list that is completed in bulk, some 3 µs."""

FIELD_BY_ITSELF: Final = 5
"""The work of a field that is resolved on its own."""

WAITING: Final = 60
"""The work of awaiting a value, in addition to the work of producing it."""


class Weighed:
    """A value whose fields take more work than their number suggests."""

    def work(self, selected: Collection[str]) -> int:
        """Returns the work of the fields with these names, as in the schema."""
        raise NotImplementedError


class Meter:
    """Counts the work of an operation, and charges work beyond its ``points`` as it happens.

    So it counts against the caller's next request even while the operation runs, and if it is
    cancelled.
    """

    __slots__ = ("_charge", "_paid", "_work")

    def __init__(self, points: int, charge: Callable[[int], object]) -> None:
        # Every operation is charged at least one point.
        self._paid = max(points, 1) * WORK_A_POINT
        self._charge = charge
        self._work = 0

    def add(self, work: int) -> None:
        self._work += work
        if self._work > self._paid:
            points = -((self._paid - self._work) // WORK_A_POINT)
            self._paid += points * WORK_A_POINT
            self._charge(points)
