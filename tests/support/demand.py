"""Venues with weeks of past bookings, stored directly."""

from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import Range

from domain.bookings.lifecycle import Status
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking
from resolvers.core.transactions import perform
from tests.support.factories import Venue


async def make_history(
    runtime: Runtime,
    venue: Venue,
    until: datetime,
    *,
    days: int,
    minutes: int = 60,
    room: int = 0,
    price_minor: int = 4000,
    status: Status = Status.COMPLETED,
    made_before: timedelta = timedelta(days=2),
) -> None:
    """Adds a booking of a room on each of the days before an instant, at its time of day.

    At weekends they are twice as long, and cost twice the price.
    """

    async def make(scope: Scope) -> None:
        await scope.lock()
        for day in range(1, days + 1):
            starts_at = until - timedelta(days=day)
            ends_at = starts_at + timedelta(
                minutes=minutes * (2 if starts_at.weekday() >= 5 else 1)
            )
            scope.add(
                Booking(
                    tenant_id=venue.tenant.id,
                    reference=new_id().hex[-8:].upper(),
                    room_id=venue.rooms[room].id,
                    customer_id=venue.customer.id,
                    status=status.value,
                    starts_at=starts_at,
                    ends_at=ends_at,
                    occupied=Range(starts_at, ends_at),
                    currency_code=venue.tenant.currency_code,
                    price_minor=price_minor * (2 if starts_at.weekday() >= 5 else 1),
                    created_at=starts_at - made_before,
                    updated_at=starts_at - made_before,
                )
            )

    await perform(runtime, venue.owner.actor, Request(new_id()), make)
