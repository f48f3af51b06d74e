"""Transitions of bookings: confirm, reject, cancel, check in, complete, mark as no-show."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from domain.bookings.lifecycle import (
    CancellationRefund,
    Status,
    allowed_transitions,
    check_transition,
    is_over,
)
from domain.bookings.series import SeriesScope
from domain.core.ids import BookingId
from domain.core.log_events import EventType
from domain.core.refusals import Invalid, NotFound
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.core.base import snapshot
from models.tenants import Tenant
from permissions.policy import may, only_own
from permissions.policy import refusal as forbidden
from permissions.roles import P
from resolvers.bookings import strangers
from resolvers.bookings.at_once import Changed, change_at_once
from resolvers.bookings.booking_access import (
    Reason,
    Version,
    change_event,
    load_visible_booking,
    lock_seen_booking,
    locked_booking,
    record_change,
    state_of,
    status,
    text_refusals,
    too_late_to_cancel,
)
from resolvers.bookings.hooks import BookingChange, BookingEvent
from resolvers.bookings.series import end_series, locked_part
from resolvers.bookings.slot_claims import expire
from resolvers.bookings.venue_facts import VenueFacts
from resolvers.core.hooks import Hooks, run_handlers
from resolvers.core.lookups import raise_all


async def confirm_booking(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking.")], *, version: Version
) -> Booking:
    """Confirm a pending booking."""
    confirm = Transition(wanted=Status.CONFIRMED, event=EventType.BOOKING_CONFIRMED)
    return await _become(scope, id, confirm, version=version)


async def reject_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    reason: Reason = None,
) -> Booking:
    """Reject a pending booking, and free its time at once."""
    reject = Transition(wanted=Status.REJECTED, event=EventType.BOOKING_REJECTED, reason=reason)
    return await _become(scope, id, reject, version=version)


async def cancel_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking or hold.")],
    *,
    version: Version,
    reason: Reason = None,
    refund: Annotated[
        CancellationRefund | None,
        Doc(
            "How much of the payments to refund. By default POLICY for customers and FULL "
            "for the venue's team; any other choice requires `payments:refund`."
        ),
    ] = None,
    scope_: Annotated[
        SeriesScope,
        Doc("Which bookings of its series to cancel; only this one by default."),
    ] = SeriesScope.THIS,
) -> list[Booking]:
    """Cancel a booking or a hold, and free its time at once.

    By default, a cancellation by the customer refunds what the cancellation policy gives back, and
    one by the venue refunds everything. With a `scope` other than THIS, all bookings of that part
    of the series that still can be are cancelled, each by its own policy, and the rule ends before
    the first of them, unless the series has no earlier date.
    """
    cancel = Transition(
        wanted=Status.CANCELLED,
        event=EventType.BOOKING_CANCELLED,
        reason=reason,
        refund=_refund(scope, refund),
    )
    if scope_ is SeriesScope.THIS:
        return [await _become(scope, id, cancel, version=version)]
    return await _cancel_part(scope, id, cancel, scope_, version=version)


async def check_in_booking(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking.")], *, version: Version
) -> Booking:
    """Mark the guests of a booking as arrived.

    This is possible from `TenantSettings.checkInFromMinutes` before its start until its end.
    Earlier, it is refused with CHECK_IN_NOT_OPEN.
    """
    check_in = Transition(wanted=Status.CHECKED_IN, event=EventType.BOOKING_CHECKED_IN)
    return await _become(scope, id, check_in, version=version)


async def complete_booking(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking.")], *, version: Version
) -> Booking:
    """Mark a booking as completed: after check-in, or after its end."""
    complete = Transition(wanted=Status.COMPLETED, event=EventType.BOOKING_COMPLETED)
    return await _become(scope, id, complete, version=version)


async def mark_no_show(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    waive_fee: Annotated[
        bool, Doc("Whether to release a held card without charging the no-show fee.")
    ] = False,
    reason: Reason = None,
) -> Booking:
    """Mark a booking to which nobody came, once it has started. Its remaining time is free at once.

    If a card is held, the no-show fee is charged to it, unless `waiveFee` is set.
    """
    mark = Transition(
        wanted=Status.NO_SHOW,
        event=EventType.BOOKING_NO_SHOW,
        reason=reason,
        waives_fee=waive_fee,
    )
    return await _become(scope, id, mark, version=version)


async def expire_hold(scope: Scope, id: BookingId) -> None:
    """Stores that a hold has expired, unless that is stored or it became a booking."""
    try:
        hold = await locked_booking(scope, id)
    except NotFound:
        return
    if hold.status == Status.HELD.value and status(scope, hold) is Status.EXPIRED:
        await expire(scope, [id])


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of a booking's status."""

    wanted: Status
    event: BookingEvent
    reason: str | None = None
    waives_fee: bool = False
    refund: CancellationRefund = CancellationRefund.POLICY

    @property
    def also(self) -> dict[str, object]:
        """Returns what is logged beside the booking."""
        return {"no_show_fee": "waived"} if self.waives_fee else {}

    def make(self, scope: Scope, booking: Booking, tenant: Tenant) -> BookingChange:
        """Changes the status of a booking. Raises InvalidTransition, CancellationTooLate."""
        check_transition(state_of(booking, tenant), self.wanted, now=scope.now())
        if self.wanted is Status.CANCELLED:
            _check_notice(scope, booking, tenant)
        before = snapshot(booking)
        booking.status = self.wanted.value
        booking.hold_expires_at = booking.approval_expires_at = None
        if self.wanted is not Status.CONFIRMED:
            booking.release_at = None
        return BookingChange(
            type=self.event,
            booking=booking,
            tenant=tenant,
            before=before,
            refund=self.refund,
            waives_fee=self.waives_fee,
        )

    def is_counted_back(self, scope: Scope, booking: Booking) -> bool:
        return self.wanted is Status.CANCELLED and strangers.is_counted_back(scope, booking)


async def _become(scope: Scope, id: BookingId, transition: Transition, *, version: int) -> Booking:
    event, reason, also = transition.event, transition.reason, transition.also
    raise_all(text_refusals(reason=reason))
    seen = await load_visible_booking(scope, id)

    def make_at_once(booking: Booking, facts: VenueFacts) -> Changed | None:
        change = transition.make(scope, booking, facts.venue.tenant)
        if transition.is_counted_back(scope, booking) or scope.service(Hooks).concern(change):
            return None
        logged = change_event(scope, event, booking, change.before, reason=reason, also=also)
        return Changed([logged])

    # Of the transitions, only cancelBooking has a key.
    made = await change_at_once(scope, seen, make_at_once, version=version, is_listed=True)
    if made is not None:
        return made
    booking = await lock_seen_booking(scope, seen, version=version, with_tenant=True)
    return await carry_out(scope, booking, transition)


async def _cancel_part(
    scope: Scope, id: BookingId, cancel: Transition, which: SeriesScope, *, version: int
) -> list[Booking]:
    """Cancels bookings of a series, and returns them in order, but the chosen one first."""
    raise_all(text_refusals(reason=cancel.reason))
    seen = await load_visible_booking(scope, id)
    part = await locked_part(scope, seen, which, version=version)
    now = scope.now()
    cancelled = [
        each
        for each in part.bookings
        if Status.CANCELLED in allowed_transitions(state_of(each, part.tenant), now=now)
        and (which is not SeriesScope.ALL or each.starts_at > now)
        and too_late_to_cancel(scope, each, part.tenant) is None
    ]
    is_chosen = part.booking in cancelled
    if not cancelled or (which is SeriesScope.THIS_AND_FOLLOWING and not is_chosen):
        state = state_of(part.booking, part.tenant)
        check_transition(state, Status.CANCELLED, now=now)
        _check_notice(scope, part.booking, part.tenant)
        raise Invalid("All bookings of this series have begun or ended.", path=("id",))
    turn = TimeSlice()
    for each in cancelled:
        await carry_out(scope, each, cancel)
        if turn.is_over:
            await turn.give_way()
    first = cancelled[0].original_starts_at
    assert first is not None, "it belongs to a series"
    end_series(scope, part.series, first)
    return sorted(cancelled, key=lambda each: each is not part.booking)


async def cancel_locked(scope: Scope, booking: Booking) -> Booking:
    """Cancels a booking or hold under its room's lock. Raises InvalidTransition."""
    cancel = Transition(wanted=Status.CANCELLED, event=EventType.BOOKING_CANCELLED)
    return await carry_out(scope, booking, cancel)


async def carry_out(scope: Scope, booking: Booking, transition: Transition) -> Booking:
    event, reason, also = transition.event, transition.reason, transition.also
    change = transition.make(scope, booking, booking.tenant)
    if transition.is_counted_back(scope, booking):
        await strangers.count_back(scope, booking.tenant, booking)
        also["counts_for_plan"] = False
    record_change(scope, event, booking, change.before, reason=reason, also=also)
    await run_handlers(scope, change)
    return booking


def _check_notice(scope: Scope, booking: Booking, tenant: Tenant) -> None:
    """Raises CancellationTooLate."""
    if (refusal := too_late_to_cancel(scope, booking, tenant)) is not None:
        raise refusal


def _refund(scope: Scope, chosen: CancellationRefund | None) -> CancellationRefund:
    """Returns how much a cancellation by the caller refunds. Raises Forbidden."""
    is_customer = only_own(scope.actor, P.BOOKINGS_WRITE)
    usual = CancellationRefund.POLICY if is_customer else CancellationRefund.FULL
    if chosen not in (None, usual) and not may(scope.actor, P.PAYMENTS_REFUND):
        raise forbidden(scope.actor, P.PAYMENTS_REFUND)
    return chosen or usual


async def complete_past_booking(scope: Scope, id: BookingId) -> None:
    """Completes a past booking, unless its status has changed."""
    try:
        booking = await load_visible_booking(scope, id)
    except NotFound:
        return
    if is_over(Status(booking.status), booking.ends_at, now=scope.now()):
        await complete_booking(scope, id, version=booking.version)
