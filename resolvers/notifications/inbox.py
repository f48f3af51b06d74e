"""Inboxes: what users are told in the app itself."""

from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import InboxEntryId
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid, NotFound
from domain.notifications.kinds import NotificationKind
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.notifications.inbox import (
    InboxEntry,
    entries_read,
    entry_added,
    inbox_of,
    unread_in,
)
from permissions.policy import own_user_id

MAX_MARKED: Final = 100


def visible_inbox(scope: Scope) -> Select[InboxEntry]:
    """Selects the entries of the caller's own inbox."""
    return inbox_of(scope.tenant_id, scope.actor.user_id)


def inbox(
    scope: Scope,
    *,
    unread_only: Annotated[bool, Doc("Whether to leave out entries that were read.")] = False,
) -> Listing[InboxEntry]:
    """The caller's own inbox, newest entries first. Entries are kept for 90 days.

    With `unreadOnly`, its `totalCount` is the number of unread entries.
    """
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
    if entry_ids is not None and len(entry_ids) > MAX_MARKED:
        raise Invalid(f"Mark at most {MAX_MARKED} entries at once.", path=("entry_ids",))
    await scope.lock(("inbox", user_id))
    if entry_ids is not None:
        known = await scope.all(visible_inbox(scope).where(col(InboxEntry.id).in_(entry_ids)))
        if len(known) < len({*entry_ids}):
            raise NotFound("inbox entry", path=("entry_ids",))
    marked = await scope.run(entries_read(scope.tenant_id, user_id, entry_ids, now=scope.now()))
    if marked.rowcount:
        _emit(scope, user_id)
    return int(await scope.value(unread_in(scope.tenant_id, user_id)))


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


async def kind_of(_: Scope, entry: InboxEntry) -> NotificationKind:
    """What the entry is about."""
    return NotificationKind(entry.kind)


def _emit(scope: Scope, user_id: UUID) -> None:
    scope.emit(Event(EventType.INBOX_CHANGED, "User", user_id))
