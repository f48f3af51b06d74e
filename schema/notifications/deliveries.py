"""Deliveries of notifications: what was sent to whom, and what became of it."""

from datetime import datetime

import strawberry

import models
from domain.notifications.deliveries import DeliveryReason, DeliveryState
from models.notifications.deliveries import DeliveryFilter
from permissions.roles import P
from resolvers.notifications import deliveries
from schema.accounts.users import User
from schema.bookings.bookings import Booking
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, node, related
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload
from schema.customers.customers import Customer
from schema.notifications.kinds import Channel, NotificationKind

describe(
    DeliveryState,
    "What has become of a notification for one recipient by one channel.",
    name="NotificationDeliveryStatus",
    QUEUED="It is sent soon, or tried again.",
    SENDING="It is being handed over to the provider.",
    SENT="The provider has taken it, or it is in the recipient's inbox.",
    FAILED="It can't be delivered; see `reason`.",
    UNKNOWN="The provider may have taken it: the connection or the server broke off. It isn't sent "
    "again, as it could arrive twice.",
    SUPPRESSED="It wasn't sent; see `reason`.",
)
describe(
    DeliveryReason,
    "Why a notification wasn't sent. Expect values to be added.",
    name="NotificationDeliveryReason",
    OPTED_OUT="The recipient has opted out of this kind by this channel.",
    NO_ADDRESS="The recipient has no address for this channel.",
    COMPLAINED="The recipient has called it unwanted: nothing is sent to the address any more.",
    BOUNCED="The recipient's address or number doesn't take messages, now or earlier in the last "
    "90 days.",
    QUIET_HOURS="The booking starts before the quiet hours end.",
    CAP="The recipient gets too many an hour, or the plan's SMS of this month are used up.",
    OUTDATED="It was no longer true when it was to be sent.",
    REFUSED="The provider refused it.",
    GAVE_UP="The provider couldn't be reached for hours.",
)
input_type(
    DeliveryFilter,
    "Which deliveries to return. Deliveries must match all fields that are given.",
    name="DeliveryFilter",
    statuses="Match any of these statuses.",
    kinds="Match any of these kinds.",
    channels="Match any of these channels.",
    booking_id="Match deliveries about these bookings. Requires `bookings:read`.",
    customer_id="Match deliveries to these customers. Requires `customers:read`.",
    user_id="Match deliveries to this user of the team. Requires `users:read`.",
    created_at="Match deliveries that were made in this period.",
)


@node(
    models.NotificationDelivery,
    visible=deliveries.visible_deliveries,
    requires=P.NOTIFICATIONS_READ,
)
class NotificationDelivery(Node):
    """A notification for one recipient by one channel, without its text and address."""

    kind: NotificationKind = column("What it is about.")
    channel: Channel = column("The channel that brings it.")
    status: DeliveryState = column("What has become of it.", name="state")
    reason: DeliveryReason | None = column(
        "Why it was SUPPRESSED or has FAILED, or COMPLAINED; otherwise null."
    )
    attempt_count: int = column("How often the provider was called.", name="attempts")
    provider_id: str | None = column(
        "The provider's id of the message, such as the Message-ID of a mail, or null if there is "
        "none."
    )
    customer: Customer | None = related(
        "The customer it is for, or null if it is for the team.", requires=P.CUSTOMERS_READ
    )
    user: User | None = related(
        "The user of the team it is for, or null if it is for a customer.", requires=P.USERS_READ
    )
    booking: Booking | None = related(
        "The booking it is about, or null if it is about none.", requires=P.BOOKINGS_READ
    )
    created_at: datetime = column("When it was made.")
    updated_at: datetime = column("When its status last changed.")
    sent_at: datetime | None = column("When it was SENT, or null if it wasn't.")
    delivered_at: datetime | None = column(
        "When the provider reported that it has arrived, or null if it hasn't: only SMS have such "
        "receipts."
    )


@strawberry.type
class NotificationDeliveryQueries:
    notification_deliveries: Connection[NotificationDelivery] | None = connection(
        deliveries.notification_deliveries, requires=P.NOTIFICATIONS_READ
    )


@payload
class ResendNotificationPayload:
    """The result of `resendNotification`."""

    delivery: NotificationDelivery | None


@strawberry.type
class NotificationDeliveryMutations:
    resend_notification: ResendNotificationPayload | None = mutation(
        deliveries.resend_notification, requires=P.NOTIFICATIONS_WRITE
    )
