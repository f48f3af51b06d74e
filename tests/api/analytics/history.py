"""Venues with a random history: bookings, payments, hours and changes of all of them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError

from domain.core.log_events import Event, EventType
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.core.base import snapshot
from resolvers.analytics.rollups import Progress, count_entries, mark_all
from resolvers.core.transactions import perform
from tests.support.factories import Venue

STATUSES: Final = (
    *("held", "pending", "confirmed", "checked_in", "completed", "completed", "completed"),
    *("cancelled", "no_show", "expired", "rejected"),
)
# Where the clocks of the zones change, and where nothing does.
ZONES: Final = (
    ("America/New_York", date(2026, 3, 2)),
    ("America/New_York", date(2026, 10, 26)),
    ("Australia/Lord_Howe", date(2026, 9, 28)),
    ("Australia/Lord_Howe", date(2026, 3, 30)),
    ("Asia/Kathmandu", date(2026, 5, 11)),
    ("Europe/Berlin", date(2026, 3, 23)),
)
_MINUTE: Final = timedelta(minutes=1)
_BOOKING: Final = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
        ends_at, occupied, hold_expires_at, party_size, price_minor, currency_code, was_confirmed,
        version, link_version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, tstzrange($7, $8), $7, 1, $9, $10, false, 1, 1, $11,
        $11)
"""
_ENTRIES: Final = """
    INSERT INTO ledger_entries (tenant_id, id, booking_id, kind, source_id, account, amount_minor,
        currency_code, at)
    SELECT $1, gen_random_uuid(), $2, $3, $4, account, amount, $6, $7
    FROM unnest($8::text[], ARRAY[$5::bigint, -$5::bigint]) AS entry (account, amount)
"""


@dataclass
class History:
    """A venue whose rows a test fills and changes by itself."""

    venue: Venue
    admin: asyncpg.Connection
    runtime: Runtime
    random: Random
    first: date
    customers: list[UUID | None]

    def instant(self, days: int = 40) -> datetime:
        start = datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)
        return start + timedelta(days=self.random.randint(-6, days)) + self._minutes(24 * 60)

    def _minutes(self, most: int) -> timedelta:
        return 5 * _MINUTE * self.random.randint(0, most // 5 - 1)

    async def fill(self, bookings: int) -> None:
        """Adds bookings, and payments for some of them, without a word in the log."""
        random, tenant = self.random, self.venue.tenant
        for _ in range(bookings):
            start = self.instant()
            most = random.choice((60, 180, 24 * 60, 3 * 24 * 60))
            made = start - timedelta(seconds=random.randint(-3600, 40 * 86400))
            # Where another one takes the time, there is one less.
            with suppress(asyncpg.ExclusionViolationError):
                await self.admin.execute(
                    _BOOKING,
                    tenant.id,
                    id := new_id(),
                    id.hex[-12:],
                    random.choice(self.venue.rooms).id,
                    random.choice(self.customers),
                    random.choice(STATUSES),
                    start,
                    start + 5 * _MINUTE + self._minutes(most),
                    random.choice((None, random.randint(0, 90_000))),
                    random.choice((*(3 * [tenant.currency_code]), "JPY")),
                    made,
                )
        await self.admin.execute(
            "UPDATE tenants SET longest_minutes = 5000, max_duration_minutes = 5000 WHERE id = $1",
            tenant.id,
        )
        for id, currency in await self.admin.fetch(
            "SELECT id, currency_code FROM bookings WHERE tenant_id = $1 ORDER BY id", tenant.id
        ):
            while random.random() < 0.4:
                await self.pay(id, currency)

    async def pay(self, booking_id: UUID, currency: str, at: datetime | None = None) -> None:
        """Posts a payment of a booking, or a refund."""
        is_payment = self.random.random() < 0.7
        accounts = ["received", "receivable"] if is_payment else ["receivable", "refunded"]
        await self.admin.execute(
            _ENTRIES,
            self.venue.tenant.id,
            booking_id,
            "payment" if is_payment else "refund_sent",
            new_id(),
            self.random.randint(1, 50_000),
            currency,
            at or self.instant(),
            accounts,
        )

    async def change(self) -> None:
        """Changes a booking as the API does: its row, and an entry in the log."""
        rows = await self.admin.fetch(
            "SELECT id FROM bookings WHERE tenant_id = $1 ORDER BY id", self.venue.tenant.id
        )
        id = self.random.choice(rows)["id"]
        actor = Actor(ActorKind.SYSTEM, self.venue.tenant.id)
        kind = self.random.choice(("move", "status", "customer", "pay", "room"))
        try:
            await perform(self.runtime, actor, Request(new_id()), partial(self._change, id, kind))
        except DBAPIError as error:
            if "no_overlap" not in str(error):
                raise

    async def _change(self, id: UUID, kind: str, scope: Scope) -> None:
        await scope.lock()
        booking = await scope.one(bookings_of(scope.tenant_id).where(Booking.id == id))  # type: ignore[arg-type]
        assert booking is not None
        before, random = snapshot(booking), self.random
        event = EventType.BOOKING_UPDATED
        match kind:
            case "move":
                booking.starts_at = self.instant()
                booking.ends_at = booking.starts_at + 5 * _MINUTE + self._minutes(600)
                self._occupy(booking)
                event = EventType.BOOKING_RESCHEDULED
            case "status":
                booking.status = random.choice(("cancelled", "completed", "no_show", "rejected"))
                event = EventType.BOOKING_CANCELLED
            case "customer":
                booking.customer_id = random.choice(self.customers)
            case "room":
                booking.room_id = random.choice(self.venue.rooms).id
                event = EventType.BOOKING_RESCHEDULED
            case _:
                await self.pay(id, booking.currency_code)
                event = EventType.PAYMENT_RECEIVED
        await scope.flush()
        scope.emit(Event(event, "Booking", id, before=before, after=snapshot(booking)))

    @staticmethod
    def _occupy(booking: Any) -> None:
        booking.occupied = Range(booking.starts_at, booking.ends_at)

    async def count(self) -> None:
        """Counts all entries of the log, as the worker does."""
        while await self._perform(count_entries) is not Progress.DONE or await self._is_behind():
            pass

    async def _is_behind(self) -> bool:
        """Whether entries aren't visible yet: a transaction of any test holds back those after."""
        return bool(
            await self.admin.fetchval(
                """SELECT EXISTS (
                       SELECT FROM log JOIN analytics_states AS state USING (tenant_id, generation)
                       WHERE tenant_id = $1
                             AND (log.xid, log.position) > (state.read_xid, state.read_position)
                   )""",
                self.venue.tenant.id,
            )
        )

    async def rebuild(self) -> None:
        await self._perform(mark_all)
        await self.count()

    async def _perform(self, change: Any) -> Any:
        actor = Actor(ActorKind.SYSTEM, self.venue.tenant.id)
        return (await perform(self.runtime, actor, Request(new_id()), change)).result

    async def rollups(self) -> list[list[tuple[Any, ...]]]:
        """Returns all rows of rollups."""
        return [
            [
                tuple(row)
                for row in await self.admin.fetch(
                    f"SELECT * FROM {table} WHERE tenant_id = $1 ORDER BY {order}",
                    self.venue.tenant.id,
                )
            ]
            for table, order in (
                ("analytics_days", "date"),
                ("analytics_room_days", "date, room_id"),
                ("analytics_customer_quarters", "quarter, customer_id"),
                ("analytics_dirty_days", "date"),
            )
        ]
