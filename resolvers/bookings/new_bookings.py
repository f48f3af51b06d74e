"""Stores a new booking or hold in one statement if no rule refuses it, else step by step.

The one statement is for callers to whom only other bookings can refuse the time. What kept facts
decide is as good as their version, which the statement compares once it has the locks. If anything
refuses, or more than the booking is to be stored, these functions return None and store nothing;
then the caller takes the locks, decides by what is there, and tells all that applies. Only a time
that others have is refused at once, by what is stored.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any

from domain.bookings.lifecycle import REFERENCE_BYTES, Status, reference
from domain.core.log_events import EventType
from domain.core.money import Money
from domain.customers.customers import CustomerChoice
from kit.ids import new_id
from kit.postgres.detached_rows import detached_row
from kit.scope import Scope
from models.bookings.bookings import INSERT_BOOKING, Booking
from models.bookings.new_bookings import (
    OF_SEATS,
    STORE_BOOKING,
    STORE_BOOKING_AND_CUSTOMER,
    STORE_HOLD,
)
from models.bookings.stored_prices import price_columns
from models.customers.customers import Customer
from models.tenants import Tenant
from permissions.policy import is_guest, may, only_own
from permissions.roles import P
from resolvers.bookings import strangers
from resolvers.bookings.at_once import TRIES, DecidedChange, store_at_once
from resolvers.bookings.booking_access import booking_event, text_refusals
from resolvers.bookings.hooks import BookingChange, BookingPermit, Prepayment
from resolvers.bookings.last_taken import LastTaken, Refuse, refuse_taken
from resolvers.bookings.slot_claims import Claim, WantedTime, claim_by_facts, price_refusals
from resolvers.bookings.space_locks import space_locks
from resolvers.bookings.standing import booked_status, deadlines
from resolvers.bookings.venue_facts import venue_facts
from resolvers.core.hooks import Hooks
from resolvers.customers.customers import Booker, booker_outside, customer_created
from resolvers.tenants.usage import booking_count


@dataclass(frozen=True, slots=True)
class BookingWish:
    """What a caller asks for in a new booking, except for its time."""

    customer: CustomerChoice | None
    party_size: int | None
    note: str | None
    expected_total: Money | None
    coupon_code: str | None = None


async def book_at_once(
    scope: Scope, times: WantedTime, wish: BookingWish, *, refuse: Refuse
) -> Booking | None:
    """Stores a booking in one statement. None if it has to be decided step by step.

    Raises what ``refuse`` does of a time that others have.
    """
    if (
        not scope.may_write_at_once
        or is_guest(scope.actor)
        or wish.coupon_code is not None
        or text_refusals(note=wish.note)
        or not _may_book_for(scope, wish.customer)
    ):
        return None
    found: tuple[Booker, Customer | None] | None = None

    async def decided(claimed: Claim) -> DecidedChange | None:
        nonlocal found
        found = found or await booker_at_once(scope, wish.customer)
        if found is None:
            return None
        booker, new_customer = found
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
            return DecidedChange(STORE_BOOKING, booking, row, [event], count)
        events = [customer_created(new_customer), event]
        added = customer_values(scope, new_customer)
        return DecidedChange(STORE_BOOKING_AND_CUSTOMER, booking, row, events, {**count, **added})

    has_customer = wish.customer is not None or scope.actor.own_id is not None
    return await _store_at_once(scope, times, decided, refuse, has_customer=has_customer)


async def hold_at_once(scope: Scope, times: WantedTime, *, refuse: Refuse) -> Booking | None:
    """Stores a hold as ``book_at_once`` does a booking."""
    if not scope.may_write_at_once or strangers.is_counted(scope):
        return None

    async def decided(claimed: Claim) -> DecidedChange:
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
        return DecidedChange(STORE_HOLD, held, row, [event], {})

    has_customer = scope.actor.own_id is not None
    return await _store_at_once(scope, times, decided, refuse, has_customer=has_customer)


def customer_values(scope: Scope, new: Customer) -> dict[str, object]:
    """Returns the parameters by which a statement adds a customer."""
    new.created_at = scope.now()
    return {f"customer_{name}": value for name, value in new.model_dump().items()}


def _may_book_for(scope: Scope, choice: CustomerChoice | None) -> bool:
    """Returns whether the caller may book for a customer, who needn't exist."""
    if choice is None:
        return True
    if only_own(scope.actor, P.CUSTOMERS_READ):
        return choice.id is not None and choice.id == scope.actor.own_id
    return choice.new is not None or may(scope.actor, P.CUSTOMERS_READ)


async def booker_at_once(
    scope: Scope, choice: CustomerChoice | None
) -> tuple[Booker, Customer | None] | None:
    """Returns the booker, and the customer to add, if any; None if the choice is refused.

    A customer's id isn't looked up: the database knows it.
    """
    if not _may_book_for(scope, choice):
        return None
    if choice is None:
        return Booker(scope.actor.own_id), None
    if choice.id is not None:
        return Booker(choice.id), None
    return None if choice.new is None else await booker_outside(scope, choice.new)


async def _store_at_once(
    scope: Scope,
    times: WantedTime,
    decided: Callable[[Claim], Awaitable[DecidedChange | None]],
    refuse: Refuse,
    *,
    has_customer: bool,
) -> Booking | None:
    taken = scope.service(LastTaken)
    locks, lock_keys = list[tuple[object, ...]](), list[int]()
    facts = await venue_facts(scope)
    for attempt in range(TRIES):
        if facts is None or not scope.service(BookingPermit).is_given(scope, facts.permit):
            return None
        if has_customer and facts.quotas:
            return None
        claimed = claim_by_facts(scope, facts, times)
        if claimed is None:
            return None
        spaces, of_seats = claimed.spaces, claimed.seat_numbers is not None
        # A key may be that of the booking itself, which is then told again.
        may_be_late = scope.idempotency_key is None and not of_seats
        if may_be_late and taken.may_have(spaces, claimed.occupied):
            break
        if attempt == 0:
            locks = space_locks(scope, *spaces)
            lock_keys = await scope.queue(*locks)
            if may_be_late and taken.may_have(spaces, claimed.occupied):
                break
        elif locks != space_locks(scope, *spaces):
            return None
        # What is read of the customer is read here: of many who want one time, few come so far.
        new = await decided(claimed)
        if new is None:
            return None
        if of_seats:
            values = {**new.values, "seats": claimed.room.seats}
            new = replace(new, statement=OF_SEATS[new.statement], values=values)
        found = await store_at_once(scope, new, facts, lock_keys)
        if found is None or found["is_known"]:
            return None
        if found["id"] is not None:
            scope.mark_stored(events=len(new.events))
            if not of_seats:
                taken.note(spaces, claimed.occupied)
            return new.result  # type: ignore[no-any-return]
        if found["version"] == facts.version:
            if found["is_taken"]:
                # By another booking, or by a hold that is over and not yet stored as that.
                break
            # The address of the customer to add is another's by now.
            return None
        facts = await venue_facts(scope, at_least=found["version"])
    else:
        return None
    scope.leave_queue()
    await refuse_taken(scope, times, refuse)
    return None


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
    tenant = claimed.tenant
    return {
        "tenant_id": scope.tenant_id,
        "id": new_id(),
        "reference": reference(token_bytes(REFERENCE_BYTES)),
        "room_id": claimed.room.id,
        "also_room_ids": [room.id for room in claimed.also_rooms] or None,
        "space_ids": claimed.space_ids,
        "seat_numbers": claimed.seat_numbers,
        "status": status.value,
        "customer_id": booker.customer_id,
        "contact_name": booker.contact_name,
        "contact_phone": booker.contact_phone,
        "held_by_id": scope.actor.user_id,
        "held_from": strangers.network_of_stranger(scope),
        "guest_confirmed_at": None,
        "starts_at": claimed.wanted.start,
        "ends_at": claimed.wanted.end,
        "occupied": claimed.occupied,
        "party_size": claimed.wish.party_size,
        **price_columns(claimed.price),
        "currency_code": claimed.room.currency_code,
        "terms": scope.service(Prepayment).terms(tenant),
        "earliest_start": None,
        "was_confirmed": False,
        "moves_id": None,
        "coupon_id": claimed.coupon_id,
        "series_id": None,
        "original_starts_at": None,
        **deadlines(scope, tenant, status, claimed.wanted.start),
        "version": 1,
        "link_version": 1,
        "created_at": scope.now(),
        "updated_at": scope.now(),
        **given,
    }


def hold_end(scope: Scope, tenant: Tenant) -> datetime:
    return scope.now() + timedelta(minutes=tenant.hold_minutes)
