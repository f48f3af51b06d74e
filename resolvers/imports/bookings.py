"""Imports bookings: those to come under all rules of the venue, past ones as its history."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.bookings.lifecycle import Status
from domain.bookings.refusals import Busy
from domain.bookings.seats import set_of
from domain.core.ids import BookingId, CustomerId, RoomId
from domain.core.intervals import Interval
from domain.core.log_events import EventType
from domain.core.refusals import Code, Invalid, NotFound, Refusal
from domain.core.text import search_form
from domain.customers.customers import CustomerChoice
from domain.imports.imports import ImportOutcome
from domain.imports.rows import BookingFields, FileRow
from kit.ids import new_id
from kit.scope import Scope
from models.bookings.availability import VENUE
from models.customers.customers import Customer
from models.imports.imports import Import, imported_ids
from models.imports.matches import references_among
from models.venue.rooms import Room
from resolvers.bookings.booking_access import booking_event, text_refusals
from resolvers.bookings.calendars import load_slot, load_venue, wish_of
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.hooks import BookingChange, subscription_refusals
from resolvers.bookings.new_bookings import insert_booking
from resolvers.bookings.quotas import refusals_by_quotas, with_lifted_quotas
from resolvers.bookings.slot_claims import Claim, claim_of, decide, expire
from resolvers.bookings.space_locks import check_spaces, space_locks
from resolvers.bookings.standing import booked_status
from resolvers.bookings.venue_facts import Venue
from resolvers.core.hooks import run_handlers
from resolvers.core.transactions import OtherLocksNeeded
from resolvers.customers.customers import Booker
from resolvers.imports.customers import new_customer, store_customers
from resolvers.imports.known_customers import KnownCustomers, SeveralCustomers
from resolvers.imports.taken_rows import (
    TakenRow,
    Tried,
    all_refusals,
    passed_over,
    refused,
    skipped,
)
from resolvers.tenants.usage import booking_refusals, count_booking

_NEVER_TOOK_PLACE = frozenset({Status.CANCELLED, Status.REJECTED, Status.EXPIRED, Status.HELD})

BookingRow = FileRow[BookingFields]


class _Rooms:
    """The rooms in use, by id and by name."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        self._found: defaultdict[str | UUID, list[Room]] = defaultdict(list)
        for room in rooms:
            self._found[room.id].append(room)
            self._found[search_form(room.name)].append(room)

    def find(self, room: str | UUID) -> Room:
        """Raises NotFound, and Invalid for the name of several rooms."""
        found = self._found.get(room if isinstance(room, UUID) else search_form(room))
        if not found:
            raise NotFound("room in use", path=("room",))
        if len(found) > 1:
            raise Invalid("Several rooms have this name; rename one of them.")
        return found[0]


async def locks_of_bookings(scope: Scope, rows: Sequence[BookingRow]) -> list[tuple[object, ...]]:
    """Returns the locks of the spaces that the rooms of rows consist of."""
    _, stored, *_ = await scope.read_batch_outside(VENUE, room_ids=None)
    rooms, spaces = _Rooms(stored), set[UUID]()
    for row in rows:
        if row.fields is not None:
            try:
                spaces.update(rooms.find(row.fields.room).spaces)
            except Refusal:
                continue
    return space_locks(scope, *sorted(spaces))


async def take_bookings(
    scope: Scope, rows: Sequence[BookingRow], tried: Tried, *, of: Import
) -> list[TakenRow]:
    """Adds the bookings of rows under the locks of their rooms; a scope that reads only decides."""
    taker = await _Taker.begin(scope, rows, tried, of)
    return [passed_over(row) or await taker.take(row) for row in rows]


@dataclass(slots=True)
class _Taker:
    """Decides on the bookings of some rows, one after the other."""

    scope: Scope
    of: Import
    venue: Venue
    rooms: _Rooms
    known: KnownCustomers
    imported: set[str]
    unpaid: Sequence[Refusal]
    tried: Tried

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
        return cls(
            scope,
            of,
            venue,
            _Rooms([*venue.rooms.values()]),
            known,
            imported | tried.external_ids,
            await subscription_refusals(scope),
            tried,
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
            if self.scope.writes:
                check_spaces(self.scope, room)
            customer, new = self._customer(fields)
            claimed, status = await self._claim(fields, room, customer)
            await self._count(status)
            booker = await self._booker(fields, customer, new)
        except SeveralCustomers as refusal:
            return refused(row, refusal)
        except OtherLocksNeeded:
            raise
        except Exception as error:  # noqa: BLE001 - raised again unless it is a refusal
            return refused(row, *all_refusals(error))
        self.imported.add(fields.identity)
        id = await self._store(fields, claimed, status, booker)
        return TakenRow(
            row.line,
            ImportOutcome.CREATED,
            row.problems,
            (id, 1),
            external_id=fields.identity,
        )

    # -------------------------------------------------------------------------- deciding

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
        scope, id = self.scope, RoomId(room.id)
        venue = replace(self.venue, rooms={id: room})
        choice = CustomerChoice(id=CustomerId(customer.id)) if customer else None
        wish = wish_of(
            scope,
            venue,
            duration_minutes=fields.time.minutes,
            party_size=fields.party_size,
            override=self.of.overrides,
            customer_tags=await customer_tags(scope, venue.prices, choice),
        )
        slot = await load_slot(scope, venue, fields.time)
        facts = slot.facts[id]
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
        refusals += await refusals_by_quotas(scope, venue.tenant, customer_id, fields.time)
        if refusals:
            raise ExceptionGroup("refused", refusals)
        claimed = await with_lifted_quotas(scope, claimed, customer_id)
        if scope.writes:
            await expire(scope, slot.stale)
        is_pending = fields.status is Status.PENDING
        return claimed, booked_status(venue.tenant) if is_pending else Status.CONFIRMED

    async def _count(self, status: Status) -> None:
        """Counts a booking to come for the plan. Raises PlanLimitReached."""
        if status in (Status.COMPLETED, Status.NO_SHOW):
            return
        if self.scope.writes:
            await count_booking(self.scope, self.venue.tenant)
            return
        refusals = await booking_refusals(self.scope, self.venue.tenant, self.tried.counted + 1)
        if refusals:
            raise ExceptionGroup("refused", refusals)
        self.tried.counted += 1

    # -------------------------------------------------------------------------- storing

    async def _booker(self, fields: BookingFields, customer: Customer | None, new: bool) -> Booker:
        if customer is None or fields.customer is None:
            return Booker(None)
        if new:
            self.known.add(customer)
            if self.scope.writes:
                await store_customers(self.scope, [customer])
            else:
                self.tried.customers.append(customer)
        given = fields.customer
        return Booker(
            customer.id,
            contact_name=given.name if given.name != customer.name else None,
            contact_phone=given.phone if given.phone != customer.phone else None,
        )

    async def _store(
        self, fields: BookingFields, claimed: Claim, status: Status, booker: Booker
    ) -> UUID:
        """Stores a booking, and returns its id; a dry run notes that its time is taken."""
        if not self.scope.writes:
            return self._note(fields, claimed, status)
        is_past = status in (Status.COMPLETED, Status.NO_SHOW)
        made = await insert_booking(
            self.scope,
            # What was paid then isn't known.
            replace(claimed, price=None) if is_past else claimed,
            status=status,
            booker=booker,
            hold_expires_at=None,
            note=fields.note,
            **({"release_at": None, "terms": None} if is_past else {}),
        )
        also: Mapping[str, object] = {} if self.of.notifies and not is_past else {"silent": True}
        event = booking_event(EventType.BOOKING_CREATED, made, claimed=claimed, also=also)
        self.scope.emit(event)
        if not is_past:
            change = BookingChange(
                type=EventType.BOOKING_CREATED, booking=made, tenant=claimed.tenant
            )
            await run_handlers(self.scope, change)
        return made.id

    def _note(self, fields: BookingFields, claimed: Claim, status: Status) -> UUID:
        id = new_id()
        self.tried.external_ids.add(fields.identity)
        if status not in (Status.COMPLETED, Status.NO_SHOW):
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
        return id
