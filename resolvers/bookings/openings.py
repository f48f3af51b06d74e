"""Loads what decides about a search in rooms: by cached facts, else by a full read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.bookings.room_starts import SlotSearch
from domain.bookings.slot_facts import RoomFacts, RoomTimes
from domain.bookings.slots import RoomSlots, Slot, slot_at
from domain.core.ids import BookingId, RoomId
from kit.events.event_cursors import LogPosition
from kit.scope import Scope
from kit.time_slice import TimeSlice
from resolvers.audit.log_position import end_of_log
from resolvers.bookings.calendars import load_calendar, load_venue
from resolvers.bookings.taken_times import Ask, TakenTimes, open_starts, taken_times
from resolvers.bookings.venue_facts import Venue


@dataclass(frozen=True, slots=True)
class Openings:
    """What decides about a search: facts that have their bookings, or facts beside taken times."""

    venue: Venue
    search: SlotSearch
    facts: Mapping[RoomId, RoomFacts]
    taken: TakenTimes | None = None

    async def slots(
        self, search: SlotSearch, *, include_unavailable: bool = False
    ) -> list[RoomSlots]:
        """Returns what a search of the same wish finds in the same time, room by room."""
        opened = open_starts(self.taken.facts, search) if self.taken else None
        turn = TimeSlice()
        found = []
        for number, id in enumerate(self.venue.rooms):
            facts = self.facts[id]
            slots = RoomSlots.of(
                facts,
                search,
                include_unavailable=include_unavailable,
                opened=opened.of(facts.hours) if opened else None,
                times=self._times(number),
            )
            found.append(slots)
            if turn.is_over:
                await turn.give_way()
        return found

    def slot_at(self, room_id: RoomId, start: datetime) -> Slot:
        """Returns the slot of a room at a start, with every reason against it."""
        times = self._times([*self.venue.rooms].index(room_id))
        return slot_at(self.facts[room_id], start, self.search.wish, times=times)

    def _times(self, number: int) -> RoomTimes | None:
        return self.taken.times[number] if self.taken else None

    async def log_end(self, scope: Scope) -> LogPosition:
        """Returns the end of the log as of which it was read."""
        return self.taken.end if self.taken else await end_of_log(scope)


async def openings(
    scope: Scope,
    room_ids: Sequence[RoomId] | None,
    ask: Ask,
    *,
    explained: bool,
    exclude_booking_id: BookingId | None = None,
    alone: bool = False,
) -> Openings:
    """Loads what decides about a search in rooms, which are chosen as by ``load_venue``.

    ``explained``: with all that reasons tell of. ``alone``: nothing else is read in the scope.
    Raises what ``ask`` does.
    """
    taken = await taken_times(
        scope,
        room_ids,
        ask,
        explained=explained,
        exclude_booking_id=exclude_booking_id,
        alone=alone,
    )
    if taken is not None:
        return Openings(taken.venue, taken.search, taken.rooms, taken)
    venue = await load_venue(scope, room_ids)
    search = ask(venue)
    calendar = await load_calendar(
        scope, venue, search.window, search.wish, exclude_booking_id=exclude_booking_id
    )
    return Openings(venue, search, calendar.facts)
