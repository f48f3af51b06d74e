"""Figures of a venue's bookings."""

import datetime

import strawberry

from domain.analytics import metrics
from domain.analytics.periods import Granularity
from domain.venue.hours import Weekday
from kit.events.event_cursors import EventCursor
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.analytics import analytics as answers
from resolvers.analytics import points, span_figures
from schema.core.enums import describe
from schema.core.fields import column, computed, id_column, query, value
from schema.core.money import Money
from schema.customers.customers import Customer
from schema.venue.rooms import Room

describe(
    Granularity,
    "How long the parts of a span are. The first and the last are cut at the span's edges.",
    HOUR="Hours of the venue's clock: 24 a date. One that the clock repeats is a single hour of up "
    "to 120 minutes, and one that it skips is empty. At most 41 dates.",
    DAY="Dates of the venue.",
    WEEK="Weeks, from Monday.",
    MONTH="Calendar months.",
)

BOOKINGS = (
    "The number of bookings that start on these dates and are PENDING, CONFIRMED, CHECKED_IN, "
    "COMPLETED or NO_SHOW. Holds, EXPIRED and REJECTED count nowhere."
)
CANCELLED = "The number of bookings that would have started on these dates and are CANCELLED."
NO_SHOWS = "The number of bookings that are NO_SHOW."
COMPLETED = "The number of bookings that are COMPLETED."
BOOKED_MINUTES = (
    "The minutes of `bookings` inside these dates: a booking across their edge is cut there, and "
    "across midnight is split. Buffers are left out."
)
OPEN_MINUTES = (
    "What the opening hours in force then (exceptions and blackouts worked in) of rooms not "
    "archived on that date add up to. A date on which the clock changes has 23 or 25 hours."
)
OCCUPANCY = "`bookedMinutes` / `openMinutes`, to 4 digits, or null where nothing is open."
BOOKED_VALUE = (
    "The sum of `price.total` of `bookings`, in the venue's currency; prices in others are left "
    "out."
)
AVERAGE_VALUE = "The mean of these prices, or null without any."
REVENUE = (
    "What was paid less what was refunded, at the local date of the payment or refund, in the "
    "venue's currency."
)
CANCELLATION_RATE = "`cancelled` / (`bookings` + `cancelled`), to 4 digits, or null for 0 / 0."
NO_SHOW_RATE = "`noShows` / (`completed` + `noShows`), to 4 digits, or null for 0 / 0."
NEW_CUSTOMERS = (
    "The number of customers whose first booking that counts, of all, is among `bookings`."
)


@value(metrics.BookingMetrics)
class BookingMetrics:
    """Figures of bookings. A booking belongs to the venue's local date on which it starts."""

    bookings: int = column(BOOKINGS)
    cancelled: int = column(CANCELLED)
    no_shows: int = column(NO_SHOWS)
    completed: int = column(COMPLETED)
    booked_minutes: int = column(BOOKED_MINUTES)
    open_minutes: int = column(OPEN_MINUTES)
    occupancy: float | None = column(OCCUPANCY)
    booked_value: Money = column(BOOKED_VALUE)
    average_value: Money | None = column(AVERAGE_VALUE)
    revenue: Money = column(REVENUE)
    median_lead_minutes: int | None = column(
        "The median of the minutes from `createdAt` to `startsAt` of `bookings`, or null without "
        "any. Of an even number it is the mean of the middle two, rounded down."
    )
    cancellation_rate: float | None = column(CANCELLATION_RATE)
    no_show_rate: float | None = column(NO_SHOW_RATE)
    new_customers: int = column(NEW_CUSTOMERS)
    returning_customers: int = column(
        "The number of the other customers with a booking among `bookings`."
    )


@value(points.MetricsPoint)
class MetricsPoint:
    """The figures of a part of a span."""

    date: datetime.date = column("The first date of the part.", name="day")
    until: datetime.date = column("The end of the part, excluded.")
    hour: int | None = column(
        "The hour of the venue's clock, 0 to 23, or null unless the granularity is HOUR."
    )
    metrics: BookingMetrics = column("The figures of this part.")


@value(span_figures.RoomMetrics)
class RoomMetrics:
    """The figures of a room. Those of all rooms add up to the totals."""

    room_id: strawberry.ID = id_column("Room", "The id of the room.")
    room: Room | None = column("The room.", requires=P.ROOMS_READ)
    bookings: int = column(BOOKINGS, name="metrics.bookings")
    cancelled: int = column(CANCELLED, name="metrics.cancelled")
    no_shows: int = column(NO_SHOWS, name="metrics.no_shows")
    completed: int = column(COMPLETED, name="metrics.completed")
    booked_minutes: int = column(BOOKED_MINUTES, name="metrics.booked_minutes")
    open_minutes: int = column(OPEN_MINUTES, name="metrics.open_minutes")
    occupancy: float | None = column(OCCUPANCY, name="metrics.occupancy")
    booked_value: Money = column(BOOKED_VALUE, name="metrics.booked_value")
    average_value: Money | None = column(AVERAGE_VALUE, name="metrics.average_value")
    revenue: Money = column(REVENUE, name="metrics.revenue")
    cancellation_rate: float | None = column(CANCELLATION_RATE, name="metrics.cancellation_rate")
    no_show_rate: float | None = column(NO_SHOW_RATE, name="metrics.no_show_rate")
    new_customers: int = column(NEW_CUSTOMERS, name="metrics.new_customers")


@value(span_figures.WeekdayHour)
class WeekdayHour:
    """The figures of an hour of the week, over all dates of the span."""

    weekday: Weekday = column("The day of the week.")
    hour: int = column("The hour of the venue's clock: 0 to 23.")
    bookings: int = column(
        "The number of bookings that start in this hour, as in `BookingMetrics`.",
        name="metrics.bookings",
    )
    cancelled: int = column(
        "The number of cancelled bookings that would have started in this hour.",
        name="metrics.cancelled",
    )
    no_shows: int = column(NO_SHOWS, name="metrics.no_shows")
    completed: int = column(COMPLETED, name="metrics.completed")
    booked_minutes: int = column(
        "The minutes of bookings that are in this hour.", name="metrics.booked_minutes"
    )
    open_minutes: int = column(
        "The open minutes of rooms in this hour.", name="metrics.open_minutes"
    )
    occupancy: float | None = column(OCCUPANCY, name="metrics.occupancy")
    booked_value: Money = column(BOOKED_VALUE, name="metrics.booked_value")
    revenue: Money = column(
        "What was paid less what was refunded in this hour.", name="metrics.revenue"
    )
    new_customers: int = column(NEW_CUSTOMERS, name="metrics.new_customers")


@value(answers.CustomerMetrics)
class CustomerMetrics:
    """The figures of a customer."""

    customer: Customer = column("The customer.")
    bookings: int = column(BOOKINGS)
    no_shows: int = column(NO_SHOWS)
    booked_value: Money = column(BOOKED_VALUE)


@value(answers.Analytics)
class Analytics:
    """Figures of a venue's bookings on some dates.

    A booking belongs to the venue's local date on which it starts.
    """

    totals: BookingMetrics = column("The figures of the whole span.")
    compared: BookingMetrics | None = column(
        "The figures of the earlier dates, or null without `compareTo`."
    )
    series: list[MetricsPoint] = computed(answers.series, cost=Cost(20))
    by_room: list[RoomMetrics] = computed(answers.by_room, cost=Cost(10))
    by_weekday_hour: list[WeekdayHour] = computed(answers.by_weekday_hour, cost=Cost(10))
    top_customers: list[CustomerMetrics] | None = computed(
        answers.top_customers, requires=P.CUSTOMERS_READ, cost=Cost(10, multipliers=("first",))
    )
    as_of: EventCursor = column(
        "The position in the tenant's log: all events up to it are counted, and none is counted "
        "twice. Pass it as `after` to `analyticsChanged` to receive all later changes."
    )


@strawberry.type
class AnalyticsQueries:
    analytics: Analytics | None = query(answers.analytics, requires=P.ANALYTICS_READ, cost=Cost(5))
