"""Stores the bookings that rows add: several at once, each with its customer and its event."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert

from domain.bookings.lifecycle import Status
from domain.core.log_events import EventType
from kit.postgres.detached_rows import detached_row
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.customers.customers import Customer
from models.tenants import Tenant
from resolvers.bookings.booking_access import booking_event
from resolvers.bookings.hooks import BookingChange
from resolvers.bookings.new_bookings import new_row
from resolvers.bookings.slot_claims import Claim
from resolvers.core.hooks import run_handlers
from resolvers.core.transactions import OtherLocksNeeded
from resolvers.customers.customers import Booker
from resolvers.imports.customers import store_customers
from resolvers.tenants.usage import count_bookings

OF_THE_PAST: Final = frozenset({Status.COMPLETED, Status.NO_SHOW})
"""The statuses of bookings that are over when they are imported."""


@dataclass(slots=True)
class NewBookings:
    """Bookings that were decided on and aren't stored yet, with the customers to add first.

    ``number_to_come`` is how many of them count for the plan.
    """

    scope: Scope
    tenant: Tenant
    notifies: bool
    customers: list[Customer] = field(default_factory=list)
    number_to_come: int = 0
    _rows: list[tuple[Claim, dict[str, Any]]] = field(default_factory=list)

    def add(self, claimed: Claim, *, status: Status, booker: Booker, note: str | None) -> UUID:
        """Adds a booking of a claimed time, and returns its id."""
        is_past = status in OF_THE_PAST
        row = new_row(
            self.scope,
            # What was paid then isn't known.
            replace(claimed, price=None) if is_past else claimed,
            status=status,
            booker=booker,
            hold_expires_at=None,
            note=note,
            **({"release_at": None, "terms": None} if is_past else {}),
        )
        self._rows.append((claimed, row))
        self.number_to_come += not is_past
        id: UUID = row["id"]
        return id

    async def store(self) -> None:
        """Stores them; none are left. Raises OtherLocksNeeded if others came first."""
        if not self._rows:
            return
        rows, customers, number = self._rows, self.customers, self.number_to_come
        self._rows, self.customers, self.number_to_come = [], [], 0
        await store_customers(self.scope, customers)
        await self.scope.run(insert(Booking), [row for _, row in rows])
        for claimed, row in rows:
            await self._tell(claimed, detached_row(Booking, **row))
        # Last: it holds up all other bookings of the tenant.
        if number and not await count_bookings(self.scope, self.tenant, number):
            # Others have booked meanwhile; the rows are decided anew.
            raise OtherLocksNeeded

    async def _tell(self, claimed: Claim, made: Booking) -> None:
        is_past = made.status in OF_THE_PAST
        also: Mapping[str, object] = {} if self.notifies and not is_past else {"silent": True}
        type: Final = EventType.BOOKING_CREATED
        self.scope.emit(booking_event(type, made, claimed=claimed, also=also))
        if not is_past:
            change = BookingChange(type=type, booking=made, tenant=self.tenant)
            await run_handlers(self.scope, change)
