"""Who on a waitlist gets a time, in their order, and how long they have to accept it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.availability import reasons_against
from domain.bookings.slot_facts import RoomFacts, SlotRequest
from domain.bookings.waitlist import (
    Offer,
    Openings,
    Waiting,
    WaitlistDates,
    WaitlistWish,
    accept_until,
    lasting_reasons,
    span_refusals,
)
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime
from domain.core.refusals import Code
from tests.domain.bookings.test_availability import (
    BLUE_ROOM,
    FRIDAY_AT_SEVEN,
    NEW_YORK,
    NOW,
    RULES,
    booked,
)

FRIDAY = date(2027, 1, 8)
HOUR = timedelta(hours=1)
WEEK = Interval(NOW, NOW + timedelta(days=7))
FULL = replace(BLUE_ROOM, busy=(booked(Interval(NOW, NOW + timedelta(days=30))),))


def entry(number: int, **wish: object) -> Waiting:
    given = {"duration_minutes": 60, "party_size": 2, "starts_at": FRIDAY_AT_SEVEN, **wish}
    return Waiting(UUID(int=number), WaitlistWish(**given))  # type: ignore[arg-type]


def evening(number: int, **wish: object) -> Waiting:
    """Waits for any time on Friday from 18:00 to 22:00."""
    dates = WaitlistDates(FRIDAY, FRIDAY, LocalTime(18 * 60), LocalTime(22 * 60))
    return entry(number, starts_at=None, dates=dates, **wish)


def offers(
    queue: Sequence[Waiting], room: RoomFacts = BLUE_ROOM, *, now: datetime = NOW
) -> list[Offer]:
    openings = Openings(room, WEEK, RULES, now)
    return [each for each in map(openings.offer, queue) if each is not None]


def given_away(
    queue: Sequence[Waiting], room: RoomFacts = BLUE_ROOM, *, now: datetime = NOW
) -> list[tuple[int, datetime]]:
    return [(each.entry.id.int, each.starts_at) for each in offers(queue, room, now=now)]


def at(hour: int, minute: int = 0) -> datetime:
    """An instant on Friday evening in New York."""
    return datetime(2027, 1, 8, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


# ------------------------------------------------------------------------------ who gets it


def test_the_first_of_those_who_want_a_start_gets_it() -> None:
    assert given_away([entry(1), entry(2)]) == [(1, FRIDAY_AT_SEVEN)]


def test_who_waits_for_any_time_of_an_evening_gets_the_first_that_is_left() -> None:
    queue = [entry(1, starts_at=at(18, 30)), evening(2), evening(3), evening(4), evening(5)]

    assert given_away(queue) == [
        (1, at(18, 30)),
        (2, at(19, 30)),
        (3, at(20, 30)),
    ]


def test_those_who_are_passed_over_do_not_hold_up_the_others() -> None:
    other_room = frozenset({UUID(int=7)})
    queue = [
        entry(1, party_size=9),
        entry(2, room_ids=other_room),
        entry(3, duration_minutes=800),
        entry(4, starts_at=at(19, 10)),
        entry(5),
    ]

    assert given_away(queue) == [(5, FRIDAY_AT_SEVEN)]


def test_nothing_is_offered_of_a_room_that_is_taken() -> None:
    assert given_away([entry(1), evening(2)], FULL) == []


def test_what_is_too_near_to_be_accepted_is_not_offered() -> None:
    now = FRIDAY_AT_SEVEN - HOUR

    # A booking at seven is still allowed at this very moment, but nobody could accept it.
    assert given_away([entry(1), evening(2)], now=now) == [(2, at(19, 30))]


@st.composite
def queues(draw: st.DrawFn) -> list[Waiting]:
    wishes = st.builds(
        lambda start, minutes, party, is_exact: (
            (
                {"starts_at": at(17, 0) + timedelta(minutes=start), "dates": None}
                if is_exact
                else {
                    "starts_at": None,
                    "dates": WaitlistDates(FRIDAY, FRIDAY, LocalTime(17 * 60 + start)),
                }
            )
            | {"duration_minutes": minutes, "party_size": party}
        ),
        st.sampled_from(range(0, 240, 15)),
        st.sampled_from([30, 60, 120]),
        st.integers(1, 9),
        st.booleans(),
    )
    return [entry(number, **wish) for number, wish in enumerate(draw(st.lists(wishes, max_size=8)))]


@given(
    queues(),
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4)), max_size=3),
    st.sampled_from([0, 10]),
)
def test_offers_are_free_for_who_gets_them_and_for_nobody_before(
    queue: list[Waiting], taken: list[tuple[int, int]], buffer: int
) -> None:
    busy = tuple(
        booked(Interval.of_minutes(at(17) + n * HOUR / 2, 30 * parts)) for n, parts in taken
    )
    room = replace(BLUE_ROOM, busy=busy, buffer_after_minutes=buffer)

    made = offers(queue, room)

    left = {each.id for each in queue} - {each.entry.id for each in made}
    for each in made:
        wish = each.entry.wish
        request = SlotRequest(
            wish.duration_minutes, wish.party_size, RULES, override=False, now=NOW
        )
        assert reasons_against(room, each.starts_at, request) == ()
        time = Interval.of_minutes(each.starts_at, wish.duration_minutes)
        assert any(window.contains(time) for window in wish.windows(NEW_YORK))
        room = replace(room, busy=(*room.busy, booked(time, after=buffer)))
    # Whoever got nothing gets nothing of what is left.
    rest = [each for each in queue if each.id in left]
    assert offers(rest, room) == []


# ------------------------------------------------------------------------------ how long


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at(10), at(10, 15)),
        (at(17, 50), at(18)),
        (at(23) - timedelta(days=1), at(18)),
        (at(12) - timedelta(days=3), at(12) - timedelta(days=2)),
    ],
    ids=["the same day", "no longer than the notice", "the evening before", "days before"],
)
def test_an_offer_ends_in_time(now: datetime, until: datetime) -> None:
    assert accept_until(FRIDAY_AT_SEVEN, now=now, rules=RULES) == until


def test_the_same_day_is_that_of_the_venue() -> None:
    # In UTC, it is the day before.
    now = datetime(2027, 1, 8, 23, 30, tzinfo=UTC)

    assert accept_until(at(20), now=now, rules=RULES) == now + timedelta(minutes=15)


# ------------------------------------------------------------------------------ what can be wanted


def test_dates_are_windows_of_the_wall_clock_over_a_clock_change() -> None:
    dates = WaitlistDates(
        date(2027, 3, 13), date(2027, 3, 14), LocalTime(22 * 60), LocalTime(26 * 60)
    )
    wish = WaitlistWish(60, 1, dates=dates)

    # The clock skips 02:00 to 03:00 in the first night.
    assert [each.minutes for each in wish.windows(NEW_YORK)] == [240, 240]
    assert wish.first_and_last(ZoneInfo("America/New_York")) == (
        datetime(2027, 3, 14, 3, tzinfo=UTC),
        datetime(2027, 3, 15, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("first", "last", "times", "path"),
    [
        (FRIDAY, date(2027, 4, 8), (None, None), ("dates", "last")),
        (FRIDAY, date(2027, 1, 7), (None, None), ("dates", "last")),
        (date(1, 1, 1), date(1, 1, 2), (None, None), ("dates", "first")),
        (date(9999, 12, 31), date(9999, 12, 31), (None, None), ("dates", "first")),
        (FRIDAY, FRIDAY, (LocalTime(600), LocalTime(630)), ("dates",)),
        (FRIDAY, FRIDAY, (LocalTime(630), LocalTime(600)), ("dates",)),
        (date(2026, 12, 1), date(2026, 12, 2), (None, None), ("dates", "last")),
    ],
    ids=["too long", "backwards", "year 1", "year 9999", "too short", "no time", "past"],
)
def test_dates_that_nobody_can_book_are_refused(
    first: date, last: date, times: tuple[LocalTime | None, LocalTime | None], path: tuple[str, ...]
) -> None:
    wish = WaitlistWish(60, 1, dates=WaitlistDates(first, last, *times))

    assert [each.path for each in span_refusals(wish, NEW_YORK, now=NOW)] == [path]


def test_ninety_days_can_be_waited_for() -> None:
    dates = WaitlistDates(FRIDAY, FRIDAY + timedelta(days=89))

    assert span_refusals(WaitlistWish(60, 1, dates=dates), NEW_YORK, now=NOW) == []


def test_only_what_no_cancellation_lifts_refuses_to_wait() -> None:
    closed_and_taken = replace(FULL, id=RoomId(UUID(int=8)))
    wish = WaitlistWish(60, 9, FRIDAY_AT_SEVEN + timedelta(minutes=10, days=2 * 365))
    request = SlotRequest(60, 9, RULES, override=False, now=NOW)

    assert [each.code for each in lasting_reasons(closed_and_taken, wish, request)] == [
        Code.CAPACITY_EXCEEDED,
        Code.OFF_GRID,
    ]
