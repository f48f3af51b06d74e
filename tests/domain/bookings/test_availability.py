"""A room is free if and only if no rule refuses it, and every refusing rule is reported."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.bookings.availability import (
    RoomCalendar,
    clashes,
    overridden,
    reasons_against,
    refusals,
)
from domain.bookings.refusals import Busy, Reason, SlotTaken, SlotUnavailable
from domain.bookings.slot_facts import RoomFacts, SlotRequest, VenueRules, facts_window
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime, midnight
from domain.core.money import Money
from domain.core.refusals import Code, Invalid
from domain.venue.hours import HoursFacts, LocalInterval, Weekday, WeeklyHours
from tests.domain.strategies import at_minute, intervals, minutes_in, zoned_days

NEW_YORK = ZoneInfo("America/New_York")
UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)
ROOM_ID = RoomId(UUID("01940000-0000-7000-8000-000000000001"))
BOOKING_ID = BookingId(UUID("01940000-0000-7000-8000-000000000002"))
RULES = VenueRules(
    NEW_YORK,
    slot_minutes=30,
    min_notice_minutes=60,
    max_advance_days=90,
    min_duration_minutes=15,
    max_duration_minutes=720,
)
WISH = SlotRequest(duration_minutes=120, party_size=4, rules=RULES, override=False, now=NOW)
EVERY_DAY = tuple(
    WeeklyHours(weekday, (LocalInterval(LocalTime(17 * 60), LocalTime(26 * 60)),))
    for weekday in Weekday
)
BLUE_ROOM = RoomFacts(
    ROOM_ID,
    name="Blue Room",
    capacity=8,
    archived=False,
    buffer_before_minutes=0,
    buffer_after_minutes=0,
    hourly_rate=Money(2900, "USD"),
    hours=HoursFacts(EVERY_DAY),
)
# 19:00 on Friday 8 January 2027 in New York.
FRIDAY_AT_SEVEN = datetime(2027, 1, 9, 0, tzinfo=UTC)
FRIDAY_EVENING = Interval.of_minutes(FRIDAY_AT_SEVEN, 120)


def booked(interval: Interval, *, before: int = 0, after: int = 0) -> Busy:
    occupied = interval.padded(before_minutes=before, after_minutes=after)
    return Busy(ROOM_ID, BOOKING_ID, interval, occupied)


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [str(reason.code) for reason in reasons]


def only(reasons: tuple[Reason, ...]) -> Reason:
    (reason,) = reasons
    return reason


def test_a_room_that_is_open_and_unbooked_is_free() -> None:
    assert reasons_against(BLUE_ROOM, FRIDAY_AT_SEVEN, WISH) == ()


def test_every_failed_rule_is_told() -> None:
    room = replace(
        BLUE_ROOM,
        archived=True,
        capacity=2,
        blackouts=(FRIDAY_EVENING,),
        busy=(booked(FRIDAY_EVENING),),
        hours=HoursFacts(venue_weekly=()),
    )
    wish = replace(WISH, rules=replace(RULES, min_duration_minutes=240, max_advance_days=1))

    reasons = reasons_against(room, FRIDAY_AT_SEVEN + timedelta(minutes=10), wish)

    assert codes(reasons) == [
        "ROOM_ARCHIVED",
        "CAPACITY_EXCEEDED",
        "MIN_DURATION",
        "MAX_ADVANCE",
        "OFF_GRID",
        "OUTSIDE_BUSINESS_HOURS",
        "BLACKOUT",
        "SLOT_TAKEN",
    ]


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        (FRIDAY_AT_SEVEN - timedelta(minutes=60), []),
        (FRIDAY_AT_SEVEN - timedelta(minutes=60) + timedelta(seconds=1), ["MIN_NOTICE"]),
        (FRIDAY_AT_SEVEN + timedelta(seconds=1), ["MIN_NOTICE"]),
        (FRIDAY_AT_SEVEN - timedelta(days=90), []),
        (FRIDAY_AT_SEVEN - timedelta(days=90, seconds=1), ["MAX_ADVANCE"]),
    ],
)
def test_notice_and_advance_hold_to_the_second(now: datetime, refused: list[str]) -> None:
    assert codes(reasons_against(BLUE_ROOM, FRIDAY_AT_SEVEN, replace(WISH, now=now))) == refused


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        (FRIDAY_AT_SEVEN, []),
        (FRIDAY_AT_SEVEN + timedelta(seconds=1), ["MIN_NOTICE"]),
        (FRIDAY_AT_SEVEN - timedelta(days=90, seconds=1), ["MAX_ADVANCE"]),
    ],
)
def test_an_override_lifts_the_notice_but_not_the_past_nor_the_advance(
    now: datetime, refused: list[str]
) -> None:
    wish = replace(WISH, now=now, override=True)

    assert codes(reasons_against(BLUE_ROOM, FRIDAY_AT_SEVEN, wish)) == refused


@pytest.mark.parametrize(
    ("offset", "refused", "refused_with_override"),
    [
        (timedelta(minutes=30), [], []),
        (timedelta(minutes=10), ["OFF_GRID"], []),
        (timedelta(seconds=30), ["OFF_GRID"], ["OFF_GRID"]),
        (timedelta(microseconds=1), ["OFF_GRID"], ["OFF_GRID"]),
    ],
)
def test_an_override_lifts_the_grid_but_not_the_minute(
    offset: timedelta, refused: list[str], refused_with_override: list[str]
) -> None:
    start = FRIDAY_AT_SEVEN + offset

    assert codes(reasons_against(BLUE_ROOM, start, WISH)) == refused
    assert codes(reasons_against(BLUE_ROOM, start, replace(WISH, override=True))) == (
        refused_with_override
    )


def test_what_an_override_lifted_is_known_for_the_audit() -> None:
    soon = replace(WISH, now=FRIDAY_AT_SEVEN - timedelta(minutes=5), override=True)

    assert overridden(FRIDAY_AT_SEVEN + timedelta(minutes=10), soon) == ("MIN_NOTICE", "OFF_GRID")
    assert overridden(FRIDAY_AT_SEVEN, replace(WISH, override=True)) == ()
    assert overridden(FRIDAY_AT_SEVEN, replace(soon, override=False)) == ()


@pytest.mark.parametrize(
    ("minutes", "refused"),
    [(14, ["MIN_DURATION"]), (15, []), (240, []), (241, ["MAX_DURATION"])],
)
def test_a_duration_lies_between_the_venues_limits(minutes: int, refused: list[str]) -> None:
    wish = replace(WISH, duration_minutes=minutes, rules=replace(RULES, max_duration_minutes=240))

    assert codes(reasons_against(BLUE_ROOM, FRIDAY_AT_SEVEN, wish)) == refused


@pytest.mark.parametrize(("party_size", "refused"), [(8, []), (9, ["CAPACITY_EXCEEDED"])])
def test_a_party_fits_the_room(party_size: int, refused: list[str]) -> None:
    wish = replace(WISH, party_size=party_size)

    assert codes(reasons_against(BLUE_ROOM, FRIDAY_AT_SEVEN, wish)) == refused


@pytest.mark.parametrize(
    ("start", "refused"),
    [
        ("2027-01-08T22:00", []),
        ("2027-01-08T21:30", ["OUTSIDE_BUSINESS_HOURS"]),
        ("2027-01-09T05:00", []),
        ("2027-01-09T05:30", ["OUTSIDE_BUSINESS_HOURS"]),
    ],
)
def test_a_booking_lies_wholly_within_the_hours(start: str, refused: list[str]) -> None:
    at = datetime.fromisoformat(start).replace(tzinfo=UTC)

    assert codes(reasons_against(BLUE_ROOM, at, WISH)) == refused


def test_buffers_may_lie_outside_the_hours() -> None:
    room = replace(BLUE_ROOM, buffer_before_minutes=60, buffer_after_minutes=60)

    assert reasons_against(room, datetime(2027, 1, 8, 22, tzinfo=UTC), WISH) == ()
    assert reasons_against(room, datetime(2027, 1, 9, 5, tzinfo=UTC), WISH) == ()


def test_outside_the_hours_one_is_told_the_hours_and_the_next_opening() -> None:
    noon = datetime(2027, 1, 8, 17, tzinfo=UTC)

    assert only(reasons_against(BLUE_ROOM, noon, WISH)) == Reason(
        Code.OUTSIDE_BUSINESS_HOURS,
        message=(
            "Blue Room isn't open for all of 12:00–14:00 on Friday 8 January 2027; "  # noqa: RUF001
            "the hours that start on that day: 17:00–26:00."  # noqa: RUF001
        ),
        rule={
            "date": "2027-01-08",
            "intervals": [{"opensAt": "17:00", "closesAt": "26:00"}],
        },
        frees_at=datetime(2027, 1, 8, 22, tzinfo=UTC),
    )


def test_a_room_that_never_opens_long_enough_lets_go_never() -> None:
    wish = replace(WISH, duration_minutes=600)

    reason = only(reasons_against(BLUE_ROOM, FRIDAY_AT_SEVEN, wish))

    assert reason.code is Code.OUTSIDE_BUSINESS_HOURS
    assert reason.frees_at is None


def test_a_blackout_lets_go_at_its_end() -> None:
    maintenance = Interval(datetime(2027, 1, 9, 1, tzinfo=UTC), datetime(2027, 1, 9, 3, tzinfo=UTC))
    room = replace(BLUE_ROOM, blackouts=(maintenance,))

    assert only(reasons_against(room, FRIDAY_AT_SEVEN, WISH)) == Reason(
        Code.BLACKOUT,
        message="Blue Room is blocked 20:00–22:00 on Friday 8 January 2027.",  # noqa: RUF001
        rule={"startsAt": "2027-01-09T01:00:00Z", "endsAt": "2027-01-09T03:00:00Z"},
        frees_at=datetime(2027, 1, 9, 3, tzinfo=UTC),
    )


def test_a_taken_slot_lets_go_when_the_booking_and_the_buffers_end() -> None:
    room = replace(BLUE_ROOM, buffer_before_minutes=15, busy=(booked(FRIDAY_EVENING, after=10),))

    assert only(reasons_against(room, FRIDAY_AT_SEVEN, WISH)) == Reason(
        Code.SLOT_TAKEN,
        message="Blue Room is booked 19:00–21:00 on Friday 8 January 2027.",  # noqa: RUF001
        rule={"startsAt": "2027-01-09T00:00:00Z", "endsAt": "2027-01-09T02:00:00Z"},
        frees_at=datetime(2027, 1, 9, 2, 25, tzinfo=UTC),
    )


def test_a_clash_of_buffers_alone_is_a_buffer_violation() -> None:
    room = replace(BLUE_ROOM, buffer_before_minutes=15, busy=(booked(FRIDAY_EVENING, after=10),))

    reason = only(reasons_against(room, FRIDAY_AT_SEVEN + timedelta(minutes=120), WISH))

    assert reason == Reason(
        Code.BUFFER_VIOLATION,
        message=(
            "Another booking of Blue Room is too close: "
            "with its buffers it takes 19:00–21:10 on Friday 8 January 2027."  # noqa: RUF001
        ),
        rule={"bufferBeforeMinutes": 15, "bufferAfterMinutes": 0},
        frees_at=datetime(2027, 1, 9, 2, 25, tzinfo=UTC),
    )


def test_bookings_whose_buffers_just_touch_leave_each_other_alone() -> None:
    room = replace(BLUE_ROOM, buffer_before_minutes=20, busy=(booked(FRIDAY_EVENING, after=10),))

    assert reasons_against(room, FRIDAY_AT_SEVEN + timedelta(minutes=150), WISH) == ()


@pytest.mark.parametrize("minutes", [0, -30, 2_000_000, 2**31 - 1])
def test_an_impossible_duration_is_invalid(minutes: int) -> None:
    with pytest.raises(Invalid) as refused:
        replace(WISH, duration_minutes=minutes)

    assert refused.value.path == ("duration_minutes",)


@pytest.mark.parametrize("party_size", [0, -1])
def test_a_party_of_nobody_is_invalid(party_size: int) -> None:
    with pytest.raises(Invalid) as refused:
        replace(WISH, party_size=party_size)

    assert refused.value.path == ("party_size",)


def test_a_taken_slot_is_refused_with_all_that_finds_another() -> None:
    taken = booked(FRIDAY_EVENING)
    room = replace(BLUE_ROOM, busy=(taken,))
    reasons = reasons_against(room, FRIDAY_AT_SEVEN, WISH)

    (refusal,) = refusals(room, FRIDAY_AT_SEVEN, reasons, wish=WISH, exclude_booking_id=BOOKING_ID)

    assert isinstance(refusal, SlotTaken)
    assert refusal.code is Code.SLOT_TAKEN
    assert refusal.path == ("start",)
    assert refusal.wanted == FRIDAY_EVENING
    assert refusal.conflicts == (taken,)
    assert refusal.exclude_booking_id == BOOKING_ID
    assert refusal.message == "Blue Room is booked 19:00–21:00 on Friday 8 January 2027."  # noqa: RUF001


def test_every_rule_is_a_refusal_of_its_own_that_carries_all_reasons() -> None:
    room = replace(BLUE_ROOM, archived=True, capacity=2, blackouts=(FRIDAY_EVENING,))
    wish = replace(WISH, rules=replace(RULES, min_duration_minutes=240))
    reasons = reasons_against(room, FRIDAY_AT_SEVEN, wish)

    refused = refusals(room, FRIDAY_AT_SEVEN, reasons, wish=wish)

    assert [(refusal.code, refusal.path) for refusal in refused] == [
        (Code.ROOM_ARCHIVED, ("room_id",)),
        (Code.CAPACITY_EXCEEDED, ("party_size",)),
        (Code.MIN_DURATION, ("duration_minutes",)),
        (Code.BLACKOUT, ("start",)),
    ]
    assert [r.reasons for r in refused if isinstance(r, SlotUnavailable)] == [reasons] * 4
    assert [refusal.message for refusal in refused] == [reason.message for reason in reasons]


def test_bookings_within_the_buffers_are_conflicts_only_where_none_has_the_time() -> None:
    before = booked(Interval.of_minutes(FRIDAY_AT_SEVEN - timedelta(minutes=60), 60), after=15)
    during = booked(Interval.of_minutes(FRIDAY_AT_SEVEN + timedelta(minutes=60), 30))

    assert clashes(replace(BLUE_ROOM, busy=(before, during)), FRIDAY_EVENING) == (during,)
    assert clashes(replace(BLUE_ROOM, busy=(before,)), FRIDAY_EVENING) == (before,)


def test_facts_are_needed_from_two_days_before_to_the_end_of_the_look_ahead() -> None:
    starts = Interval(datetime(2027, 1, 8, tzinfo=UTC), datetime(2027, 1, 9, tzinfo=UTC))

    assert facts_window(starts, WISH) == Interval(
        datetime(2027, 1, 6, tzinfo=UTC), datetime(2027, 1, 17, 2, tzinfo=UTC)
    )


@example((ZoneInfo("America/St_Johns"), date(2010, 11, 6)), 1)
@given(zoned_days(), st.sampled_from([1, 7, 15, 30, 45, 60, 90, 1440]))
def test_the_grid_is_every_instant_whose_wall_clock_is_on_it(
    where: tuple[ZoneInfo, date], slot_minutes: int
) -> None:
    zone, day = where
    window = Interval.of_minutes(datetime(day.year, day.month, day.day, 3, tzinfo=UTC), 30 * 60)

    starts = replace(RULES, zone=zone, slot_minutes=slot_minutes).grid(window).starts

    minutes = (window.start + timedelta(minutes=n) for n in range(window.minutes))
    clocks = ((at, at.astimezone(zone)) for at in minutes)
    assert [*starts] == [
        at
        for at, c in clocks
        if (c.hour * 60 + c.minute) % slot_minutes == 0 or at == midnight(c.date(), zone)
    ]


@st.composite
def facts(draw: st.DrawFn) -> RoomFacts:
    """Returns rooms whose whole story happens in the first hours after the tests' epoch."""
    opens = draw(st.integers(0, 200))
    open_minutes = draw(st.integers(1, 400))
    hours = (LocalInterval(LocalTime(opens), LocalTime(opens + open_minutes)),)
    return replace(
        BLUE_ROOM,
        capacity=draw(st.integers(3, 5)),
        archived=draw(st.sampled_from([False, False, False, True])),
        buffer_before_minutes=draw(st.integers(0, 20)),
        buffer_after_minutes=draw(st.integers(0, 20)),
        hours=HoursFacts((WeeklyHours(Weekday.MONDAY, hours),)),
        blackouts=tuple(draw(st.lists(intervals(last=500, longest=60), max_size=3))),
        busy=tuple(
            booked(each, before=draw(st.integers(0, 20)), after=draw(st.integers(0, 20)))
            for each in draw(st.lists(intervals(last=500, longest=60), max_size=4))
        ),
    )


wishes = st.builds(
    SlotRequest,
    duration_minutes=st.integers(1, 90),
    party_size=st.integers(3, 5),
    rules=st.builds(
        VenueRules,
        zone=st.just(UTC_ZONE),
        slot_minutes=st.sampled_from([5, 7, 30]),
        min_notice_minutes=st.integers(0, 120),
        max_advance_days=st.integers(0, 1),
        min_duration_minutes=st.integers(1, 20),
        max_duration_minutes=st.integers(60, 90),
    ),
    override=st.booleans(),
    now=st.integers(-1800, 300).map(at_minute),
)


def expected_codes(room: RoomFacts, start: int, wish: SlotRequest) -> set[str]:
    """Returns the failed rules by sets of minutes since the epoch, which is a midnight."""
    slot = set(range(start, start + wish.duration_minutes))
    padded = range(
        start - room.buffer_before_minutes,
        start + wish.duration_minutes + room.buffer_after_minutes,
    )
    ((monday,),) = (hours.intervals for hours in room.hours.venue_weekly)
    now = (wish.now - at_minute(0)) // timedelta(minutes=1)
    rules = wish.rules
    taken = bool(slot & minutes_in(*(busy.interval for busy in room.busy)))
    occupied = bool(set(padded) & minutes_in(*(busy.occupied for busy in room.busy)))
    failed = {
        "ROOM_ARCHIVED": room.archived,
        "CAPACITY_EXCEEDED": wish.party_size > room.capacity,
        "MIN_DURATION": wish.duration_minutes < rules.min_duration_minutes,
        "MAX_DURATION": wish.duration_minutes > rules.max_duration_minutes,
        "MIN_NOTICE": start < now + (0 if wish.override else rules.min_notice_minutes),
        "MAX_ADVANCE": start > now + rules.max_advance_days * 1440,
        "OFF_GRID": not wish.override and start % rules.slot_minutes != 0,
        "OUTSIDE_BUSINESS_HOURS": not slot
        <= set(range(monday.opens_at.minutes, monday.closes_at.minutes)),
        "BLACKOUT": bool(slot & minutes_in(*room.blackouts)),
        "SLOT_TAKEN": taken,
        "BUFFER_VIOLATION": occupied and not taken,
    }
    return {code for code, has_failed in failed.items() if has_failed}


@given(facts(), wishes, st.integers(0, 600))
def test_the_reasons_are_exactly_the_failed_rules(
    room: RoomFacts, wish: SlotRequest, start: int
) -> None:
    reasons = reasons_against(room, at_minute(start), wish)

    assert len(reasons) == len(set(codes(reasons)))
    assert set(codes(reasons)) == expected_codes(room, start, wish)


@given(facts(), wishes, st.lists(st.integers(0, 600), min_size=1, max_size=5))
def test_times_far_apart_are_refused_as_each_by_itself(
    room: RoomFacts, wish: SlotRequest, starts: list[int]
) -> None:
    times = [
        wish.interval(at_minute(start) + timedelta(days=n * start))
        for n, start in enumerate(starts)
    ]

    calendar = RoomCalendar.of_times(room, times, wish)

    assert [calendar.reasons_against(each) for each in times] == [
        reasons_against(room, each.start, wish) for each in times
    ]


@given(facts(), wishes, st.integers(0, 600))
def test_a_rule_lets_go_at_the_first_start_that_it_alone_allows(
    room: RoomFacts, wish: SlotRequest, start: int
) -> None:
    clash = {"SLOT_TAKEN", "BUFFER_VIOLATION"}
    movable = {"MIN_NOTICE", "OFF_GRID", "OUTSIDE_BUSINESS_HOURS", "BLACKOUT", *clash}

    reported = {
        reason.code: reason.frees_at
        for reason in reasons_against(room, at_minute(start), wish)
        if reason.code in movable
    }

    # Monday is the only open day: what it refuses to its end comes back a week later or never.
    later = range(start, 1440)
    on_grid = [minute for minute in later if minute % wish.rules.slot_minutes == 0]
    assert reported == {
        code: next(
            (
                at_minute(minute)
                for minute in (on_grid if code == "MIN_NOTICE" else later)
                if not (clash if code in clash else {code}) & expected_codes(room, minute, wish)
            ),
            frees_at if code == "OUTSIDE_BUSINESS_HOURS" else None,
        )
        for code, frees_at in reported.items()
    }
