"""The caller's inbox, and the browsers that get their pushes."""

from datetime import datetime
from typing import Annotated

import strawberry

import models
from domain.core.log_events import EventType as E
from domain.notifications.kinds import NotificationKind
from kit.events.event_cursors import EventCursor
from kit.scope import Scope
from models.audit import sql_fields as log_fields
from permissions.roles import P
from resolvers.audit import log_position
from resolvers.notifications import inbox, push_subscriptions
from schema.bookings.bookings import Booking
from schema.bookings.subscriptions import ResyncRequired
from schema.core.connections import Connection, View, connection
from schema.core.fields import Node, column, computed, node, query, subscription, value
from schema.core.mutations import deleted_id, mutation, payload
from schema.notifications import kinds  # noqa: F401 - describes the enums
from subscriptions import inbox_changes


@node(models.InboxEntry, visible=inbox.visible_inbox, requires=P.MEMBER)
class InboxEntry(Node):
    """A notification in the app itself, kept for 90 days."""

    kind: NotificationKind = computed(inbox.kind_of, sql=lambda _, entry: entry.kind)
    title: str = column("The title, in the user's language.")
    body: str = column("The text, in the user's language. It can have several lines.")
    booking: Booking | None = computed(inbox.booking_of)
    created_at: datetime = column("When it was added.")
    read_at: datetime | None = column("When it was marked as read, or null if it wasn't.")


async def _event_cursor(scope: Scope, _: View) -> str:
    """Pass it as `after` to `inboxChanged` to receive all later changes."""
    return await log_position.event_cursor(scope)


async def _unread_count(scope: Scope, _: View) -> int:
    """The number of unread entries of the whole inbox."""
    return int(await scope.value(inbox.unread_of_caller(scope)))


@strawberry.type(description="One page of an inbox.")
class InboxConnection(Connection[InboxEntry]):
    unread_count: int = computed(
        _unread_count,
        "The number of unread entries of the whole inbox, whatever this list leaves out.",
        sql=lambda scope, _: inbox.unread_of_caller(scope).scalar_subquery(),
    )
    event_cursor: EventCursor = computed(
        _event_cursor,
        "Pass it as `after` to `inboxChanged` to receive all later changes. Some may already be "
        "in this list. Compare cursors only for equality.",
        sql=log_fields.event_cursor,
    )


@node(
    models.PushSubscription,
    visible=push_subscriptions.visible_push_subscriptions,
    requires=P.MEMBER,
)
class PushSubscription(Node):
    """A browser that gets the caller's pushes."""

    created_at: datetime = column("When the browser was registered.")


@strawberry.type
class InboxQueries:
    inbox: InboxConnection | None = connection(inbox.inbox, requires=P.MEMBER)
    push_public_key: str | None = query(push_subscriptions.push_public_key, requires=P.MEMBER)


@payload
class MarkInboxReadPayload:
    """The result of `markInboxRead`."""

    unread_count: int | None


@payload
class RegisterPushSubscriptionPayload:
    """The result of `registerPushSubscription`."""

    push_subscription: PushSubscription | None


@payload
class RemovePushSubscriptionPayload:
    """The result of `removePushSubscription`."""

    deleted_id: strawberry.ID | None = deleted_id("PushSubscription")


@strawberry.type
class InboxMutations:
    mark_inbox_read: MarkInboxReadPayload | None = mutation(
        inbox.mark_inbox_read,
        requires=P.MEMBER,
        emits=[E.INBOX_CHANGED],
        input_required=False,
    )
    register_push_subscription: RegisterPushSubscriptionPayload | None = mutation(
        push_subscriptions.register_push_subscription,
        requires=P.MEMBER,
        emits=[E.PUSH_SUBSCRIPTION_ADDED],
    )
    remove_push_subscription: RemovePushSubscriptionPayload | None = mutation(
        push_subscriptions.remove_push_subscription,
        requires=P.MEMBER,
        emits=[E.PUSH_SUBSCRIPTION_REMOVED],
    )


@value(inbox_changes.InboxChanged)
class InboxChanged:
    """A change of the caller's inbox: entries were added, or read on another device."""

    cursor: EventCursor = column("Subscribe with it as `after` to continue after this event.")
    at: datetime = column("When it happened.")
    added: list[InboxEntry] = column(
        "The added entries; empty if entries were read. An entry can arrive twice."
    )
    unread_count: int = column("The number of unread entries now.")


InboxEvent = Annotated[
    InboxChanged | ResyncRequired,
    strawberry.union(
        "InboxEvent",
        description="A change of the caller's inbox, or a request to fetch it again.",
    ),
]


@strawberry.type
class InboxSubscriptions:
    inbox_changed: InboxEvent = subscription(inbox_changes.inbox_changed, requires=P.MEMBER)
