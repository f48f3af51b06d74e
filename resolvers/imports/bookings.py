"""Imports bookings: those to come under all rules of the venue, past ones as its history."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from domain.bookings.lifecycle import Status
from domain.bookings.refusals import Busy
from domain.bookings.seats import set_of
from domain.bookings.slot_facts import RoomFacts
from domain.core.ids import BookingId, CustomerId, RoomId
from domain.core.intervals import Interval
from domain.core.refusals import Code, Invalid, Refusal, WithoutDetails
from domain.core.text import search_form
from domain.customers.customers import CustomerChoice
from domain.imports.imports import ImportOutcome
from domain.imports.rows import BookingFields, FileRow
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.availability import VENUE
from models.customers.customers import Customer
from models.imports.imports import Import, imported_ids
from models.imports.matches import references_among
from models.venue.rooms import Room
from resolvers.bookings.booking_access import text_refusals
from resolvers.bookings.calendars import load_slots, load_venue, wish_of
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.hooks import subscription_refusals
from resolvers.bookings.quotas import has_quotas, refusals_by_quotas, with_lifted_quotas
from resolvers.bookings.slot_claims import Claim, claim_of, decide, expire
from resolvers.bookings.space_locks import check_spaces, space_locks
from resolvers.bookings.standing import booked_status
from resolvers.bookings.venue_facts import Venue
from resolvers.customers.customers import Booker
from resolvers.imports.customers import new_customer
from resolvers.imports.known_customers import KnownCustomers
from resolvers.imports.new_bookings import OF_THE_PAST, NewBookings
from resolvers.imports.taken_rows import (
    TakenRow,
    Tried,
    all_refusals,
    passed_over,
    refused,
    skipped,
)
from resolvers.tenants.usage import booking_refusals

_NEVER_TOOK_PLACE = frozenset({Status.CANCELLED, Status.REJECTED, Status.EXPIRED, Status.HELD})
_SHOWN = 100
"""How much is shown of a name that no room has."""

BookingRow = FileRow[BookingFields]


class _Rooms:
    """The rooms in use, by id and by name."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        self._found: defaultdict[str | UUID, list[Room]] = defaultdict(list)
        for room in rooms:
            self._found[room.id].append(room)
            self._found[search_form(room.name)].append(room)

    def find(self, room: str | UUID) -> Room:
        """Raises WithoutDetails for an unknown room, and for the name of several."""
        found = self._found.get(room if isinstance(room, UUID) else search_form(room))
        if not found:
            problem = (
                "The room of the import isn't in use any more."
                if isinstance(room, UUID)
                else f'No room in use is called "{room[:_SHOWN]}": add it, or correct the name.'
            )
            raise WithoutDetails(Code.NOT_FOUND, problem, path=("room",))
        if len(found) > 1:
            problem = f'Several rooms are called "{found[0].name}"; rename one of them.'
            raise WithoutDetails(Code.INVALID, problem, path=("room",))
        return found[0]

    def of_rows(self, rows: Sequence[BookingRow]) -> list[tuple[Room, Interval]]:
        """Returns the rooms of rows and their times, without unknown rooms."""
        found = []
        for row in rows:
            if row.fields is not None:
                with suppress(Refusal):
                    found.append((self.find(row.fields.room), row.fields.time))
        return found


async def locks_of_bookings(scope: Scope, rows: Sequence[BookingRow]) -> list[tuple[object, ...]]:
    """Returns the locks of the spaces that the rooms of rows consist of."""
    _, stored, *_ = await scope.read_batch_outside(VENUE, room_ids=None)
    spaces = {space for room, _ in _Rooms(stored).of_rows(rows) for space in room.spaces}
    return space_locks(scope, *sorted(spaces))


async def take_bookings(
    scope: Scope, rows: Sequence[BookingRow], tried: Tried, *, of: Import
) -> list[TakenRow]:
    """Adds the bookings of rows under the locks of their rooms; a scope that reads only decides.

    What each adds is gathered, and stored at the end. Until then it is known as in a dry run.
    """
    taker = await _Taker.begin(scope, rows, Tried() if scope.writes else tried, of)
    taken, turn = [], TimeSlice()
    for row in rows:
        taken.append(passed_over(row) or await taker.take(row))
        if turn.is_over:
            await turn.give_way()
    if scope.writes:
        await taker.new.store()
    return taken


@dataclass(slots=True)
class _Taker:
    """Decides on the bookings of some rows, one after the other.

    ``facts`` are those of all their rooms and times.
    """

    scope: Scope
    of: Import
    venue: Venue
    rooms: _Rooms
    facts: Mapping[RoomId, RoomFacts]
    known: KnownCustomers
    imported: set[str]
    unpaid: Sequence[Refusal]
    has_quotas: bool
    tried: Tried
    new: NewBookings

    @classmethod
    async def begin(
        cls, scope: Scope, rows: Sequence[BookingRow], tried: Tried, of: Import
    ) -> "_Taker":
        venue = await load_venue(scope, None)
        given = [row.fields for row in rows if row.fields is not None]
        ids = {each.identity for each in given}
        imported = {each for (each,) in await scope.rows(imported_ids(scope.tenant_id, ids))}
        imported |= {each for (each,) in await scope.rows(references_among(scope.tenant_id, ids))}
        known = KnownCustomers(venue.tenant.time_zone, tried.customers)
        await known.load(scope, [each.customer for each in given if each.customer])
        rooms = _Rooms([*venue.rooms.values()])
        facts: Mapping[RoomId, RoomFacts] = {}
        if wanted := rooms.of_rows(rows):
            if scope.writes:
                check_spaces(scope, *(room for room, _ in wanted))
            calendar = await load_slots(scope, venue, wanted)
            if scope.writes:
                await expire(scope, calendar.stale)
            facts = calendar.facts
        return cls(
            scope,
            of,
            venue,
            rooms,
            facts,
            known,
            imported | tried.external_ids,
            await subscription_refusals(scope),
            await has_quotas(scope, venue.tenant),
            tried,
            NewBookings(scope, venue.tenant, notifies=of.notifies),
        )

    async def take(self, row: BookingRow) -> TakenRow:
        fields = row.fields
        assert fields is not None
        if fields.identity in self.imported:
            return skipped(row, Code.DUPLICATE, "The booking was imported before, or is known.")
        is_past = fields.time.end <= self.scope.now()
        if fields.status in _NEVER_TOOK_PLACE or (is_past and fields.status is Status.PENDING):
            return skipped(row, Code.INVALID, "The booking was cancelled, or never confirmed.")
        try:
            room = self.rooms.find(fields.room)
            customer, is_new = self._customer(fields)
            claimed, status = await self._claim(fields, room, customer)
            await self._count(status)
        except Exception as error:  # noqa: BLE001 - raised again unless it is a refusal
            return refused(row, *all_refusals(error), column_of_room=fields.room_column)
        self.imported.add(fields.identity)
        booker = self._booker(fields, customer, is_new=is_new)
        id = self.new.add(claimed, status=status, booker=booker, note=fields.note)
        self._note(id, fields, claimed, status)
        return TakenRow(
            row.line,
            ImportOutcome.CREATED,
            row.problems,
            (id, 1),
            external_id=fields.identity,
        )

    def _customer(self, fields: BookingFields) -> tuple[Customer | None, bool]:
        """Returns the customer of a booking, and whether they are to be added."""
        if fields.customer is None:
            return None, False
        known = self.known.find(fields.customer)
        if known is not None:
            return known, False
        return new_customer(self.scope, fields.customer), True

    async def _claim(
        self, fields: BookingFields, room: Room, customer: Customer | None
    ) -> tuple[Claim, Status]:
        """Returns the claim of a booking's time, and its status. Raises what refuses it."""
        scope, venue, id = self.scope, self.venue, RoomId(room.id)
        choice = CustomerChoice(id=CustomerId(customer.id)) if customer else None
        wish = wish_of(
            scope,
            venue,
            duration_minutes=fields.time.minutes,
            party_size=fields.party_size,
            override=self.of.overrides,
            customer_tags=await customer_tags(scope, venue.prices, choice),
        )
        facts = self.facts[id].within(fields.time)
        if fields.time.end <= scope.now():
            if fields.time.minutes > venue.tenant.longest_minutes:
                raise Invalid("The booking is longer than any that the venue allows.")
            past = claim_of(venue, facts, fields.time, wish, seat_numbers=None)
            is_no_show = fields.status is Status.NO_SHOW
            return past, Status.NO_SHOW if is_no_show else Status.COMPLETED
        tried = self.tried.busy_in(id, room.spaces, fields.time)
        facts = replace(facts, busy=(*facts.busy, *tried))
        claimed = decide(venue, facts, fields.time.start, wish)
        refusals = [*claimed.refusals, *self.unpaid, *text_refusals(note=fields.note)]
        customer_id = customer.id if customer else None
        if self.has_quotas and customer_id:
            if scope.writes:
                # Earlier bookings of the customer count.
                await self.new.store()
            refusals += await refusals_by_quotas(scope, venue.tenant, customer_id, fields.time)
        if refusals:
            raise ExceptionGroup("refused", refusals)
        if self.has_quotas:
            claimed = await with_lifted_quotas(scope, claimed, customer_id)
        is_pending = fields.status is Status.PENDING
        return claimed, booked_status(venue.tenant) if is_pending else Status.CONFIRMED

    async def _count(self, status: Status) -> None:
        """Counts a booking to come for the plan. Raises PlanLimitReached."""
        if status in OF_THE_PAST:
            return
        number = (self.new.number_to_come if self.scope.writes else self.tried.counted) + 1
        refusals = await booking_refusals(self.scope, self.venue.tenant, number)
        if refusals:
            raise ExceptionGroup("refused", refusals)
        self.tried.counted += 1

    def _booker(self, fields: BookingFields, customer: Customer | None, *, is_new: bool) -> Booker:
        if customer is None or fields.customer is None:
            return Booker(None)
        if is_new:
            self.known.add(customer)
            self.new.customers.append(customer)
            self.tried.customers.append(customer)
        given = fields.customer
        return Booker(
            customer.id,
            contact_name=given.name if given.name != customer.name else None,
            contact_phone=given.phone if given.phone != customer.phone else None,
        )

    def _note(self, id: UUID, fields: BookingFields, claimed: Claim, status: Status) -> None:
        """Notes that a booking's time is taken, for the rows that follow."""
        self.tried.external_ids.add(fields.identity)
        if status in OF_THE_PAST:
            return
        occupied = claimed.occupied
        assert occupied.lower is not None and occupied.upper is not None
        busy = Busy(
            RoomId(claimed.room.id),
            BookingId(id),
            fields.time,
            Interval(occupied.lower, occupied.upper),
            set_of(claimed.seat_numbers or ()),
        )
        self.tried.note(claimed.room.spaces, busy)
