"""Inboxes: what users are told in the app itself."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import InboxEntryId
from domain.core.log_events import Event, EventType
from domain.core.refusals import NotFound
from domain.notifications.kinds import NotificationKind
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.notifications.inbox import (
    InboxEntry,
    entries_read,
    entry_added,
    inbox_of,
    unread_in,
)
from permissions.policy import may, own_user_id
from permissions.roles import P


def visible_inbox(scope: Scope) -> Select[InboxEntry]:
    """Selects the entries of the caller's own inbox."""
    return inbox_of(scope.tenant_id, scope.actor.user_id)


def unread_of_caller(scope: Scope) -> Select[int]:
    """Counts the unread entries of the caller's own inbox."""
    return unread_in(scope.tenant_id, scope.actor.user_id)


def inbox(
    scope: Scope,
    *,
    unread_only: Annotated[bool, Doc("Whether to leave out entries that were read.")] = False,
) -> Listing[InboxEntry]:
    """The caller's own inbox, newest entries first. Entries are kept for 90 days."""
    entries = visible_inbox(scope)
    if unread_only:
        entries = entries.where(col(InboxEntry.read_at).is_(None))
    return Listing(InboxEntry, entries, (Order(InboxEntry.created_at, descending=True),))


async def mark_inbox_read(
    scope: Scope,
    *,
    entry_ids: Annotated[
        tuple[InboxEntryId, ...] | None,
        Doc("The entries to mark, at most 100. All entries by default."),
    ] = None,
) -> int:
    """Mark entries of the caller's own inbox as read."""
    user_id = own_user_id(scope.actor)
    await scope.lock(("inbox", user_id))
    if entry_ids is not None:
        known = await scope.all(visible_inbox(scope).where(col(InboxEntry.id).in_(entry_ids)))
        if len(known) < len({*entry_ids}):
            raise NotFound("inbox entry", path=("entry_ids",))
    marked = await scope.run(entries_read(scope.tenant_id, user_id, entry_ids, now=scope.now()))
    if marked.rowcount:
        _emit(scope, user_id)
    return await unread_count(scope, user_id)


async def add_to_inbox(
    scope: Scope,
    *,
    user_id: UUID,
    kind: NotificationKind,
    title: str,
    body: str,
    booking_id: UUID | None,
    key: UUID,
) -> None:
    """Adds an entry to a user's inbox, unless one was added with this ``key``."""
    added = await scope.value(
        entry_added(
            tenant_id=scope.tenant_id,
            id=key,
            user_id=user_id,
            kind=kind.value,
            title=title,
            body=body,
            booking_id=booking_id,
            created_at=scope.now(),
        )
    )
    if added is not None:
        _emit(scope, user_id)


async def added_at(
    scope: Scope, user_id: UUID, instants: Collection[datetime]
) -> Sequence[InboxEntry]:
    """Returns the entries that were added to a user's inbox at some instants, oldest first.

    An event has the instant of its change, and so have the entries that the change has added.
    """
    added = inbox_of(scope.tenant_id, user_id).where(col(InboxEntry.created_at).in_(instants))
    return await scope.all(added.order_by(col(InboxEntry.created_at), col(InboxEntry.id)))


async def unread_count(scope: Scope, user_id: UUID) -> int:
    """Returns the number of a user's unread entries."""
    return int(await scope.value(unread_in(scope.tenant_id, user_id)))


async def kind_of(_: Scope, entry: InboxEntry) -> NotificationKind:
    """What the entry is about."""
    return NotificationKind(entry.kind)


async def booking_of(scope: Scope, entry: InboxEntry) -> Booking | None:
    """The booking that it is about, or null if it is about none or the caller can't see it."""
    booking: Booking | None = await scope.loaders.related(entry, "booking")
    return booking if may(scope.actor, P.BOOKINGS_READ, booking) else None


def _emit(scope: Scope, user_id: UUID) -> None:
    scope.emit(Event(EventType.INBOX_CHANGED, "User", user_id))
