"""Deliveries of notifications: makes them once for each cause, and lists them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from sqlalchemy import Select, false
from typing_extensions import Doc

from domain.core.ids import NotificationDeliveryId
from domain.core.refusals import Invalid
from domain.notifications.deliveries import DeliveryReason, DeliveryState
from domain.notifications.kinds import Channel, NotificationKind
from kit.ids import new_id
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.notifications.deliveries import (
    DeliveryFilter,
    NotificationDelivery,
    deliveries_matching,
    deliveries_of,
    inserted_once,
)
from models.notifications.opt_outs import opt_outs_of
from models.notifications.push_subscriptions import users_with_browsers
from models.notifications.settings import NotificationSettings
from permissions.policy import may
from permissions.roles import P
from resolvers.core.lookups import get_or_refuse
from resolvers.notifications.recipients import Recipient

DELIVERY_JOB: Final = "notification"


@dataclass(frozen=True, slots=True)
class Notice:
    """What recipients are to be told: a kind, its cause, and what the text needs besides.

    It is sent not before ``at``, if given, and not at all if it is ``withheld``.
    """

    kind: NotificationKind
    cause: str
    booking_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    withheld: DeliveryReason | None = None


def visible_deliveries(scope: Scope) -> Select[NotificationDelivery]:
    """Selects the deliveries that the caller may see: all or none."""
    deliveries = deliveries_of(scope.tenant_id)
    return deliveries if may(scope.actor, P.NOTIFICATIONS_READ) else deliveries.where(false())


def notification_deliveries(
    scope: Scope,
    *,
    filter: Annotated[
        DeliveryFilter | None, Doc("Which deliveries to return; all by default.")
    ] = None,
) -> Listing[NotificationDelivery]:
    """The notifications of the last 90 days and what became of them, newest first.

    Their texts and addresses aren't kept.
    """
    deliveries = deliveries_matching(visible_deliveries(scope), filter)
    order = (Order(NotificationDelivery.created_at, descending=True),)
    return Listing(NotificationDelivery, deliveries, order)


async def resend_notification(
    scope: Scope, id: Annotated[NotificationDeliveryId, Doc("The id of the delivery.")]
) -> NotificationDelivery:
    """Send a notification again, as a delivery of its own: with the booking, the text and the
    address of now.

    One that waits, or is being sent, is refused. What its recipient has opted out of isn't sent,
    nor what goes to an address that takes no messages, and the limits by the hour hold.
    """
    await scope.lock(("delivery", id))
    earlier = await get_or_refuse(scope, visible_deliveries(scope), id, what="delivery")
    if earlier.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
        raise Invalid("The notification is on its way already.", path=("id",))
    again = scope.add(
        NotificationDelivery(
            tenant_id=scope.tenant_id,
            kind=earlier.kind,
            channel=earlier.channel,
            cause=f"again {new_id()}",
            recipient_id=earlier.recipient_id,
            customer_id=earlier.customer_id,
            user_id=earlier.user_id,
            booking_id=earlier.booking_id,
            details=earlier.details,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
    recipient = earlier.customer_id or earlier.user_id
    assert recipient is not None
    opted_out = await scope.all(opt_outs_of(scope.tenant_id, [recipient]))
    if any((each.kind, each.channel) == (again.kind, again.channel) for each in opted_out):
        again.state = DeliveryState.SUPPRESSED.value
        again.reason = DeliveryReason.OPTED_OUT.value
    else:
        scope.enqueue(DELIVERY_JOB, {"id": str(again.id)})
    return again


async def make_deliveries(
    scope: Scope,
    settings: NotificationSettings,
    notice: Notice,
    recipients: Sequence[Recipient],
    *,
    channels: Sequence[Channel] = tuple(Channel),
) -> None:
    """Stores a notice for each recipient by each channel that is on, and enqueues its job.

    What was stored for the same cause already is left as it is. Nothing is stored of recipients
    without an account or a browser.
    """
    wanted = [each for each in channels if settings.sends(notice.kind, each)]
    if not wanted or not recipients:
        return
    opted_out = {
        (each.customer_id or each.user_id, each.channel)
        for each in await scope.all(opt_outs_of(scope.tenant_id, [one.id for one in recipients]))
        if each.kind == notice.kind
    }
    with_browsers = await _with_browsers(scope, recipients) if Channel.PUSH in wanted else set()
    rows = []
    for recipient in recipients:
        for channel in wanted:
            address = recipient.address(channel)
            if channel is Channel.PUSH and recipient.account_id not in with_browsers:
                continue
            if channel is Channel.IN_APP and address is None:
                continue
            reason = notice.withheld
            if (recipient.id, channel) in opted_out:
                reason = DeliveryReason.OPTED_OUT
            elif address is None:
                reason = DeliveryReason.NO_ADDRESS
            rows.append(_row(scope, notice, recipient, channel, reason))
    if not rows:
        return
    made = {*(await scope.run(inserted_once(rows))).scalars()}
    for row in rows:
        if row["id"] in made and row["reason"] is None:
            scope.enqueue(DELIVERY_JOB, {"id": str(row["id"])}, at=notice.at)


async def _with_browsers(scope: Scope, recipients: Sequence[Recipient]) -> set[UUID]:
    accounts = [each.account_id for each in recipients if each.account_id is not None]
    return {*await scope.all(users_with_browsers(scope.tenant_id, accounts))} if accounts else set()


def _row(
    scope: Scope,
    notice: Notice,
    recipient: Recipient,
    channel: Channel,
    reason: DeliveryReason | None,
) -> dict[str, Any]:
    state = DeliveryState.QUEUED if reason is None else DeliveryState.SUPPRESSED
    return {
        "tenant_id": scope.tenant_id,
        "id": new_id(),
        "kind": notice.kind.value,
        "channel": channel.value,
        "state": state.value,
        "reason": None if reason is None else reason.value,
        "cause": notice.cause,
        "recipient_id": recipient.id,
        "customer_id": recipient.id if recipient.is_customer else None,
        "user_id": None if recipient.is_customer else recipient.id,
        "booking_id": notice.booking_id,
        "details": dict(notice.details) or None,
        "attempts": 0,
        "created_at": scope.now(),
        "updated_at": scope.now(),
    }
