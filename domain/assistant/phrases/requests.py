"""What a text asks for: the typed request, and what is missing, assumed or in doubt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.assistant.wishes import PreferredHours
from domain.core.local_time import LocalTime
from domain.venue.hours import LocalInterval


class RequestPart(StrEnum):
    """The parts of a request for a booking."""

    DATE = "DATE"
    START = "START"
    DURATION = "DURATION"
    PARTY = "PARTY"


class RequestConfidence(StrEnum):
    """How sure it is what a text asks for."""

    CONFIDENT = "CONFIDENT"
    AMBIGUOUS = "AMBIGUOUS"
    NOT_UNDERSTOOD = "NOT_UNDERSTOOD"


class RemarkCode(StrEnum):
    """Why a part of a request is missing, assumed or in doubt."""

    NOT_SAID = "NOT_SAID"
    PAST = "PAST"
    NO_SUCH_DATE = "NO_SUCH_DATE"

    NEXT_SUCH_DAY = "NEXT_SUCH_DAY"
    DATE_ORDER = "DATE_ORDER"
    OPENING_HOURS = "OPENING_HOURS"
    PART_OF_DAY = "PART_OF_DAY"
    ROUGH_NUMBER = "ROUGH_NUMBER"
    LARGEST_NUMBER = "LARGEST_NUMBER"
    SPEAKER_COUNTED = "SPEAKER_COUNTED"
    ROUGH_TIME = "ROUGH_TIME"
    OTHER_ZONE = "OTHER_ZONE"
    SPELLING = "SPELLING"

    WHICH_WEEK = "WHICH_WEEK"
    WHICH_DAY = "WHICH_DAY"
    ALREADY_PAST = "ALREADY_PAST"
    WEEKDAY_DIFFERS = "WEEKDAY_DIFFERS"
    UNREAD_WORDS = "UNREAD_WORDS"
    SEVERAL_DATES = "SEVERAL_DATES"
    HALF_OF_DAY = "HALF_OF_DAY"
    AFTER_MIDNIGHT = "AFTER_MIDNIGHT"
    ZONE_NAME = "ZONE_NAME"
    SKIPPED_TIME = "SKIPPED_TIME"
    REPEATED_TIME = "REPEATED_TIME"


@dataclass(frozen=True, slots=True)
class Remark:
    """One reason why a part of a request is missing, assumed or in doubt."""

    part: RequestPart
    code: RemarkCode


@dataclass(frozen=True, slots=True, order=True)
class DateRange:
    """The dates from the first to the last, both included."""

    first: date
    last: date


class BudgetPer(StrEnum):
    """What an amount of money is for."""

    BOOKING = "BOOKING"
    PERSON = "PERSON"
    HOUR = "HOUR"


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that is to be spent; ``currency_code`` is None if it wasn't said."""

    amount: str
    currency_code: str | None
    per: BudgetPer


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read when a booking is to be; ``starts_at`` is None unless date and time are."""

    dates: DateRange | None
    start: LocalTime | None
    starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class NamedRoom:
    """A room, by what people call it."""

    name: str
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where and when a text is written.

    ``opening_day`` returns the hours that start on a date. ``locale`` is the language tag of the
    writer, which decides about the order of day and month.
    """

    now: datetime
    zone: ZoneInfo
    opening_day: Callable[[date], Sequence[LocalInterval]]
    locale: str | None = None
    rooms: Sequence[NamedRoom] = ()

    @property
    def today(self) -> date:
        """The date at the venue."""
        return self.now.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """What a text asks for; None for what it doesn't say, or says in more than one way.

    ``alternatives`` are the ways to read date and start, if there are several; ``doubts`` say why.
    """

    language: str
    confidence: RequestConfidence
    dates: DateRange | None = None
    start: LocalTime | None = None
    starts_at: datetime | None = None
    hours: PreferredHours | None = None
    duration_minutes: int | None = None
    party_size: int | None = None
    room_name: str | None = None
    category: str | None = None
    budget: Budget | None = None
    time_zone: str | None = None
    missing: tuple[Remark, ...] = ()
    assumed: tuple[Remark, ...] = ()
    doubts: tuple[Remark, ...] = ()
    alternatives: tuple[Reading, ...] = field(default=())
