"""Sends deliveries, each at most once.

A delivery is SENDING before its provider is called, in a transaction of its own. If the process
dies then, or the provider doesn't answer, it becomes UNKNOWN, and isn't sent again.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.notifications.deliveries import DeliveryReason, DeliveryState, pause_after
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.phone_numbers import e164
from integrations.delivery import Busy, OutcomeUnknown, Undeliverable
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.notifications.deliveries import NotificationDelivery, bounced, delivery_of
from resolvers.bookings.booking_access import status
from resolvers.core.transactions import perform
from resolvers.notifications.channels import hand_over, is_within_caps
from resolvers.notifications.contents import Letter, written
from resolvers.notifications.deliveries import DELIVERY_JOB
from resolvers.notifications.inbox import add_to_inbox
from resolvers.notifications.receipts import is_stopped
from resolvers.notifications.recipients import address_hash, recipient_of
from resolvers.tenants.tenants import own_tenant
from resolvers.tenants.usage import count_sms

Step = Callable[[Scope, NotificationDelivery], Awaitable[None]]
"""Changes a delivery, under its lock."""

_CLOSED: Final = frozenset({Status.CANCELLED, Status.REJECTED, Status.EXPIRED, Status.NO_SHOW})
_ADDRESSED: Final = frozenset({Channel.EMAIL, Channel.SMS})

log = structlog.get_logger(__name__)


async def deliver(runtime: Runtime, tenant_id: UUID, id: UUID) -> None:
    """Sends a delivery that is QUEUED, and stores what has become of it."""
    system = Actor(ActorKind.SYSTEM, tenant_id)
    scope = Scope(runtime, system, Request(new_id()))
    try:
        found = await scope.one(delivery_of(tenant_id, id))
        if found is None or found.state not in (DeliveryState.QUEUED, DeliveryState.SENDING):
            return
        # Somebody was sending it, and has died.
        is_interrupted = found.state == DeliveryState.SENDING.value
        letter = None if is_interrupted else await _letter(scope, found)
    finally:
        await scope.close()
    change = partial(_change, runtime, system, id)
    if letter is None:
        await change(_unknown)
    elif isinstance(letter, DeliveryReason):
        await change(partial(_suppress, reason=letter))
    elif not letter.attempts and not await is_within_caps(runtime, tenant_id, letter):
        await change(partial(_suppress, reason=DeliveryReason.CAP))
    elif letter.channel is Channel.IN_APP:
        await change(partial(_store_in_inbox, letter=letter))
    elif await change(partial(_begin, letter=letter)) is DeliveryState.SENDING:
        await _hand_over(runtime, tenant_id, letter, change)


async def _hand_over(
    runtime: Runtime,
    tenant_id: UUID,
    letter: Letter,
    change: Callable[[Step], Awaitable[DeliveryState]],
) -> None:
    try:
        provider_id = await hand_over(runtime, tenant_id, letter)
    except Undeliverable as error:
        log.warning("notification.refused", channel=letter.channel, reason=str(error))
        reason = DeliveryReason.BOUNCED if letter.channel in _ADDRESSED else DeliveryReason.REFUSED
        await change(partial(_fail, reason=reason))
    except OutcomeUnknown as error:
        log.warning("notification.unknown", channel=letter.channel, reason=str(error))
        await change(_unknown)
    except Exception as error:
        log.warning("notification.failed", channel=letter.channel, exc_info=True)
        seconds = error.retry_after_seconds if isinstance(error, Busy) else None
        await change(partial(_try_again, at_least=timedelta(seconds=seconds or 0)))
    else:
        await change(partial(_sent, provider_id=provider_id))


async def _letter(scope: Scope, delivery: NotificationDelivery) -> Letter | DeliveryReason:
    """Returns what to send, or why it isn't sent."""
    booking = None
    if delivery.booking_id is not None:
        of_it = bookings_of(scope.tenant_id).where(col(Booking.id) == delivery.booking_id)
        booking = await scope.one(of_it)
    kind, channel = NotificationKind(delivery.kind), Channel(delivery.channel)
    if booking is not None and _is_outdated(kind, booking, scope):
        return DeliveryReason.OUTDATED
    recipient = await recipient_of(scope, delivery, booking)
    address = recipient.address(channel) if recipient else None
    if recipient is None or address is None:
        return DeliveryReason.NO_ADDRESS
    hashed = address_hash(scope.tenant_id, channel, address)
    if await scope.one(bounced(scope.tenant_id, hashed)) is not None:
        return DeliveryReason.BOUNCED
    if channel is Channel.SMS and await _is_stopped(scope, address):
        return DeliveryReason.OPTED_OUT
    return await written(scope, delivery, recipient, booking, address)


async def _is_stopped(scope: Scope, address: str) -> bool:
    tenant = await own_tenant(scope)
    number = e164(address, time_zone=tenant.time_zone)
    return number is not None and await is_stopped(scope, number)


def _is_outdated(kind: NotificationKind, booking: Booking, scope: Scope) -> bool:
    """Returns whether what it is about has come, or is gone."""
    is_closed = Status(booking.status) in _CLOSED
    match kind:
        case NotificationKind.BOOKING_REMINDER:
            return booking.starts_at <= scope.now() or is_closed
        case NotificationKind.WAITLIST_OFFERED:
            return status(scope, booking) is not Status.HELD
        # Their calendar entry would bring back a booking that was cancelled meanwhile.
        case (
            NotificationKind.BOOKING_REQUESTED
            | NotificationKind.BOOKING_CONFIRMED
            | NotificationKind.BOOKING_CHANGED
        ):
            return is_closed
        case _:
            return False


# ------------------------------------------------------------------------------ what becomes of it


async def _change(runtime: Runtime, system: Actor, id: UUID, step: Step) -> DeliveryState:
    """Changes a delivery, and returns its state."""

    async def under_lock(scope: Scope) -> DeliveryState:
        await scope.lock(("delivery", id))
        delivery = await scope.one(delivery_of(scope.tenant_id, id))
        assert delivery is not None, "only old ones are removed"
        await step(scope, delivery)
        delivery.updated_at = scope.now()
        return DeliveryState(delivery.state)

    return (await perform(runtime, system, Request(new_id()), under_lock)).result


async def _begin(scope: Scope, delivery: NotificationDelivery, *, letter: Letter) -> None:
    if delivery.state != DeliveryState.QUEUED.value:
        return
    is_first_sms = letter.channel is Channel.SMS and not delivery.attempts
    if is_first_sms and not await count_sms(scope, await own_tenant(scope)):
        await _suppress(scope, delivery, reason=DeliveryReason.CAP)
        return
    delivery.state = DeliveryState.SENDING.value
    delivery.attempts += 1
    delivery.address_hash = address_hash(scope.tenant_id, letter.channel, letter.address)


async def _store_in_inbox(scope: Scope, delivery: NotificationDelivery, *, letter: Letter) -> None:
    if delivery.state != DeliveryState.QUEUED.value:
        return
    await add_to_inbox(
        scope,
        user_id=UUID(letter.address),
        kind=letter.kind,
        title=letter.content.subject,
        body=letter.content.text,
        booking_id=letter.booking_id,
        key=letter.id,
    )
    delivery.attempts += 1
    delivery.state, delivery.sent_at = DeliveryState.SENT.value, scope.now()


async def _suppress(_: Scope, delivery: NotificationDelivery, *, reason: DeliveryReason) -> None:
    if delivery.state == DeliveryState.QUEUED.value:
        delivery.state, delivery.reason = DeliveryState.SUPPRESSED.value, reason.value


async def _sent(scope: Scope, delivery: NotificationDelivery, *, provider_id: str | None) -> None:
    # It may be UNKNOWN by now, if another worker took this one for dead; or the provider has
    # reported meanwhile that it can't deliver it.
    delivery.provider_id = provider_id
    if delivery.state != DeliveryState.FAILED.value:
        delivery.state, delivery.sent_at = DeliveryState.SENT.value, scope.now()


async def _fail(_: Scope, delivery: NotificationDelivery, *, reason: DeliveryReason) -> None:
    delivery.state, delivery.reason = DeliveryState.FAILED.value, reason.value


async def _unknown(_: Scope, delivery: NotificationDelivery) -> None:
    if delivery.state == DeliveryState.SENDING.value:
        delivery.state = DeliveryState.UNKNOWN.value


async def _try_again(scope: Scope, delivery: NotificationDelivery, *, at_least: timedelta) -> None:
    """Enqueues another attempt, unless this was the last one."""
    pause = pause_after(delivery.attempts)
    if pause is None:
        await _fail(scope, delivery, reason=DeliveryReason.GAVE_UP)
        return
    delivery.state = DeliveryState.QUEUED.value
    at = scope.now() + max(pause, at_least)
    scope.enqueue(DELIVERY_JOB, {"id": str(delivery.id)}, at=at)
