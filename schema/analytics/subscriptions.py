"""Live: figures of bookings, as they change."""

from typing import Annotated

import strawberry

from kit.events.event_cursors import EventCursor
from kit.graphql.cost import Cost
from permissions.roles import P
from schema.analytics.analytics import BookingMetrics
from schema.bookings.subscriptions import ResyncRequired
from schema.core.fields import column, subscription, value
from subscriptions import analytics_changes


@value(analytics_changes.AnalyticsChanged)
class AnalyticsChanged:
    """The totals of the span have changed. They replace the ones from before."""

    cursor: EventCursor = column(
        "The position in the tenant's log up to which all events are counted. Subscribe with it as "
        "`after` to continue."
    )
    totals: BookingMetrics = column("The figures of the whole span.")


AnalyticsEvent = Annotated[
    AnalyticsChanged | ResyncRequired,
    strawberry.union(
        "AnalyticsEvent", description="New totals, or a request to fetch `analytics` again."
    ),
]


@strawberry.type
class AnalyticsSubscriptions:
    analytics_changed: AnalyticsEvent = subscription(
        analytics_changes.analytics_changed, requires=P.ANALYTICS_READ, cost=Cost(5)
    )
