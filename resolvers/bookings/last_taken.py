"""Refuses bookings of times that others have just taken, without waiting for the room's lock.

Of many concurrent bookings of one time, one succeeds. The others share a read that begins after
their requests, and are refused by it exactly as a booking that is decided step by step.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from domain.core.local_time import resolve_start
from kit.bounded_cache import BoundedDict
from kit.scope import Scope
from kit.shared_reads import SharedReads
from resolvers.bookings.calendars import Calendar, load_calendar, load_venue, wish_of
from resolvers.bookings.slot_claims import Claim, WantedTime, decide_all

SPACES: Final = 1_000
"""The number of spaces whose last booking is cached."""

Refuse = Callable[[Scope, Claim], Awaitable[object]]
"""Raises all that refuses a claim, if anything does; it only reads."""


class LastTaken:
    """Caches the last booking that this process made of each space: a hint, never a refusal."""

    def __init__(self) -> None:
        self._last: BoundedDict[Range[datetime]] = BoundedDict(SPACES)
        self.reads: SharedReads[Calendar] = SharedReads()

    def note(self, spaces: Iterable[UUID], occupied: Range[datetime]) -> None:
        for space in spaces:
            self._last.put(space, occupied)

    def may_have(self, spaces: Iterable[UUID], occupied: Range[datetime]) -> bool:
        """Returns whether the last known booking of a space overlaps; it may be cancelled."""
        for space in spaces:
            last = self._last.get(space)
            if last is not None and _overlap(last, occupied):
                return True
        return False


def _overlap(one: Range[datetime], other: Range[datetime]) -> bool:
    # Not by `Range.overlaps`, which takes longer than the rest of the look.
    assert one.lower and one.upper and other.lower and other.upper
    return one.lower < other.upper and other.lower < one.upper


async def refuse_taken(scope: Scope, times: WantedTime, refuse: Refuse) -> None:
    """Raises all that refuses a time by what is stored now; returns if no rule refuses it."""
    key = (scope.tenant_id, *times.room_ids, times.start, times.duration_minutes)
    reads = scope.service(LastTaken).reads
    calendar = await reads.get(key, partial(_read, scope, times))
    if any(id not in calendar.facts for id in times.room_ids):
        return
    venue = calendar.venue
    wish = wish_of(
        scope, venue, duration_minutes=times.duration_minutes, party_size=times.party_size
    )
    rooms = [calendar.facts[id] for id in times.room_ids]
    claimed = decide_all(venue, rooms, resolve_start(times.start, venue.zone), wish)
    if not claimed.refusals:
        return
    reading = Scope(scope.runtime, scope.actor, scope.request)
    try:
        await refuse(reading, claimed)
    finally:
        await reading.close()


async def _read(scope: Scope, times: WantedTime) -> Calendar:
    reading = Scope(scope.runtime, scope.actor, scope.request)
    try:
        venue = await load_venue(reading, times.room_ids)
        starts_at = resolve_start(times.start, venue.zone)
        wish = wish_of(
            reading, venue, duration_minutes=times.duration_minutes, party_size=times.party_size
        )
        return await load_calendar(reading, venue, wish.interval(starts_at), wish)
    finally:
        await reading.close()
