"""The rows of a new series: its rule, and a booking for each of its times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_bytes
from typing import Any

from domain.bookings.lifecycle import REFERENCE_BYTES, reference
from domain.bookings.recurrence import RecurrenceRule
from domain.bookings.refusals import OccurrenceConflict
from domain.bookings.series import Recurrence
from domain.core.log_events import Event, EventType
from kit.ids import new_id
from kit.postgres.detached_rows import detached_row
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.bookings.new_series import EACH
from models.bookings.seats import stored_seats
from models.bookings.series import stored_conflicts
from models.bookings.stored_prices import price_columns
from models.tenants import Tenant
from resolvers.bookings.booking_access import booking_event
from resolvers.bookings.hooks import BookingChange
from resolvers.bookings.new_bookings import BookingWish, new_row
from resolvers.bookings.slot_claims import Claim, WantedTime
from resolvers.bookings.standing import booked_status, deadlines
from resolvers.customers.customers import Booker
from resolvers.tenants.usage import booking_count


@dataclass(frozen=True, slots=True)
class NewSeries:
    """A series as it is to be stored: ``values`` are the parameters of its statement."""

    tenant: Tenant
    bookings: Sequence[Booking]
    events: Sequence[Event]
    values: dict[str, Any]

    @property
    def changes(self) -> list[BookingChange]:
        """What the hooks are told of each booking."""
        return [
            BookingChange(type=EventType.BOOKING_CREATED, booking=each, tenant=self.tenant)
            for each in self.bookings
        ]


@dataclass(frozen=True, slots=True)
class SeriesTerms:
    """What a series is booked by, besides its times: the rule begins at ``starts_at``."""

    wanted: WantedTime
    wish: BookingWish
    recurrence: Recurrence
    rule: RecurrenceRule
    starts_at: datetime
    booker: Booker


async def new_series(
    scope: Scope,
    terms: SeriesTerms,
    claims: Sequence[Claim],
    conflicts: Sequence[OccurrenceConflict] = (),
) -> NewSeries:
    """Returns the series that books these times, in order, and skips those with conflicts."""
    tenant, booker, wanted, note = claims[0].tenant, terms.booker, terms.wanted, terms.wish.note
    series = {
        "tenant_id": scope.tenant_id,
        "id": new_id(),
        "rrule": str(terms.rule),
        "time_zone": tenant.time_zone,
        "starts_at": terms.starts_at,
        "except_dates": sorted(terms.recurrence.except_dates),
        "skipped": stored_conflicts(conflicts),
        "room_id": wanted.room_id,
        "customer_id": booker.customer_id,
        "contact_name": booker.contact_name,
        "contact_phone": booker.contact_phone,
        "duration_minutes": wanted.duration_minutes,
        "party_size": wanted.party_size,
        "note": note,
        "version": 1,
        "created_at": scope.now(),
        "updated_at": scope.now(),
    }
    status = booked_status(tenant)
    common = new_row(
        scope,
        claims[0],
        status=status,
        booker=booker,
        hold_expires_at=None,
        note=note,
        series_id=series["id"],
    )
    rows, bookings, events = list[dict[str, Any]](), list[Booking](), list[Event]()
    turn = TimeSlice()
    for claimed in claims:
        if turn.is_over:
            await turn.give_way()
        row = {
            **common,
            "id": new_id() if rows else common["id"],
            "reference": reference(token_bytes(REFERENCE_BYTES)),
            "starts_at": claimed.wanted.start,
            "ends_at": claimed.wanted.end,
            "original_starts_at": claimed.wanted.start,
            **deadlines(scope, tenant, status, claimed.wanted.start),
            "occupied": claimed.occupied,
            "seat_numbers": claimed.seat_numbers,
            **price_columns(claimed.price),
        }
        rows.append(row)
        bookings.append(booking := detached_row(Booking, **row))
        events.append(booking_event(EventType.BOOKING_CREATED, booking, claimed=claimed))
    values = {
        **common,
        **{f"series_{name}": value for name, value in series.items()},
        **{f"each_{name}": [row[name] for row in rows] for name in EACH if name in common},
        "each_seat_numbers": [stored_seats(row["seat_numbers"]) for row in rows],
        "each_occupied_from": [claimed.occupied.lower for claimed in claims],
        "each_occupied_to": [claimed.occupied.upper for claimed in claims],
        **booking_count(scope, tenant),
        "number": len(rows),
    }
    return NewSeries(tenant, bookings, events, values)
