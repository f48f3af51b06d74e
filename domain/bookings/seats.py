"""Seats: a room that is booked by the seat has a space for each, and a booking takes several.

A set of seats is an integer: bit n stands for the seat with number n, counted from 0.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from operator import itemgetter
from typing import TypeVar

from domain.core.stretches import Stretch

K = TypeVar("K")


def set_of(numbers: Iterable[int]) -> int:
    """Returns the set of the seats with some numbers."""
    seats = 0
    for number in numbers:
        seats |= 1 << number
    return seats


def numbers_of(seats: int) -> Iterator[int]:
    """Yields the numbers of the seats in a set, in order."""
    while seats:
        yield (seats & -seats).bit_length() - 1
        seats &= seats - 1


def all_seats(number: int) -> int:
    """Returns the set of a room's seats."""
    return (1 << number) - 1


def seats_to_take(free: int, party_size: int, *, own: int = 0) -> int:
    """Returns the seats that a party takes of those that are free, which are enough.

    It keeps its ``own`` ones that are among them, and gets the lowest of the others.
    """
    kept = lowest(free & own, party_size)
    return kept | lowest(free & ~own, party_size - kept.bit_count())


def lowest(seats: int, number: int) -> int:
    """Returns so many seats of a set, or all of it, with the lowest numbers."""
    chosen = 0
    for _ in range(min(number, seats.bit_count())):
        chosen |= seats & -seats
        seats &= seats - 1
    return chosen


def reseated(
    parties: Iterable[tuple[K, Stretch, int]], seats: int
) -> tuple[Mapping[K, int], list[K]]:
    """Seats parties anew, each for its time, and returns their seats and who gets none.

    In order of their starts, which seats all of them if at no instant they are more than the seats.
    """
    found: dict[K, int] = {}
    left_out: list[K] = []
    free, sitting = all_seats(seats), list[tuple[int, int]]()
    for key, (start, end), party in sorted(parties, key=itemgetter(1)):
        while sitting and sitting[0][0] <= start:
            free |= heappop(sitting)[1]
        if free.bit_count() < party:
            left_out.append(key)
            continue
        found[key] = lowest(free, party)
        free &= ~found[key]
        heappush(sitting, (end, found[key]))
    return found, left_out
