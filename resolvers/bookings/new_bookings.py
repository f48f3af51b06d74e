"""Storing a new booking or hold: in one statement where nothing is against it, else step by step.

The one statement is for whoever is sure to get the time but for other bookings: what is decided by
kept facts is as good as their version, which it compares once it has the locks. Where anything
refuses, or more than the booking is to be stored, these functions return None, and nothing is
stored; then the caller takes the locks, decides on what is there, and tells all that applies. Only
of a time that others have it is told at once, by what is stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any, Final

from domain.bookings.lifecycle import REFERENCE_BYTES, Status, reference
from domain.core.local_time import resolve_start
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.core.refusals import Refusal
from domain.customers import CustomerChoice
from kit.ids import new_id
from kit.postgres.detached_rows import detached_row
from kit.postgres.failures import (
    DATABASE_ERRORS,
    DEADLOCK,
    EXCLUSION_VIOLATION,
    FOREIGN_KEY_VIOLATION,
    LOCK_NOT_AVAILABLE,
    UNIQUE_VIOLATION,
    sqlstate,
)
from kit.postgres.statements import PreparedStatement
from kit.scope import Scope
from models.bookings.bookings import INSERT_BOOKING, Booking, stored_lines
from models.bookings.new_bookings import (
    STORE_BOOKING,
    STORE_BOOKING_AND_CUSTOMER,
    STORE_HOLD,
    UNDONE,
)
from models.customers import Customer
from models.tenants import Tenant
from permissions.policy import is_guest, may, only_own
from permissions.roles import P
from resolvers.audit.log_writer import log_values
from resolvers.bookings import strangers
from resolvers.bookings.booking_access import booking_event, text_refusals
from resolvers.bookings.calendars import wish_of
from resolvers.bookings.hooks import BookingChange, BookingPermit, Prepayment
from resolvers.bookings.last_taken import LastTaken, Refuse, refuse_taken
from resolvers.bookings.slot_claims import (
    Claim,
    WantedTime,
    decide,
    price_refusals,
    room_locks,
)
from resolvers.bookings.standing import booked_status
from resolvers.bookings.venue_facts import VenueFacts, venue_facts
from resolvers.core.hooks import Hooks
from resolvers.core.lookups import CALENDAR
from resolvers.core.transactions import key_values
from resolvers.customers import Booker, booker_outside, customer_created
from resolvers.tenants.usage import booking_count

TRIES: Final = 3
"""How often facts are read anew because they changed meanwhile."""

_DECIDED_ANEW: Final = frozenset(
    {
        UNDONE,
        DEADLOCK,
        EXCLUSION_VIOLATION,
        FOREIGN_KEY_VIOLATION,
        LOCK_NOT_AVAILABLE,
        UNIQUE_VIOLATION,
    }
)
"""What the statement fails with, having stored nothing, where it is decided step by step."""


@dataclass(frozen=True, slots=True)
class BookingWish:
    """What whoever books asks for beside a time, which may be held for them or not."""

    customer: CustomerChoice | None
    party_size: int | None
    note: str | None
    expected_total: Money | None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A booking as it is to be stored, with the statement that does so and what is logged of it.

    ``values`` are what else the statement needs of its own.
    """

    statement: PreparedStatement
    row: dict[str, Any]
    events: Sequence[Event]
    values: dict[str, object]


async def book_at_once(
    scope: Scope, times: WantedTime, wish: BookingWish, *, refuse: Refuse
) -> Booking | None:
    """Stores a booking in one statement. None if it has to be decided step by step.

    Raises what ``refuse`` does of a time that others have.
    """
    if (
        not scope.may_write_at_once
        or is_guest(scope.actor)
        or text_refusals(note=wish.note)
        or (found := await _booker_at_once(scope, wish.customer)) is None
    ):
        return None
    booker, new_customer = found

    def decided(claimed: Claim) -> _Decided | None:
        tenant, price = claimed.tenant, claimed.price.total if claimed.price else None
        prepayment = scope.service(Prepayment)
        if prepayment.due(scope, prepayment.terms(tenant), price) is not None:
            return None
        if price_refusals(wish.expected_total, price):
            return None
        row = new_row(
            scope,
            claimed,
            status=booked_status(tenant),
            booker=booker,
            hold_expires_at=None,
            note=wish.note,
        )
        booking = detached_row(Booking, **row)
        change = BookingChange(type=EventType.BOOKING_CREATED, booking=booking, tenant=tenant)
        if scope.service(Hooks).concern(change):
            return None
        event = booking_event(EventType.BOOKING_CREATED, booking, claimed=claimed)
        count = booking_count(scope, tenant)
        if new_customer is None:
            return _Decided(STORE_BOOKING, row, [event], count)
        new_customer.created_at = scope.now()
        added = {f"customer_{name}": value for name, value in new_customer.model_dump().items()}
        events = [customer_created(new_customer), event]
        return _Decided(STORE_BOOKING_AND_CUSTOMER, row, events, {**count, **added})

    return await _store_at_once(scope, times, decided, refuse)


async def hold_at_once(scope: Scope, times: WantedTime, *, refuse: Refuse) -> Booking | None:
    """Stores a hold as ``book_at_once`` does a booking."""
    if not scope.may_write_at_once or strangers.is_counted(scope):
        return None

    def decided(claimed: Claim) -> _Decided:
        row = new_row(
            scope,
            claimed,
            status=Status.HELD,
            booker=Booker(scope.actor.own_id),
            hold_expires_at=hold_end(scope, claimed.tenant),
            note=None,
        )
        held = detached_row(Booking, **row)
        event = booking_event(EventType.BOOKING_HELD, held, claimed=claimed)
        return _Decided(STORE_HOLD, row, [event], {})

    return await _store_at_once(scope, times, decided, refuse)


async def _booker_at_once(
    scope: Scope, choice: CustomerChoice | None
) -> tuple[Booker, Customer | None] | None:
    """Whom a booking is for, and the customer to add; None if anything may be wrong with them.

    A customer's id isn't looked up: the database knows it.
    """
    if choice is None:
        return Booker(scope.actor.own_id), None
    if choice.id is not None:
        if not may(scope.actor, P.CUSTOMERS_READ):
            return None
        if only_own(scope.actor, P.CUSTOMERS_READ) and choice.id != scope.actor.own_id:
            return None
        return Booker(choice.id), None
    if choice.new is None or only_own(scope.actor, P.CUSTOMERS_READ):
        return None
    return await booker_outside(scope, choice.new)


async def _store_at_once(
    scope: Scope,
    times: WantedTime,
    decided: Callable[[Claim], _Decided | None],
    refuse: Refuse,
) -> Booking | None:
    locks, taken = room_locks(scope, times.room_id), scope.service(LastTaken)
    facts = await venue_facts(scope)
    for attempt in range(TRIES):
        claimed = None if facts is None else _claim_at_once(scope, facts, times)
        if facts is None or claimed is None:
            return None
        # A key may be that of the booking itself, which is then told again.
        may_be_late = scope.idempotency_key is None
        if may_be_late and taken.may_have(times.room_id, claimed.occupied):
            break
        if attempt == 0:
            await scope.queue(*locks)
            if may_be_late and taken.may_have(times.room_id, claimed.occupied):
                break
        new = decided(claimed)
        if new is None:
            return None
        found = await _stored(scope, new, facts, locks)
        if found is None or found["is_known"]:
            return None
        if found["id"] is not None:
            scope.mark_stored()
            taken.note(times.room_id, claimed.occupied)
            return detached_row(Booking, **new.row)
        if found["version"] == facts.version:
            if found["is_taken"]:
                # By another booking, or by a hold that is over and not yet stored as that.
                break
            # The address of the customer to add is another's by now.
            return None
        facts = await venue_facts(scope, at_least=found["version"])
    else:
        return None
    await scope.leave_queue()
    await refuse_taken(scope, times, refuse)
    return None


def _claim_at_once(scope: Scope, facts: VenueFacts, times: WantedTime) -> Claim | None:
    """A time that no rule refuses and that may be booked already; None for any other."""
    room = facts.rooms.get(times.room_id)
    if room is None or not scope.service(BookingPermit).is_given(scope, facts.permit):
        return None
    try:
        starts_at = resolve_start(times.start, facts.venue.zone)
        wish = wish_of(
            scope,
            facts.venue,
            duration_minutes=times.duration_minutes,
            party_size=times.party_size,
        )
    except Refusal:
        return None
    wanted = wish.interval(starts_at)
    if not facts.covers(wanted):
        return None
    claimed = decide(facts.venue, room.within(wanted), starts_at, wish)
    return None if claimed.refusals else claimed


async def _stored(
    scope: Scope, new: _Decided, facts: VenueFacts, locks: list[tuple[object, ...]]
) -> Any:
    """What the statement gave; None where it failed and has stored nothing."""
    values = {
        **log_values(scope, new.events),
        **key_values(scope, detached_row(Booking, **new.row)),
        **new.row,
        **new.values,
        "known_version": facts.version,
        "calendar_lock": scope.lock_keys([CALENDAR])[0],
        "locks": scope.lock_keys(locks),
    }
    try:
        return await scope.write_at_once(new.statement, **values)
    except DATABASE_ERRORS as error:
        if sqlstate(error) in _DECIDED_ANEW:
            return None
        raise


# ------------------------------------------------------------------------------ step by step


async def insert_booking(
    scope: Scope, claimed: Claim, *, status: Status, booker: Booker, **given: Any
) -> Booking:
    """Store a booking of a claimed time."""
    row = new_row(scope, claimed, status=status, booker=booker, **given)
    await scope.fetch_prepared(INSERT_BOOKING, **row)
    return detached_row(Booking, **row)


def new_row(
    scope: Scope, claimed: Claim, *, status: Status, booker: Booker, **given: Any
) -> dict[str, Any]:
    """The columns of a new booking of a claimed time."""
    price = claimed.price
    return {
        "tenant_id": scope.tenant_id,
        "id": new_id(),
        "reference": reference(token_bytes(REFERENCE_BYTES)),
        "room_id": claimed.room.id,
        "status": status.value,
        **asdict(booker),
        "held_by_id": scope.actor.user_id,
        "held_from": strangers.network_of_stranger(scope),
        "guest_confirmed_at": None,
        "starts_at": claimed.wanted.start,
        "ends_at": claimed.wanted.end,
        "occupied": claimed.occupied,
        "party_size": claimed.wish.party_size,
        "price_lines": stored_lines(price),
        "price_minor": price.total.amount_minor if price else None,
        "currency_code": claimed.room.currency_code,
        "terms": scope.service(Prepayment).terms(claimed.tenant),
        "earliest_start": None,
        "was_confirmed": False,
        "moves_id": None,
        "series_id": None,
        "original_starts_at": None,
        "version": 1,
        "link_version": 1,
        "created_at": scope.now(),
        "updated_at": scope.now(),
        **given,
    }


def hold_end(scope: Scope, tenant: Tenant) -> datetime:
    return scope.now() + timedelta(minutes=tenant.hold_minutes)
