"""Slots are free if and only if a booking of them would be accepted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.availability import reasons_against
from domain.bookings.refusals import Busy, Reason
from domain.bookings.room_starts import SlotSearch
from domain.bookings.slot_facts import RoomFacts, SlotRequest, VenueRules
from domain.bookings.slots import (
    RoomSlots,
    Slot,
    SlotState,
    alternatives,
    alternatives_window,
    slot_at,
)
from domain.bookings.slots import next_free_slot as first_free
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime
from domain.core.money import Money
from domain.venue.hours import HoursFacts, LocalInterval, Weekday, WeeklyHours
from tests.domain.strategies import zoned_days

NEW_YORK = ZoneInfo("America/New_York")
BLUE_ID = RoomId(UUID("01940000-0000-7000-8000-000000000001"))
GREEN_ID = RoomId(UUID("01940000-0000-7000-8000-000000000002"))
BOOKING_ID = BookingId(UUID("01940000-0000-7000-8000-000000000003"))
RULES = VenueRules(
    NEW_YORK,
    slot_minutes=60,
    min_notice_minutes=60,
    max_advance_days=90,
    min_duration_minutes=15,
    max_duration_minutes=720,
)
WISH = SlotRequest(
    duration_minutes=60,
    party_size=4,
    rules=RULES,
    override=False,
    now=datetime(2027, 1, 4, 12, tzinfo=UTC),
)
EVENINGS = HoursFacts(
    tuple(
        WeeklyHours(weekday, (LocalInterval(LocalTime(18 * 60), LocalTime(21 * 60)),))
        for weekday in Weekday
    )
)
BLUE_ROOM = RoomFacts(
    BLUE_ID,
    name="Blue Room",
    capacity=8,
    archived=False,
    buffer_before_minutes=0,
    buffer_after_minutes=0,
    hourly_rate=Money(2900, "USD"),
    hours=EVENINGS,
)
GREEN_ROOM = replace(BLUE_ROOM, id=GREEN_ID, name="Green Room", hourly_rate=None)
# 8 January 2027 in New York.
FRIDAY = Interval(datetime(2027, 1, 8, 5, tzinfo=UTC), datetime(2027, 1, 9, 5, tzinfo=UTC))
AT_SIX = datetime(2027, 1, 8, 23, tzinfo=UTC)
AT_SEVEN = datetime(2027, 1, 9, 0, tzinfo=UTC)
AT_EIGHT = datetime(2027, 1, 9, 1, tzinfo=UTC)


def booked(room_id: RoomId, start: datetime, minutes: int) -> Busy:
    interval = Interval.of_minutes(start, minutes)
    return Busy(room_id, BOOKING_ID, interval, occupied=interval)


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code.value for reason in reasons]


def slots(
    rooms: list[RoomFacts],
    window: Interval,
    *,
    wish: SlotRequest,
    include_unavailable: bool = False,
) -> list[Slot]:
    """Returns the slots of a time, room by room."""
    search = SlotSearch(wish, window)
    return [
        slot
        for room in rooms
        for slot in RoomSlots.of(room, search, include_unavailable=include_unavailable)
    ]


def next_free_slot(rooms: list[RoomFacts], window: Interval, *, wish: SlotRequest) -> Slot | None:
    """Returns the first free slot of a time, whatever is listed."""
    search = SlotSearch(wish, window)
    return first_free([RoomSlots.of(room, search, include_unavailable=True) for room in rooms])


def around_seven(*rooms: RoomFacts) -> list[RoomSlots]:
    search = SlotSearch(WISH, alternatives_window(AT_SEVEN))
    return [RoomSlots.of(room, search) for room in rooms]


def places(found: list[Slot]) -> list[tuple[RoomId, datetime]]:
    return [(slot.room_id, slot.interval.start) for slot in found]


def test_free_slots_are_listed_room_by_room() -> None:
    blue = replace(BLUE_ROOM, busy=(booked(BLUE_ID, AT_SEVEN, 60),))

    found = slots([GREEN_ROOM, blue], FRIDAY, wish=WISH)

    assert places(found) == [
        (GREEN_ID, AT_SIX),
        (GREEN_ID, AT_SEVEN),
        (GREEN_ID, AT_EIGHT),
        (BLUE_ID, AT_SIX),
        (BLUE_ID, AT_EIGHT),
    ]


def test_a_slot_carries_its_price() -> None:
    wish = replace(WISH, duration_minutes=90)

    assert slots([BLUE_ROOM], FRIDAY, wish=wish)[0] == Slot(
        BLUE_ID,
        interval=Interval.of_minutes(AT_SIX, 90),
        state=SlotState.FREE,
        price=Money(4350, "USD"),
        reasons=(),
    )
    assert slots([GREEN_ROOM], FRIDAY, wish=wish)[0].price is None


def test_unavailable_slots_within_the_hours_are_listed_when_asked_for() -> None:
    room = replace(
        BLUE_ROOM,
        busy=(booked(BLUE_ID, AT_SEVEN, 60),),
        blackouts=(Interval.of_minutes(AT_EIGHT, 60),),
    )

    found = slots([room], FRIDAY, wish=WISH, include_unavailable=True)

    assert [(slot.interval.start, slot.state) for slot in found] == [
        (AT_SIX, SlotState.FREE),
        (AT_SEVEN, SlotState.BUSY),
        (AT_EIGHT, SlotState.BLOCKED),
    ]
    assert [[reason.code for reason in slot.reasons] for slot in found] == [
        [],
        ["SLOT_TAKEN"],
        ["BLACKOUT"],
    ]


def test_a_slot_that_is_booked_and_refused_by_a_rule_is_blocked() -> None:
    room = replace(BLUE_ROOM, capacity=2, busy=(booked(BLUE_ID, AT_SEVEN, 60),))

    assert slot_at(room, AT_SEVEN, WISH).state is SlotState.BLOCKED


def test_a_room_too_small_has_no_free_slots() -> None:
    assert slots([replace(BLUE_ROOM, capacity=2)], FRIDAY, wish=WISH) == []


@pytest.mark.parametrize(
    "ahead",
    [timedelta(minutes=60), timedelta(days=90)],
    ids=["the shortest notice", "the longest advance"],
)
def test_the_very_edge_of_the_notice_and_the_advance_is_free(ahead: timedelta) -> None:
    wish = replace(WISH, now=AT_SEVEN - ahead)

    found = slots([BLUE_ROOM], Interval.of_minutes(AT_SEVEN, 60), wish=wish)

    assert places(found) == [(BLUE_ID, AT_SEVEN)]


def test_any_start_can_be_looked_at() -> None:
    slot = slot_at(BLUE_ROOM, AT_SEVEN + timedelta(minutes=10), WISH)

    assert [reason.code for reason in slot.reasons] == ["OFF_GRID"]
    assert slot.state is SlotState.BLOCKED
    assert slot.price == Money(2900, "USD")


def test_the_next_free_slot_is_the_first_in_any_room() -> None:
    blue = replace(BLUE_ROOM, busy=(booked(BLUE_ID, AT_SIX, 60),))
    green = replace(GREEN_ROOM, busy=(booked(GREEN_ID, AT_SIX, 60),))

    assert next_free_slot([green, BLUE_ROOM], FRIDAY, wish=WISH) == slot_at(BLUE_ROOM, AT_SIX, WISH)
    assert next_free_slot([green, blue], FRIDAY, wish=WISH) == slot_at(green, AT_SEVEN, WISH)


def test_there_may_be_no_next_free_slot() -> None:
    assert next_free_slot([replace(BLUE_ROOM, archived=True)], FRIDAY, wish=WISH) is None


def test_alternatives_are_the_nearest_with_the_wanted_room_first() -> None:
    blue = replace(BLUE_ROOM, busy=(booked(BLUE_ID, AT_SEVEN, 60),))

    found = alternatives(around_seven(GREEN_ROOM, blue), BLUE_ID, AT_SEVEN, first=4)

    assert places(found) == [
        (GREEN_ID, AT_SEVEN),
        (BLUE_ID, AT_SIX),
        (GREEN_ID, AT_SIX),
        (BLUE_ID, AT_EIGHT),
    ]


def test_alternatives_to_a_full_evening_are_on_the_days_beside_it() -> None:
    blue = replace(BLUE_ROOM, busy=(booked(BLUE_ID, AT_SIX, 180),))

    found = alternatives(around_seven(blue), BLUE_ID, AT_SEVEN, first=3)

    assert [slot.interval.start for slot in found] == [
        AT_EIGHT - timedelta(days=1),
        AT_SIX + timedelta(days=1),
        AT_SEVEN - timedelta(days=1),
    ]


@st.composite
def venues(draw: st.DrawFn) -> tuple[list[RoomFacts], SlotRequest, Interval]:
    """Returns two rooms around a day on which the clock may change, and a request for a slot."""
    zone, day = draw(zoned_days())
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    minute = st.integers(-600, 3000)
    odd = st.sampled_from([0, 0, 0, 1, 1_000_000, 59_999_999])

    def some_instant() -> datetime:
        return first + timedelta(minutes=draw(minute), microseconds=draw(odd))

    def some_times(most: int) -> list[Interval]:
        return [
            Interval.of_minutes(some_instant(), draw(st.integers(1, 300)))
            for _ in range(draw(st.integers(0, most)))
        ]

    def some_hours() -> tuple[LocalInterval, ...]:
        opens = draw(st.integers(0, 1439))
        closes = min(opens + draw(st.integers(60, 900)), 1800)
        return draw(
            st.sampled_from([(), (LocalInterval(LocalTime(opens), LocalTime(closes)),)] * 2)
        )

    def week() -> tuple[WeeklyHours, ...]:
        hours = some_hours()
        return tuple(WeeklyHours(weekday, hours) for weekday in Weekday)

    def exceptions() -> dict[date, tuple[LocalInterval, ...]]:
        days = draw(st.lists(st.integers(-1, 2), max_size=2))
        return {day + timedelta(days=n): some_hours() for n in days}

    venue_week, venue_exceptions = week(), exceptions()

    def room(of: RoomFacts) -> RoomFacts:
        taken = some_times(4)
        before, after = draw(st.integers(0, 45)), draw(st.integers(0, 45))
        busy = [
            Busy(of.id, BOOKING_ID, each, each.padded(before_minutes=before, after_minutes=after))
            for each in taken
        ]
        is_moving = bool(busy) and draw(st.booleans())
        return replace(
            of,
            capacity=draw(st.sampled_from([3, 8, 8, 8])),
            archived=draw(st.sampled_from([False, False, False, True])),
            buffer_before_minutes=draw(st.integers(0, 45)),
            buffer_after_minutes=draw(st.integers(0, 45)),
            hourly_rate=draw(st.sampled_from([None, Money(2900, "USD"), Money(1001, "JPY")])),
            hours=HoursFacts(
                venue_week,
                room_weekly=week() if draw(st.booleans()) else (),
                venue_exceptions=venue_exceptions,
                room_exceptions=exceptions(),
            ),
            blackouts=tuple(some_times(2)),
            busy=tuple(busy[is_moving:]),
            moving=busy[0] if is_moving else None,
        )

    wish = SlotRequest(
        duration_minutes=draw(st.integers(10, 240)),
        party_size=draw(st.integers(3, 4)),
        rules=replace(
            RULES,
            zone=zone,
            slot_minutes=draw(st.sampled_from([15, 30, 45, 60])),
            max_advance_days=draw(st.sampled_from([1, 90])),
            min_duration_minutes=draw(st.sampled_from([10, 15, 60])),
        ),
        override=draw(st.booleans()),
        now=some_instant(),
    )
    window = Interval.of_minutes(some_instant(), draw(st.integers(1, 4000)))
    return [room(BLUE_ROOM), room(GREEN_ROOM)], wish, window


@given(venues())
def test_a_slot_is_free_exactly_when_there_are_no_reasons_against_it(
    venue: tuple[list[RoomFacts], SlotRequest, Interval],
) -> None:
    rooms, wish, window = venue

    found = slots(rooms, window, wish=wish)

    starts = wish.rules.grid(window).starts
    assert places(found) == [
        (room.id, start)
        for room in rooms
        for start in starts
        if not reasons_against(room, start, wish)
    ]


@given(venues())
def test_a_listed_slot_tells_the_same_reasons_as_one_looked_at_alone(
    venue: tuple[list[RoomFacts], SlotRequest, Interval],
) -> None:
    rooms, wish, window = venue

    found = slots(rooms, window, wish=wish, include_unavailable=True)

    alone = [
        slot_at(room, start, wish) for room in rooms for start in wish.rules.grid(window).starts
    ]
    closed = "OUTSIDE_BUSINESS_HOURS"
    assert found == [slot for slot in alone if closed not in {r.code for r in slot.reasons}]
    assert [slot for slot in found if slot.state is SlotState.FREE] == slots(
        rooms, window, wish=wish
    )


@given(venues())
def test_the_next_free_slot_is_the_earliest_of_all(
    venue: tuple[list[RoomFacts], SlotRequest, Interval],
) -> None:
    rooms, wish, window = venue
    free = slots(rooms, window, wish=wish)

    expected = min(free, key=lambda slot: slot.interval.start, default=None)

    assert next_free_slot(rooms, window, wish=wish) == expected


@given(venues(), st.integers(1, 5))
def test_alternatives_are_the_nearest_of_all_free_slots(
    venue: tuple[list[RoomFacts], SlotRequest, Interval], first: int
) -> None:
    rooms, wish, window = venue
    wanted = window.start
    free = slots(rooms, alternatives_window(wanted), wish=wish)

    search = SlotSearch(wish, alternatives_window(wanted))
    searched = [RoomSlots.of(room, search) for room in rooms]
    found = alternatives(searched, GREEN_ID, wanted, first=first)

    nearest = sorted(
        free,
        key=lambda slot: (
            abs(slot.interval.start - wanted),
            slot.interval.start,
            slot.room_id != GREEN_ID,
        ),
    )
    assert found == nearest[:first]


def test_a_day_whose_midnight_is_skipped_begins_on_the_grid_with_its_first_instant() -> None:
    cairo = replace(RULES, zone=ZoneInfo("Africa/Cairo"), slot_minutes=1440)
    # In 2027 the clock goes from 00:00 to 01:00 on the 30th of April.
    days = Interval(datetime(2027, 4, 28, 22, tzinfo=UTC), datetime(2027, 4, 30, 20, tzinfo=UTC))
    always = tuple(
        WeeklyHours(weekday, (LocalInterval(LocalTime(0), LocalTime(1440)),)) for weekday in Weekday
    )
    room = replace(BLUE_ROOM, hours=HoursFacts(always))
    wish = replace(WISH, rules=cairo, now=datetime(2027, 4, 1, tzinfo=UTC))
    first_instant = datetime(2027, 4, 29, 22, tzinfo=UTC)

    assert cairo.grid(days).starts == (days.start, first_instant)
    assert reasons_against(room, first_instant, wish) == ()
    assert codes(reasons_against(room, first_instant + timedelta(hours=1), wish)) == ["OFF_GRID"]
