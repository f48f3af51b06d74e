"""The seam between bookings and the areas after them: what handlers are given, what is asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from domain.bookings.lifecycle import Status
from domain.core.log_events import EventType, Snapshot
from domain.core.money import Money
from domain.payments.payments import CancellationRefund
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.tenants import Tenant

BookingEvent = Literal[
    EventType.BOOKING_CREATED,
    EventType.BOOKING_UPDATED,
    EventType.BOOKING_CONFIRMED,
    EventType.BOOKING_REJECTED,
    EventType.BOOKING_CANCELLED,
    EventType.BOOKING_CHECKED_IN,
    EventType.BOOKING_COMPLETED,
    EventType.BOOKING_NO_SHOW,
]
"""The events whose handlers are run; for another type, run them where it is emitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingChange:
    """A change of a booking that stands, or of a hold that is cancelled, under its room's lock.

    ``before`` is what it was, None for one that was made without a hold. ``refund`` is what a
    cancellation gives back of what was paid; ``waives_fee`` spares the card of a no-show.
    """

    type: BookingEvent
    booking: Booking
    tenant: Tenant
    before: Snapshot | None = None
    refund: CancellationRefund = CancellationRefund.POLICY
    waives_fee: bool = False

    @property
    def status_before(self) -> Status | None:
        """The status that it had; None for one that was made without a hold."""
        return Status(str(self.before["status"])) if self.before is not None else None


@dataclass(frozen=True, slots=True)
class Prepayment:
    """How bookings find out whether one is paid for first, and have it asked for.

    Whoever takes money for bookings gives these functions; bookings know no more of payments.
    """

    terms: Callable[[Tenant], dict[str, Any] | None]
    """The venue's present terms, as a booking keeps those that it is made under."""

    due: Callable[[Scope, dict[str, Any] | None, Money | None], Money | None]
    """What the caller has to pay, by such terms and a price, before the booking stands."""

    is_requested: Callable[[Scope, Booking], Awaitable[bool]]
    """Whether a payment was asked for already, for this hold."""

    request: Callable[[Scope, Booking, Money, Snapshot | None], None]
    """Ask for a payment until a hold ends, and log that with what has changed since a snapshot."""
