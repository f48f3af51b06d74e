"""Decides which date and start a text means, by opening hours, clocks and what is past."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from domain.assistant.phrases.clocks import DAY, Clock, TimeMention, hours_of
from domain.assistant.phrases.days import DateMention
from domain.assistant.phrases.requests import (
    DateRange,
    Reading,
    Remark,
    RemarkCode,
    RequestPart,
    Situation,
)
from domain.assistant.phrases.zones import ZoneMention
from domain.assistant.wishes import PreferredHours
from domain.core.local_time import Edge, LocalTime, instant, instants

# Such a date isn't chosen even if there is no other one.
_DOUBTED_ALONE: Final = (RemarkCode.ALREADY_PAST, RemarkCode.UNREAD_WORDS)
MAX_ALTERNATIVES: Final = 12
_EARLY: Final = 5 * 60
_LATEST: Final = LocalTime(30 * 60)


@dataclass(frozen=True, slots=True)
class When:
    """The date and the time of a request, and what speaks for and against them."""

    dates: DateRange | None = None
    start: LocalTime | None = None
    starts_at: datetime | None = None
    hours: PreferredHours | None = None
    problem: RemarkCode | None = None
    has_dates: bool = False
    has_starts: bool = False
    assumed: tuple[Remark, ...] = ()
    doubts: tuple[Remark, ...] = ()
    alternatives: tuple[Reading, ...] = ()


@dataclass(slots=True)
class _Remarks:
    assumed: list[Remark] = field(default_factory=list)
    doubts: list[Remark] = field(default_factory=list)

    def assume(self, part: RequestPart, code: RemarkCode) -> None:
        self.assumed.append(Remark(part, code))

    def doubt(self, part: RequestPart, code: RemarkCode) -> None:
        if Remark(part, code) not in self.doubts:
            self.doubts.append(Remark(part, code))


def resolve(
    mention: DateMention | None,
    time: TimeMention,
    zone: ZoneMention | None,
    situation: Situation,
    *,
    is_all_read: bool,
) -> When:
    """Returns the one way to read date and time, or all of them as alternatives.

    Unless ``is_all_read``, there are words that may change what the date means: then a single
    reading is an alternative, too.
    """
    remarks = _Remarks()
    problem = mention.problem if mention else None
    ranges: Sequence[DateRange | None] = mention.ranges if mention and mention.ranges else (None,)
    hours = _hours(time, ranges, situation, remarks)
    readings = [*_readings(mention, ranges, time, zone, situation, remarks)]
    now = situation.now
    left = [each for each in readings if each.starts_at is None or each.starts_at > now]
    if readings and not left:
        problem, ranges = RemarkCode.PAST, (None,)
        left = [Reading(None, each.start, None) for each in readings]
    left = list(dict.fromkeys(left))[:MAX_ALTERNATIVES]
    if mention and mention.assumed:
        remarks.assume(RequestPart.DATE, mention.assumed)
    if mention and mention.doubt:
        is_open = len({each.dates for each in left}) > 1
        if is_open or mention.doubt is RemarkCode.ALREADY_PAST:
            remarks.doubt(RequestPart.DATE, mention.doubt)
        else:
            remarks.assume(RequestPart.DATE, RemarkCode.NEXT_SUCH_DAY)
    is_doubted = any(each.part is RequestPart.DATE for each in remarks.doubts)
    if not is_all_read and not is_doubted and any(each.dates for each in left):
        remarks.doubt(RequestPart.DATE, RemarkCode.UNREAD_WORDS)
    if zone and time.start:
        remarks.assume(RequestPart.START, RemarkCode.OTHER_ZONE)
    if time.is_rough:
        remarks.assume(RequestPart.START, RemarkCode.ROUGH_TIME)
    return _decided(left, hours, problem, remarks, situation)


def _decided(
    readings: Sequence[Reading],
    hours: PreferredHours | None,
    problem: RemarkCode | None,
    remarks: _Remarks,
    situation: Situation,
) -> When:
    starts = {each.start for each in readings}
    dates = {each.dates for each in readings}
    only = readings[0] if len(readings) == 1 else None
    is_doubted = any(each.code in _DOUBTED_ALONE for each in remarks.doubts)
    alternatives = tuple(readings) if only is None or is_doubted else ()
    if only and only.dates and only.start and only.starts_at is None and not alternatives:
        next_valid = _next_valid(only, situation)
        if next_valid is not None:
            remarks.doubt(RequestPart.START, RemarkCode.SKIPPED_TIME)
            alternatives = (next_valid,)
    if len(starts) > 1 and not any(each.part is RequestPart.START for each in remarks.doubts):
        remarks.doubt(RequestPart.START, RemarkCode.HALF_OF_DAY)
    return When(
        dates=readings[0].dates if len(dates) == 1 and not is_doubted else None,
        start=readings[0].start if len(starts) == 1 else None,
        starts_at=only.starts_at if only and not alternatives else None,
        hours=hours,
        problem=problem,
        has_dates=any(dates),
        has_starts=any(starts),
        assumed=tuple(remarks.assumed),
        doubts=tuple(remarks.doubts),
        alternatives=alternatives,
    )


def _next_valid(reading: Reading, situation: Situation) -> Reading | None:
    """Returns the first time after one that the clock skips; None if it isn't skipped."""
    assert reading.dates and reading.start
    day = reading.dates.first
    if reading.dates.last != day or instants(day, reading.start, situation.zone):
        return None
    at = instant(day, reading.start, situation.zone, edge=Edge.OPENING)
    return _reading_at(at, situation)


def _readings(
    mention: DateMention | None,
    ranges: Sequence[DateRange | None],
    time: TimeMention,
    zone: ZoneMention | None,
    situation: Situation,
    remarks: _Remarks,
) -> Iterator[Reading]:
    clock = time.start
    if clock is None:
        yield from (Reading(each, None, None) for each in ranges)
        return
    options = clock.options(time.part)
    is_named_day = mention is not None and not mention.is_calendar_date
    pairs = [
        (span, option)
        for span in ranges
        for option in options
        if span is not None or option < DAY or len(options) == 1
    ]
    if is_named_day and time.part is None and not clock.is_midnight and zone is None:
        pairs += [(span, each + DAY) for span, each in pairs if span and each < _EARLY]
    if not clock.is_definite and zone is None:
        pairs = _open_ones(pairs, clock, situation, remarks)
    if len({option for _, option in pairs}) > 1 and any(
        one % DAY == other % DAY and one != other for _, one in pairs for _, other in pairs
    ):
        remarks.doubt(RequestPart.DATE, RemarkCode.AFTER_MIDNIGHT)
    found = [
        reading
        for span, option in pairs
        for reading in _reading(span, option, zone, situation, remarks)
    ]
    if zone is not None and not clock.is_definite and len(options) > 1:
        open_ = [each for each in found if each.start and _opens(each, situation)]
        found = open_ or found
    yield from found


def _open_ones(
    pairs: list[tuple[DateRange | None, int]],
    clock: Clock,
    situation: Situation,
    remarks: _Remarks,
) -> list[tuple[DateRange | None, int]]:
    """Returns the pairs of dates and times at which the venue is open; all of them if none is."""
    still = [
        (span, option)
        for span, option in pairs
        if span is None or span.first != span.last or not _is_past(span.first, option, situation)
    ]
    is_open = [pair for pair in still if _is_open(*pair, situation)]
    if is_open and len(is_open) < len(pairs):
        if not clock.is_midnight:
            remarks.assume(RequestPart.START, RemarkCode.OPENING_HOURS)
        return is_open
    return still or pairs


def _reading(
    span: DateRange | None,
    option: int,
    zone: ZoneMention | None,
    situation: Situation,
    remarks: _Remarks,
) -> Iterator[Reading]:
    start = LocalTime(option % DAY)
    if span is None or span.first != span.last:
        yield Reading(span, start, None)
        return
    day = span.first + timedelta(days=option // DAY)
    if zone is not None:
        wall = datetime.combine(day, time(start.minutes // 60, start.minutes % 60))
        there = {wall.replace(tzinfo=clock).timestamp() for clock in zone.clocks}
        if len(there) > 1:
            remarks.doubt(RequestPart.START, RemarkCode.ZONE_NAME)
        for second in sorted(there):
            yield _reading_at(datetime.fromtimestamp(second, situation.zone), situation)
        return
    at = instants(day, start, situation.zone)
    if len(at) > 1:
        remarks.doubt(RequestPart.START, RemarkCode.REPEATED_TIME)
    for each in at or (None,):
        yield Reading(DateRange(day, day), start, each)


def _reading_at(at: datetime, situation: Situation) -> Reading:
    local = at.astimezone(situation.zone)
    day, minutes = local.date(), local.hour * 60 + local.minute
    return Reading(DateRange(day, day), LocalTime(minutes), at)


def _opens(reading: Reading, situation: Situation) -> bool:
    assert reading.start
    return _is_open(reading.dates, reading.start.minutes, situation)


def _is_open(span: DateRange | None, minutes: int, situation: Situation) -> bool:
    """Returns whether the venue is open at a time: on one of the dates, or in the next week."""
    first = span.first if span else situation.today
    count = min((span.last - span.first).days + 1 if span else 7, 7)
    days = [first + timedelta(days=n) for n in range(count)]
    return any(
        each.opens_at.minutes <= minutes + earlier * DAY < each.closes_at.minutes
        for day in days
        for earlier in (0, 1, -1)
        for each in situation.opening_day(day - timedelta(days=earlier))
    )


def _is_past(day: date, option: int, situation: Situation) -> bool:
    found = instants(day + timedelta(days=option // DAY), LocalTime(option % DAY), situation.zone)
    return bool(found) and found[-1] <= situation.now


def _hours(
    mention: TimeMention,
    ranges: Sequence[DateRange | None],
    situation: Situation,
    remarks: _Remarks,
) -> PreferredHours | None:
    """Returns between which times the booking is to start, if only that is said."""
    if mention.start is not None:
        return None
    if mention.earliest is None and mention.latest is None:
        if mention.part is None:
            return None
        remarks.assume(RequestPart.START, RemarkCode.PART_OF_DAY)
        return PreferredHours(*hours_of(mention.part))

    def bound(clock: Clock | None, default: LocalTime) -> LocalTime:
        if clock is None:
            return default
        options = clock.options(mention.part)
        is_open = [
            each for each in options if any(_is_open(span, each, situation) for span in ranges)
        ]
        if len(options) > 1 and len(is_open) == 1:
            remarks.assume(RequestPart.START, RemarkCode.OPENING_HOURS)
        return LocalTime((is_open or options)[-1])

    first, last = bound(mention.earliest, LocalTime(0)), bound(mention.latest, _LATEST)
    return PreferredHours(first, last if last > first else LocalTime(min(last.minutes + DAY, 1800)))
