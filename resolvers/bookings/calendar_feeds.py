"""Calendar feeds: creates, lists and revokes them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Final

from sqlalchemy import Select
from typing_extensions import Doc

from domain.bookings.calendar_feeds import FeedDetail
from domain.core.ids import CalendarFeedId, CustomerId, RoomId
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid, LimitReached
from kit.actor import Actor
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from kit.security.tokens import TenantToken
from models.bookings.calendar_feeds import CalendarFeed, calendar_feeds_of, open_feeds_counted
from models.core.base import snapshot
from permissions.policy import may_for_every_row, refusal
from permissions.roles import P, Permission
from resolvers.core.lookups import get_or_refuse
from resolvers.customers.customers import visible_customers
from resolvers.venue.rooms import visible_rooms

FEEDS: Final = "/feeds"
"""The path of the server below which calendar feeds are."""
MAX_FEEDS: Final = 200
"""The most feeds of a tenant; revoked ones don't count."""


@dataclass(frozen=True, slots=True)
class NewCalendarFeed:
    """A new feed with its address, which can't be retrieved later."""

    feed: CalendarFeed
    url: str = field(repr=False)


def visible_calendar_feeds(scope: Scope) -> Select[CalendarFeed]:
    return calendar_feeds_of(scope.tenant_id)


def calendar_feeds(scope: Scope) -> Listing[CalendarFeed]:
    """The calendar feeds of the venue, newest first, including revoked ones."""
    order = (Order(CalendarFeed.created_at, descending=True),)
    return Listing(CalendarFeed, visible_calendar_feeds(scope), order)


async def create_calendar_feed(
    scope: Scope,
    *,
    detail: Annotated[FeedDetail, Doc("How much the feed shows of each booking.")],
    room_id: Annotated[
        RoomId | None,
        Doc("The room to whose bookings the feed is limited, with those of its parts."),
    ] = None,
    customer_id: Annotated[
        CustomerId | None,
        Doc("The customer to whose bookings the feed is limited. Not together with `roomId`."),
    ] = None,
) -> NewCalendarFeed:
    """Create an address from which calendars can read bookings: those of a room, of a customer, or
    all. A venue can have at most 200 feeds that aren't revoked.

    Requires `bookings:read`, and `customers:read` for a customer's feed. The address is returned
    only once. It works without credentials, so treat it as a secret. It shows bookings that start
    from 90 days before today to 400 days after, and only what the user or API key that created the
    feed can read at the time.
    """
    lacking = lacking_permission(scope.actor, of_customer=customer_id is not None)
    if lacking is not None:
        raise refusal(scope.actor, lacking)
    if room_id is not None and customer_id is not None:
        raise Invalid("Choose a room or a customer, not both.", path=("customer_id",))
    await scope.lock(("calendar feeds",))
    if room_id is not None:
        await get_or_refuse(scope, visible_rooms(scope), room_id, what="room", path=("room_id",))
    if customer_id is not None:
        customers, path = visible_customers(scope), ("customer_id",)
        await get_or_refuse(scope, customers, customer_id, what="customer", path=path)
    used = await scope.value(open_feeds_counted(scope.tenant_id))
    if used >= MAX_FEEDS:
        raise LimitReached("calendar feeds", limit=MAX_FEEDS, used=used)
    token = TenantToken.new(scope.tenant_id)
    new = scope.add(
        CalendarFeed(
            tenant_id=scope.tenant_id,
            room_id=room_id,
            customer_id=customer_id,
            detail=detail.value,
            secret_hash=token.hash,
            created_by_id=scope.actor.user_id,
            created_by_key_id=scope.actor.key_id,
            created_at=scope.now(),
        )
    )
    scope.emit(Event(EventType.CALENDAR_FEED_CREATED, "CalendarFeed", new.id, after=snapshot(new)))
    return NewCalendarFeed(new, f"{FEEDS}/{token}.ics")


async def revoke_calendar_feed(
    scope: Scope, id: Annotated[CalendarFeedId, Doc("The id of the feed.")]
) -> CalendarFeed:
    """Revoke a calendar feed, for good: its address stops working at once.

    Calendars keep what they have read before until they find that out.
    """
    await scope.lock(("calendar feed", id))
    feed = await get_or_refuse(scope, visible_calendar_feeds(scope), id, what="calendar feed")
    if feed.revoked_at is None:
        before = snapshot(feed)
        feed.revoked_at = scope.now()
        scope.emit(
            Event(
                EventType.CALENDAR_FEED_REVOKED,
                "CalendarFeed",
                feed.id,
                before=before,
                after=snapshot(feed),
            )
        )
    return feed


async def detail_of(_: Scope, feed: CalendarFeed) -> FeedDetail:
    """How much the feed shows of each booking."""
    return FeedDetail(feed.detail)


def lacking_permission(actor: Actor, *, of_customer: bool) -> Permission | None:
    """Returns a permission for a feed that the actor lacks, or None."""
    return next(
        (each for each in _needed(of_customer) if not may_for_every_row(actor, each, False)), None
    )


def _needed(of_customer: bool) -> Iterator[Permission]:
    yield P.FEEDS_WRITE
    yield P.BOOKINGS_READ
    if of_customer:
        yield P.CUSTOMERS_READ
