"""Quotas: how much one customer may book within a day, week or month of the venue."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from domain.bookings.lifecycle import Status
from domain.bookings.refusals import Reason
from domain.core.formatting import counted, moment
from domain.core.intervals import Interval
from domain.core.local_time import midnight, month_of
from domain.core.refusals import Code, Invalid, LimitReached, Path, Refusal, Required

MAX_QUOTAS: Final = 50
"""The most quotas of a venue."""
LOOK_AHEAD: Final = 3
"""How many of the following periods are searched for one in which a booking is allowed."""

# A booking with one of these counts, and so does a hold until it ends.
COUNTED: Final = frozenset(
    {Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN, Status.COMPLETED, Status.NO_SHOW}
)


class QuotaMeasure(StrEnum):
    """What a quota counts; the value is stored."""

    BOOKINGS = "bookings"
    MINUTES = "minutes"
    OPEN_HOLDS = "open_holds"


class QuotaPeriod(StrEnum):
    """The time of the venue in which a quota counts; the value is stored."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_MOST: Final = {
    QuotaMeasure.BOOKINGS: 1_000,
    QuotaMeasure.MINUTES: 44_700,
    QuotaMeasure.OPEN_HOLDS: 100,
}


@dataclass(frozen=True, slots=True)
class Quota:
    """What each customer, or each with a tag, may book in a period.

    A booking counts in the period in which it starts, with all of its minutes. Open holds are
    counted whatever they hold, so that their quotas have no period.
    """

    measure: QuotaMeasure
    period: QuotaPeriod | None
    limit: int
    tag: str | None

    def applies_to(self, tags: Collection[str]) -> bool:
        """Returns whether it holds for a customer with these tags."""
        return self.tag is None or self.tag in tags

    def of(self, booking: Interval) -> int:
        """Returns what a booking counts for."""
        return booking.minutes if self.measure is QuotaMeasure.MINUTES else 1

    def used(self, booked: Sequence[Interval], during: Interval) -> int:
        """Returns what bookings use of it in a period."""
        return sum(self.of(each) for each in booked if during.start <= each.start < during.end)


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A quota that a booking would exceed.

    ``frees_at`` is the start of the next period in which the booking is allowed, or for holds when
    the first of them ends; None: none of those that were searched.
    """

    quota: Quota
    used: int
    wanted: int
    frees_at: datetime | None
    zone: ZoneInfo

    @property
    def message(self) -> str:
        # Without the tag: customers don't see theirs.
        quota = self.quota
        each = "" if quota.period is None else f" a {quota.period}"
        return (
            f"At most {counted(quota.limit, _NOUNS[quota.measure])}{each} for one customer, and "
            f"{self.used} {'is' if self.used == 1 else 'are'} used: {self._hint}."
        )

    @property
    def _hint(self) -> str:
        if self.wanted > self.quota.limit:
            return "choose a shorter time"
        if self.quota.period is None:
            return "book or cancel a hold first"
        if self.frees_at is None:
            return "cancel a booking first"
        return f"cancel a booking first, or choose a time from {moment(self.frees_at, self.zone)}"

    def as_reason(self) -> Reason:
        """Returns it as a rule that refuses a slot."""
        quota = self.quota
        return Reason(
            Code.QUOTA_EXCEEDED,
            message=self.message,
            rule={
                "measure": quota.measure.name,
                "period": quota.period and quota.period.name,
                "limit": quota.limit,
                "used": self.used,
            },
            frees_at=self.frees_at,
        )

    def as_refusal(self, path: Path) -> Refusal:
        """Returns it as a refusal of a change."""
        what = f"{_NOUNS[self.quota.measure]}s of one customer"
        return LimitReached(
            what, self.quota.limit, self.used, self.frees_at, self.message, path=path
        )


_NOUNS: Final = {
    QuotaMeasure.BOOKINGS: "booking",
    QuotaMeasure.MINUTES: "minute",
    QuotaMeasure.OPEN_HOLDS: "open hold",
}


def exceeded(
    quotas: Sequence[Quota], booked: Sequence[Interval], wanted: Interval, zone: ZoneInfo
) -> Iterator[Exceeded]:
    """Yields the quotas of a period that one more booking exceeds.

    ``booked`` are the customer's other bookings that count, in all of ``counted_span``.
    """
    for quota in quotas:
        if quota.period is None:
            continue
        during, number = period_around(wanted.start, quota.period, zone), quota.of(wanted)
        used = quota.used(booked, during)
        if used + number > quota.limit:
            frees_at = _next_allowed(quota, booked, number, during, zone)
            yield Exceeded(quota, used, number, frees_at, zone)


def counted_span(
    quotas: Sequence[Quota], times: Sequence[Interval], zone: ZoneInfo
) -> Interval | None:
    """Returns the time whose bookings decide about others, given in order; None without quotas."""
    periods = {quota.period for quota in quotas if quota.period is not None}
    if not periods or not times:
        return None
    start = min(period_around(times[0].start, each, zone).start for each in periods)
    end = max(_ahead(times[-1].start, each, zone)[-1].end for each in periods)
    return Interval(start, end)


def period_around(at: datetime, period: QuotaPeriod, zone: ZoneInfo) -> Interval:
    """Returns the day, week from Monday on, or month of a zone that contains an instant."""
    day = at.astimezone(zone).date()
    match period:
        case QuotaPeriod.DAY:
            return _days(day, 1, zone)
        case QuotaPeriod.WEEK:
            return _days(day - timedelta(days=day.weekday()), 7, zone)
        case QuotaPeriod.MONTH:
            return month_of(at, zone)
        case never:
            assert_never(never)


def quota_refusals(quota: Quota, *, path: Path = ()) -> Iterator[Refusal]:
    """Yields the reasons to refuse a quota."""
    most = _MOST[quota.measure]
    if not 1 <= quota.limit <= most:
        yield Invalid(f"The limit must be 1 to {most:,}.", path=(*path, "limit"))
    if quota.measure is QuotaMeasure.OPEN_HOLDS:
        if quota.period is not None:
            problem = "Open holds are counted at any time; leave this out."
            yield Invalid(problem, path=(*path, "period"))
    elif quota.period is None:
        yield Required(path=(*path, "period"))


def _next_allowed(
    quota: Quota, booked: Sequence[Interval], number: int, during: Interval, zone: ZoneInfo
) -> datetime | None:
    assert quota.period is not None
    following = _ahead(during.start, quota.period, zone)[1:]
    allowed = [each for each in following if quota.used(booked, each) + number <= quota.limit]
    return next((each.start for each in allowed), None)


def _ahead(at: datetime, period: QuotaPeriod, zone: ZoneInfo) -> list[Interval]:
    """Returns the period of an instant and those that follow it, as far as is searched."""
    periods = [period_around(at, period, zone)]
    for _ in range(LOOK_AHEAD):
        periods.append(period_around(periods[-1].end, period, zone))
    return periods


def _days(first: date, number: int, zone: ZoneInfo) -> Interval:
    return Interval(midnight(first, zone), midnight(first + timedelta(days=number), zone))
