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
    "A stretch of opening hours. Of one day, they don't overlap; those that touch become one.",
    name="LocalIntervalInput",
    opens_at="Before '24:00'.",
    closes_at="After the opening; from '24:00' on it is on the next date, to '30:00'.",
)
WeeklyHoursInput = input_type(
    domain.WeeklyHours,
    "The opening hours of a day of the week.",
    name="WeeklyHoursInput",
    weekday="The day on which the hours start; each is given once.",
    intervals="Closed when empty.",
)


@value(domain.LocalInterval)
class LocalInterval:
    """A stretch of opening hours on the venue's wall clock."""

    opens_at: LocalTime = column("On its date.")
    closes_at: LocalTime = column("From '24:00' on it is on the next date: '26:00' is 02:00.")


@value(domain.WeeklyHours)
class WeeklyHours:
    """The opening hours of a day of the week."""

    weekday: Weekday = column("The day on which the hours start.")
    intervals: list[LocalInterval] = column("In order; closed when empty.")


@value(hours.OpeningDay)
class OpeningDay:
    """The opening hours in force on a date."""

    date: datetime.date = column("The date on which the hours start.")
    intervals: list[LocalInterval] = column("In order; closed when empty.")
