"""Moves bookings together, of which some may take the former times of others."""

from collections.abc import Sequence

from sqlalchemy import update
from sqlmodel import col

from domain.bookings.lifecycle import MOVABLE, Status
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.tenants import Tenant
from permissions.policy import only_own
from permissions.roles import P
from resolvers.bookings.slot_claims import Claim
from resolvers.payments import moves
from resolvers.payments.pending_moves import give_up
from resolvers.payments.places import goal_of


async def move_together(
    scope: Scope,
    claims: Sequence[tuple[Booking, Claim]],
    tenant: Tenant,
    *,
    reason: str | None = None,
) -> None:
    """Moves locked bookings to their claimed times, which nothing refuses."""
    by_customer = only_own(scope.actor, P.BOOKINGS_WRITE)
    turn = TimeSlice()
    bookings = [booking for booking, _ in claims]
    for booking in bookings:
        await give_up(scope, booking)
    # The database refuses an overlap at once, whatever moves next: so all give up their times
    # before any of them takes its new one.
    await _give_up_times(scope, bookings)
    for booking, claimed in claims:
        await moves.carry_out(
            scope,
            booking,
            goal_of(booking, claimed),
            tenant,
            by_customer=by_customer,
            reason=reason,
            claimed=claimed,
        )
        if turn.is_over:
            await turn.give_way()
    for status in MOVABLE:
        again = [each for each in bookings if each.status == status]
        await _store(scope, again, status=status.value)


async def _give_up_times(scope: Scope, bookings: Sequence[Booking]) -> None:
    # With the next version, so that what is kept of the version before has its true status.
    await _store(
        scope,
        bookings,
        status=Status.CANCELLED.value,
        version=col(Booking.version) + 1,
        updated_at=scope.now(),
    )


async def _store(scope: Scope, bookings: Sequence[Booking], **values: object) -> None:
    """Stores columns of bookings that the rows in memory don't know of."""
    await scope.flush()
    if not bookings:
        return
    await scope.run(
        update(Booking)
        .where(
            col(Booking.tenant_id) == scope.tenant_id,
            col(Booking.id).in_([each.id for each in bookings]),
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
