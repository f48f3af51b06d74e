"""Makes the files of calendar feeds, if their creators may still read what is in them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlmodel import col

from domain.bookings.calendar_feeds import (
    END,
    FeedDetail,
    FeedEntry,
    calendar_head,
    event,
    feed_window,
)
from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval
from kit.actor import ANONYMOUS, Request
from kit.errors import Forbidden, Unavailable
from kit.postgres.failures import is_away
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.tokens import TenantToken
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.bookings.calendar_feeds import (
    CalendarFeed,
    at_room,
    feed_entries,
    feed_times,
    last_change,
    open_feed_with,
)
from models.venue.rooms import Room
from permissions.policy import may
from permissions.roles import P
from resolvers.accounts.authentication import actor_of_creator
from resolvers.bookings.booking_access import visible_bookings
from resolvers.bookings.calendar_feeds import lacking_permission
from resolvers.tenants.tenants import own_tenant
from resolvers.venue.rooms import visible_rooms

MAX_ENTRIES: Final = 50_000
"""The most bookings of a feed, about 15 MB; the earliest ones beyond it are left out."""
BATCH: Final = 1_000
# Part of each ETag: raise it whenever the same bookings make another file.
_FORMAT: Final = 1
# Looked for if the secret is malformed, so that this takes as long as an unknown one.
_NOBODY: Final = UUID(int=0)


class FeedUnknown(Exception):
    """There is no such feed, or it is revoked."""


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A feed's file: ``parts`` are None if the reader has it already."""

    etag: str
    parts: list[bytes] | None
    entries: int


async def read_feed(
    runtime: Runtime, request: Request, secret: str, *, is_known: Callable[[str], bool]
) -> FeedFile:
    """Returns the file of a feed, without content if the reader knows its ETag.

    All of it, not a stream: a slow reader would hold a connection to the database. Raises
    FeedUnknown, Forbidden if the feed's creator may no longer read what is in it, and Unavailable.
    """
    token = TenantToken.parse(secret) or TenantToken(_NOBODY, secret)
    scope = Scope(runtime, ANONYMOUS, request)
    try:
        await scope.enter(token.tenant_id)
        feed = await scope.one(open_feed_with(token.tenant_id, token.hash))
        if feed is None:
            raise FeedUnknown
        creator = await actor_of_creator(scope, feed.created_by_id, feed.created_by_key_id)
        if creator is None or lacking_permission(creator, feed.customer_id) is not None:
            raise Forbidden("The creator of this feed may no longer read what is in it.")
        return await _file(scope.as_actor(creator), feed, is_known)
    except Exception as error:
        if is_away(error):
            raise Unavailable("The service is unavailable; try again in a moment.") from error
        raise
    finally:
        await scope.close()


async def _file(scope: Scope, feed: CalendarFeed, is_known: Callable[[str], bool]) -> FeedFile:
    window = feed_window(scope.now())
    names = may(scope.actor, P.CUSTOMERS_READ)
    (place,) = await scope.rows(last_change(scope.tenant_id))
    etag = _etag(feed.id, window.start.date(), names, *place)
    if is_known(etag):
        return FeedFile(etag, None, 0)
    room = None
    bookings = visible_bookings(scope)
    if feed.room_id is not None:
        (room,) = await scope.all(visible_rooms(scope).where(col(Room.id) == feed.room_id))
        bookings = bookings.where(at_room(room))
    if feed.customer_id is not None:
        bookings = bookings.where(col(Booking.customer_id) == feed.customer_id)
    venue = (await own_tenant(scope)).name
    is_full = feed.detail == FeedDetail.FULL.value
    select = feed_entries if is_full else feed_times
    statement = select(bookings, window, limit=MAX_ENTRIES)
    titles = _Titles(venue, of_customer=feed.customer_id is not None, with_names=names)
    parts = [calendar_head(f"{room.name}, {venue}" if room else venue).encode()]
    entries, turn, stamp = 0, TimeSlice(), scope.now()
    async for rows in scope.fetch_batches(statement, size=BATCH):
        entries += len(rows)
        lines = []
        for row in rows:
            lines.append(_event(row, titles if is_full else None, stamp))
            if turn.is_over:
                await turn.give_way()
        parts.append("".join(lines).encode())
    return FeedFile(etag, [*parts, END.encode()], entries)


@dataclass(frozen=True, slots=True)
class _Titles:
    """How events are called: after their customers, or after the venue in a customer's own feed."""

    venue: str
    of_customer: bool
    with_names: bool

    def of(self, row: Any) -> str:
        if self.of_customer:
            return self.venue
        named = row["customer"] if self.with_names else None
        return named or f"Booking {row['reference']}"


def _event(row: Any, titles: _Titles | None, stamp: datetime) -> str:
    time = Interval(row["starts_at"], row["ends_at"])
    entry = None if titles is None else _entry(row, titles)
    return event(row["id"], time, version=row["version"], stamp=stamp, entry=entry)


def _entry(row: Any, titles: _Titles) -> FeedEntry:
    told = [f"Reference: {row['reference']}", f"Guests: {row['party_size']}", row["note"] or ""]
    return FeedEntry(
        titles.of(row),
        location=row["rooms"],
        description="\n".join(told).strip(),
        status=Status(row["status"]),
        changed_at=row["updated_at"],
    )


def _etag(*facts: object) -> str:
    told = "|".join(str(each) for each in (_FORMAT, *facts))
    return f'"{sha256(told.encode()).hexdigest()[:32]}"'
