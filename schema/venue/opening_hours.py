"""Opening hours as values: on a day of the week, and on a date."""

import datetime

from domain.core.local_time import LocalTime
from domain.venue import hours as domain
from domain.venue.hours import Weekday
from resolvers.venue import hours
from schema.core.enums import describe
from schema.core.fields import column, value
from schema.core.inputs import input_type

describe(
    Weekday,
    "A day of the week.",
    MONDAY="Monday.",
    TUESDAY="Tuesday.",
    WEDNESDAY="Wednesday.",
    THURSDAY="Thursday.",
    FRIDAY="Friday.",
    SATURDAY="Saturday.",
    SUNDAY="Sunday.",
)
LocalIntervalInput = input_type(
    domain.LocalInterval,
    "A period in which a room is open. The periods of one day can't overlap; adjacent "
    "ones are joined.",
    name="LocalIntervalInput",
    opens_at="The local time at which it opens: before '24:00'.",
    closes_at="The local time at which it closes: after `opensAt`, at most '30:00'. From '24:00' "
    "on it is a time of the next day, so '26:00' is 02:00.",
)
WeeklyHoursInput = input_type(
    domain.WeeklyHours,
    "The opening hours for one day of the week.",
    name="WeeklyHoursInput",
    weekday="The day on which the hours start. Each day can be given once.",
    intervals="The opening hours on this day; closed all day if empty.",
)


@value(domain.LocalInterval)
class LocalInterval:
    """A period in which a room is open, in the venue's local time."""

    opens_at: LocalTime = column("The local time at which it opens.")
    closes_at: LocalTime = column(
        "The local time at which it closes. From '24:00' on it is a "
        "time of the next day, so '26:00' is 02:00."
    )


@value(domain.WeeklyHours)
class WeeklyHours:
    """The opening hours for one day of the week."""

    weekday: Weekday = column("The day on which the hours start.")
    intervals: list[LocalInterval] = column(
        "The opening hours in chronological order; closed all day if empty."
    )


@value(hours.OpeningDay)
class OpeningDay:
    """The opening hours that apply on one date."""

    date: datetime.date = column("The date on which the hours start.")
    intervals: list[LocalInterval] = column(
        "The opening hours in chronological order; closed all day if empty."
    )
