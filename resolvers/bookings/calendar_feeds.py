"""Calendar feeds: creates, lists and revokes them."""

from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import Select, false
from sqlmodel import col
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
from permissions.policy import grant_of, may_for_every_row, only_own, refusal
from permissions.roles import GrantScope, P, Permission
from resolvers.core.lookups import get_or_refuse
from resolvers.customers.customers import visible_customers
from resolvers.venue.rooms import visible_rooms

FEEDS: Final = "/feeds"
"""The path of the server below which calendar feeds are."""
MAX_FEEDS: Final = 200
"""The most feeds of a venue's team; revoked ones don't count."""
MAX_OWN_FEEDS: Final = 5
"""The most feeds of a customer who logs in."""


@dataclass(frozen=True, slots=True)
class NewCalendarFeed:
    """A new feed with its address, which can't be retrieved later."""

    feed: CalendarFeed
    url: str = field(repr=False)


def visible_calendar_feeds(scope: Scope) -> Select[CalendarFeed]:
    """Selects the feeds that the caller may see: all, those they have created, or none."""
    feeds = calendar_feeds_of(scope.tenant_id)
    match grant_of(scope.actor, P.FEEDS_READ):
        case GrantScope.ANY:
            return feeds
        case GrantScope.OWN:
            return feeds.where(col(CalendarFeed.created_by_id) == scope.actor.user_id)
        case None:
            return feeds.where(false())


def calendar_feeds(scope: Scope) -> Listing[CalendarFeed]:
    """The calendar feeds of the venue, newest first, including revoked ones. A customer who calls
    sees only those that they have created.
    """
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
    all. The venue's team can have at most 200 feeds that aren't revoked. A customer who calls can
    have 5, of their own bookings.

    Requires `bookings:read`, and `customers:read` for a customer's feed. The address is returned
    only once. It works without credentials, so treat it as a secret. It shows bookings that start
    from 90 days before today to 400 days after, and only what the user or API key that created the
    feed can read at the time.
    """
    lacking = lacking_permission(scope.actor, customer_id)
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
    own = only_own(scope.actor, P.FEEDS_WRITE)
    limit, whose = (MAX_OWN_FEEDS, scope.actor.user_id) if own else (MAX_FEEDS, None)
    used = await scope.value(open_feeds_counted(scope.tenant_id, customer_user_id=whose))
    if used >= limit:
        raise LimitReached("calendar feeds", limit=limit, used=used)
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


def lacking_permission(actor: Actor, customer_id: UUID | None) -> Permission | None:
    """Returns a permission for a feed of all bookings, or a customer's, that the actor lacks."""
    needed = [P.FEEDS_WRITE, P.BOOKINGS_READ]
    if customer_id is not None:
        needed.append(P.CUSTOMERS_READ)
    own = customer_id is not None and customer_id == actor.own_id
    return next((each for each in needed if not may_for_every_row(actor, each, own)), None)
