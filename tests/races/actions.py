"""Ways to get a slot: holding it, booking it, or moving a booking to it."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.core.intervals import Interval
from kit.runtime import Runtime
from tests.races.racers import Racer, Ref, Slot, ref
from tests.support.client import Answer
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, api_id, make_booking

Way = Callable[[Slot], Awaitable[Answer]]
"""Tries to get a time, and gives the answer that decided it; what follows a win succeeds."""

HOMES_BEGIN = MONDAY_MORNING + timedelta(days=60)


@dataclass(slots=True)
class Holding:
    """Holds the time, and makes a booking of it."""

    racer: Racer

    async def __call__(self, slot: Slot) -> Answer:
        answer = await self.racer.hold(slot)
        if not answer.refusals:
            assert (await self.racer.convert(ref(answer))).refusals == []
        return answer


@dataclass(slots=True)
class Booking:
    """Books the time, and confirms it."""

    racer: Racer

    async def __call__(self, slot: Slot) -> Answer:
        answer = await self.racer.book(slot)
        if not answer.refusals:
            assert (await self.racer.confirm(ref(answer))).refusals == []
        return answer


@dataclass(slots=True)
class Moving:
    """Moves a booking there, from wherever it got to."""

    racer: Racer
    booking: Ref

    async def __call__(self, slot: Slot) -> Answer:
        answer = await self.racer.move(self.booking, slot)
        if not answer.refusals:
            self.booking = ref(answer)
        return answer


async def all_ways(runtime: Runtime, venue: Venue, crowd: Sequence[Racer]) -> list[Way]:
    """Assigns each third of a crowd one way; moves start from the venue's last room."""
    homes = iter(await homes_in(runtime, venue, room=-1, count=len(crowd) // 3))
    return [_way(number, racer, homes) for number, racer in enumerate(crowd)]


async def homes_in(runtime: Runtime, venue: Venue, *, room: int, count: int) -> list[Ref]:
    """Returns confirmed bookings of a room, one after the other, 60 days from now."""
    return [
        Ref(
            api_id(
                await make_booking(
                    runtime,
                    venue,
                    HOMES_BEGIN + timedelta(hours=2 * number),
                    room=venue.rooms[room],
                )
            ),
            version=1,
        )
        for number in range(count)
    ]


def slot_at(venue: Venue, hours: float, *, room: int = 0, minutes: int = 60) -> Slot:
    """Returns a time of a room, so many hours after Tuesday, 09:00 UTC."""
    start = MONDAY_MORNING + timedelta(days=1, hours=hours)
    return Slot(venue.rooms[room], Interval.of_minutes(start, minutes))


def _way(number: int, racer: Racer, homes: Iterator[Ref]) -> Way:
    match number % 3:
        case 0:
            return Holding(racer)
        case 1:
            return Booking(racer)
        case _:
            return Moving(racer, next(homes))
