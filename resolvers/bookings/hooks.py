"""The seam between bookings and later areas: handlers' changes, and the service for payments."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from domain.bookings.lifecycle import CancellationRefund, Status
from domain.core.log_events import EventType, Snapshot
from domain.core.money import Money
from domain.core.refusals import Refusal
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
    EventType.BOOKING_EXPIRED,
]
"""The events that run handlers; to add a type, call ``run_handlers`` where it is emitted.

BOOKING_EXPIRED runs them for bookings that nobody confirmed, not for holds.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingChange:
    """A change of a booking, or the cancellation of a hold, under its room's lock.

    ``before`` is its earlier state, None if it was made without a hold. ``refund`` is how much a
    cancellation refunds; ``waives_fee`` releases the held card of a no-show without a charge.
    """

    type: BookingEvent
    booking: Booking
    tenant: Tenant
    before: Snapshot | None = None
    refund: CancellationRefund = CancellationRefund.POLICY
    waives_fee: bool = False

    @property
    def status_before(self) -> Status | None:
        """The earlier status; None for a booking that was made without a hold."""
        return Status(str(self.before["status"])) if self.before is not None else None


@dataclass(frozen=True, slots=True)
class Prepayment:
    """The functions by which bookings require payments in advance.

    The payments area provides them; bookings know nothing else of payments.
    """

    terms: Callable[[Tenant], dict[str, Any] | None]
    """Returns the venue's current terms, in the form that is stored with a booking."""

    due: Callable[[Scope, dict[str, Any] | None, Money | None], Money | None]
    """Returns what the caller has to pay in advance, by such terms and a price."""

    is_requested: Callable[[Scope, Booking], Awaitable[bool]]
    """Returns whether a payment for this hold was requested already."""

    request: Callable[[Scope, Booking, Money, Snapshot | None], None]
    """Requests a payment until a hold ends, and logs it with the changes since a snapshot."""


@dataclass(frozen=True, slots=True)
class BookingPermit:
    """How bookings find out whether the tenant may take new ones; billing provides it."""

    refusals: Callable[[Scope], Awaitable[list[Refusal]]]
    """Returns the refusals of new bookings under an unpaid plan."""

    facts: Any
    """Selects the rows that decide about it, with the parameter ``tenant_id``."""

    is_given: Callable[[Scope, Sequence[Any]], bool]
    """Returns whether such rows refuse nothing."""


async def subscription_refusals(scope: Scope) -> list[Refusal]:
    """Returns the refusal of new bookings under an unpaid plan; none without billing."""
    return await scope.service(BookingPermit).refusals(scope)
