"""Calendar feeds: secret addresses from which calendars read bookings."""

from datetime import datetime

import strawberry

import models
from domain.bookings.calendar_feeds import FeedDetail
from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.bookings import calendar_feeds
from schema.accounts.users import User
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, related
from schema.core.mutations import mutation, payload
from schema.customers.customers import Customer
from schema.venue.rooms import Room

describe(
    FeedDetail,
    "How much a calendar feed shows of each booking.",
    BUSY="The times alone, each as 'Busy'.",
    FULL="Also the rooms, the customer's name, the reference, the number of people and the note, "
    "as far as the feed's creator can read them.",
)


@node(models.CalendarFeed, visible=calendar_feeds.visible_calendar_feeds, requires=P.FEEDS_READ)
class CalendarFeed(Node):
    """A secret address from which calendars read bookings: those of a room, of a customer, or all.

    The address is shown only when the feed is created.
    """

    room: Room | None = related(
        "The room to whose bookings the feed is limited, or null.", requires=P.ROOMS_READ
    )
    customer: Customer | None = related(
        "The customer to whose bookings the feed is limited, or null.", requires=P.CUSTOMERS_READ
    )
    detail: FeedDetail = computed(calendar_feeds.detail_of, sql=lambda _, feed: feed.detail)
    created_by: User | None = related(
        "The user who created the feed, or null if a program did. The feed shows only what they "
        "can read.",
        requires=P.USERS_READ,
    )
    created_at: datetime = column("When the feed was created.")
    revoked_at: datetime | None = column("When the feed was revoked, or null if it wasn't.")


@strawberry.type
class CalendarFeedQueries:
    calendar_feeds: Connection[CalendarFeed] | None = connection(
        calendar_feeds.calendar_feeds, requires=P.FEEDS_READ
    )


@payload
class CreateCalendarFeedPayload:
    """The result of `createCalendarFeed`.

    `url` is a path on this server, such as '/feeds/….ics', to which calendars can subscribe.
    """

    feed: CalendarFeed | None
    url: str | None


@payload
class RevokeCalendarFeedPayload:
    """The result of `revokeCalendarFeed`."""

    feed: CalendarFeed | None


@strawberry.type
class CalendarFeedMutations:
    create_calendar_feed: CreateCalendarFeedPayload | None = mutation(
        calendar_feeds.create_calendar_feed,
        requires=P.FEEDS_WRITE,
        emits=[EventType.CALENDAR_FEED_CREATED],
    )
    revoke_calendar_feed: RevokeCalendarFeedPayload | None = mutation(
        calendar_feeds.revoke_calendar_feed,
        requires=P.FEEDS_WRITE,
        emits=[EventType.CALENDAR_FEED_REVOKED],
    )
