"""A slot of a room with seats is free for a party if as many seats are free throughout."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.availability import RoomCalendar, reasons_against, refusals
from domain.bookings.refusals import Busy, SlotTaken
from domain.bookings.room_starts import SlotSearch
from domain.bookings.seats import lowest, numbers_of, reseated, seats_to_take, set_of
from domain.bookings.slot_facts import RoomFacts, SlotRequest, VenueRules
from domain.bookings.slots import RoomSlots, SlotState, slot_at
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime
from domain.core.refusals import Code
from domain.core.stretches import Stretch
from domain.venue.hours import HoursFacts, LocalInterval, Weekday, WeeklyHours
from tests.domain.strategies import EPOCH, at_minute, intervals, minute_of, minutes_in

STUDIO_ID = RoomId(UUID("01940000-0000-7000-8000-000000000001"))
RULES = VenueRules(
    ZoneInfo("UTC"),
    slot_minutes=10,
    min_notice_minutes=0,
    max_advance_days=90,
    min_duration_minutes=1,
    max_duration_minutes=720,
)
WISH = SlotRequest(
    duration_minutes=60, party_size=2, rules=RULES, override=False, now=EPOCH - timedelta(days=7)
)
ALWAYS = HoursFacts(
    tuple(
        WeeklyHours(weekday, (LocalInterval(LocalTime(0), LocalTime(1440)),)) for weekday in Weekday
    )
)
STUDIO = RoomFacts(
    STUDIO_ID,
    name="Studio",
    capacity=8,
    archived=False,
    buffer_before_minutes=0,
    buffer_after_minutes=0,
    hourly_rate=None,
    hours=ALWAYS,
    seats=4,
)


def taken(start: int, end: int, seats: int) -> Busy:
    """Returns a booking of a set of seats, from one minute after the epoch to another."""
    time = Interval(at_minute(start), at_minute(end))
    return Busy(STUDIO_ID, BookingId(uuid4()), time, occupied=time, seats=seats)


def test_the_lowest_seats_are_taken_but_for_those_that_a_party_has() -> None:
    assert lowest(0b1011010, 3) == 0b0011010
    assert seats_to_take(0b1011010, 3) == 0b0011010
    assert seats_to_take(0b1011010, 3, own=0b1100000) == 0b1001010
    assert seats_to_take(0b1011010, 1, own=0b1010000) == 0b0010000


def test_a_set_of_seats_has_their_numbers() -> None:
    assert [*numbers_of(0b1001)] == [0, 3]
    assert set_of([3, 0]) == 0b1001


def test_a_party_needs_the_same_seats_from_its_start_to_its_end() -> None:
    # At any instant two seats are free, but only one of them is free from the start to the end.
    room = replace(STUDIO, busy=(taken(0, 30, 0b0011), taken(30, 60, 0b0110)))

    (reason,) = reasons_against(room, at_minute(0), WISH)

    assert reason.code is Code.SLOT_TAKEN
    assert reason.message == "Studio has 1 seat left at this time."
    assert reason.rule == {"seats": 4, "remainingSeats": 1}
    assert reason.frees_at == at_minute(30)
    assert reasons_against(room, at_minute(0), replace(WISH, duration_minutes=30)) == ()


def test_a_refused_party_is_told_how_many_seats_are_left() -> None:
    first, second = taken(0, 60, 0b0001), taken(0, 60, 0b0110)
    room = replace(STUDIO, busy=(first, second))
    start = at_minute(30)

    (refusal,) = refusals(room, start, reasons_against(room, start, WISH), wish=WISH)

    assert isinstance(refusal, SlotTaken)
    assert refusal.remaining_seats == 1
    assert refusal.message == "Studio has 1 seat left at this time."
    assert [busy.interval for busy in refusal.conflicts] == [first.interval]


def test_a_party_of_more_people_than_seats_exceeds_the_capacity() -> None:
    (reason,) = reasons_against(STUDIO, at_minute(0), replace(WISH, party_size=5))

    assert reason.code is Code.CAPACITY_EXCEEDED
    assert reason.rule == {"capacity": 4}


def test_the_seats_left_are_those_of_any_party() -> None:
    room = replace(STUDIO, busy=(taken(60, 120, 0b0111),))
    search = SlotSearch(
        replace(WISH, party_size=5), Interval(at_minute(0), at_minute(60) + timedelta(seconds=1))
    )

    found = [*RoomSlots.of(room, search, include_unavailable=True)]

    assert [slot.remaining_seats for slot in found] == [4, 1, 1, 1, 1, 1, 1]
    assert {slot.state for slot in found} == {SlotState.BLOCKED}


def test_no_seat_is_left_where_a_rule_refuses_everybody() -> None:
    room = replace(STUDIO, blackouts=(Interval(at_minute(0), at_minute(60)),))

    assert slot_at(room, at_minute(0), WISH).remaining_seats == 0
    assert slot_at(room, at_minute(60), WISH).remaining_seats == 4
    assert slot_at(replace(room, archived=True), at_minute(60), WISH).remaining_seats == 0
    assert slot_at(replace(room, seats=None), at_minute(60), WISH).remaining_seats is None


def test_a_booking_keeps_its_seats_within_its_own_time() -> None:
    # The buffer that the room has by now would part it from its neighbour.
    own = taken(60, 120, 0b0011)
    room = replace(STUDIO, buffer_after_minutes=15, busy=(taken(120, 180, 0b1111),), moving=own)

    assert reasons_against(room, at_minute(60), WISH) == ()
    assert RoomCalendar.of(room, own.interval, WISH).seat_numbers(own.interval, 2) == [0, 1]
    (reason,) = reasons_against(room, at_minute(50), WISH)
    assert (reason.code, reason.frees_at) == (Code.SLOT_TAKEN, at_minute(60))


@pytest.mark.parametrize(
    ("party", "free"),
    [
        pytest.param(1, 144, id="one-is-always-left"),
        pytest.param(2, 139, id="both-bookings-leave-one"),
        pytest.param(3, 136, id="the-second-leaves-two"),
        pytest.param(4, 133, id="each-takes-some"),
    ],
)
def test_the_starts_of_a_day_are_free_where_a_party_finds_seats(party: int, free: int) -> None:
    room = replace(STUDIO, busy=(taken(600, 660, 0b0001), taken(630, 690, 0b0110)))
    day = Interval(at_minute(0), at_minute(1440))
    wish = replace(WISH, duration_minutes=30, party_size=party)

    assert RoomSlots.of(room, SlotSearch(wish, day)).listed.bit_count() == free


# ------------------------------------------------------------------------------ properties


SEATS = 5
sets_of_seats = st.integers(1, (1 << SEATS) - 1)


@st.composite
def rooms(draw: st.DrawFn) -> RoomFacts:
    """Returns rooms with seats, of which bookings have some at times, whoever has the others."""
    buffers = st.sampled_from([0, 0, 5, 20])

    def busy() -> Busy:
        time = draw(intervals(last=400, longest=90))
        occupied = time.padded(before_minutes=draw(buffers), after_minutes=draw(buffers))
        return Busy(STUDIO_ID, BookingId(uuid4()), time, occupied, seats=draw(sets_of_seats))

    return replace(
        STUDIO,
        seats=SEATS,
        archived=draw(st.sampled_from([False, False, False, True])),
        buffer_before_minutes=draw(buffers),
        buffer_after_minutes=draw(buffers),
        blackouts=tuple(draw(st.lists(intervals(last=500, longest=60), max_size=1))),
        busy=tuple(busy() for _ in range(draw(st.integers(0, 6)))),
        moving=draw(st.sampled_from([None, busy()])),
    )


wishes = st.builds(
    SlotRequest,
    duration_minutes=st.integers(1, 90),
    party_size=st.integers(1, SEATS + 1),
    rules=st.just(replace(RULES, min_duration_minutes=5)),
    override=st.just(True),
    now=st.integers(-1800, 100).map(at_minute),
)


def free_seats(room: RoomFacts, start: int, wish: SlotRequest) -> set[int]:
    """Returns the seats that are free for a start, counted minute by minute for each seat."""
    slot = Interval.of_minutes(at_minute(start), wish.duration_minutes)
    padded = minutes_in(room.padded(slot))
    own = room.moving.seats if room.moving and room.moving.interval.contains(slot) else 0
    return {
        seat
        for seat in range(SEATS)
        if own >> seat & 1
        or not any(
            busy.seats >> seat & 1 and padded & minutes_in(busy.occupied) for busy in room.busy
        )
    }


@given(rooms(), wishes, st.integers(0, 500))
def test_a_slot_is_free_for_a_party_that_finds_seats(
    room: RoomFacts, wish: SlotRequest, start: int
) -> None:
    free = free_seats(room, start, wish)

    reasons = reasons_against(room, at_minute(start), wish)

    refused = Code.SLOT_TAKEN in {each.code for each in reasons}
    assert refused == (len(free) < wish.party_size <= SEATS)
    if wish.party_size <= len(free):
        wanted = wish.interval(at_minute(start))
        seats = RoomCalendar.of(room, wanted, wish).seat_numbers(wanted, wish.party_size)
        own = room.moving.seats if room.moving else 0
        first = sorted(free, key=lambda seat: (not own >> seat & 1, seat))
        assert seats == sorted(first[: wish.party_size])


@given(rooms(), wishes, st.integers(0, 500))
def test_seats_free_up_at_the_first_start_at_which_a_party_finds_enough(
    room: RoomFacts, wish: SlotRequest, start: int
) -> None:
    reasons = reasons_against(room, at_minute(start), wish)

    told = [each.frees_at for each in reasons if each.code is Code.SLOT_TAKEN]

    later = range(start, 1000)
    enough = (minute for minute in later if len(free_seats(room, minute, wish)) >= wish.party_size)
    assert told in ([], [at_minute(next(enough, -1))])


@given(rooms(), wishes)
def test_the_remaining_seats_are_exactly_the_largest_party_that_would_get_in(
    room: RoomFacts, wish: SlotRequest
) -> None:
    window = Interval(at_minute(0), at_minute(500))

    found = [*RoomSlots.of(room, SlotSearch(wish, window), include_unavailable=True)]

    assert [each.interval.start for each in found] == [*RULES.grid(window).starts]
    for slot in found:
        start = slot.interval.start
        largest = max(
            party
            for party in range(SEATS + 2)
            if not party or not reasons_against(room, start, replace(wish, party_size=party))
        )
        assert slot.remaining_seats == largest
        assert slot == slot_at(room, start, wish)
        assert (slot.state is SlotState.FREE) == (wish.party_size <= largest)


@given(rooms(), wishes)
def test_slots_of_a_part_have_the_same_seats_and_reasons(
    room: RoomFacts, wish: SlotRequest
) -> None:
    search = SlotSearch(wish, Interval(at_minute(0), at_minute(500)))
    slots = RoomSlots.of(room, search, include_unavailable=True)

    parts = [
        replace(first, interval=slots.slot(place, explained=False).interval)
        for first, part in slots.parts(explained=True)
        for place in part
    ]

    assert parts == [*slots]


@given(rooms(), wishes)
def test_refused_spans_contain_what_lies_between_a_refused_start_and_where_it_frees(
    room: RoomFacts, wish: SlotRequest
) -> None:
    calendar = RoomCalendar.of(room, Interval(at_minute(0), at_minute(600)), wish)
    spans = [Interval.of_stretch(each) for each in calendar.refused_spans]

    for minute in range(0, 500, 10):
        start = at_minute(minute)
        for reason in calendar.reasons_against(wish.interval(start)):
            if reason.code is Code.SLOT_TAKEN:
                assert reason.frees_at is not None
                assert any(s.start < start and reason.frees_at <= s.end for s in spans)


parties = st.lists(
    st.tuples(intervals(last=100, longest=40), st.integers(1, SEATS)), min_size=1, max_size=10
)


@given(parties)
def test_parties_are_seated_anew_exactly_if_they_are_never_more_than_the_seats(
    wanted: list[tuple[Interval, int]],
) -> None:
    stretches: list[tuple[int, Stretch, int]] = [
        (number, time.stretch, party) for number, (time, party) in enumerate(wanted)
    ]

    found, left_out = reseated(stretches, SEATS)

    at_once = max(
        sum(party for time, party in wanted if minute in minutes_in(time))
        for minute in range(minute_of(max(time.end for time, _ in wanted)))
    )
    assert (left_out == []) == (at_once <= SEATS)
    assert sorted([*found, *left_out]) == [*range(len(wanted))]
    for number, seats in found.items():
        time, party = wanted[number]
        assert seats.bit_count() == party
        assert seats < 1 << SEATS
        for other, others in found.items():
            if other != number and wanted[other][0].overlaps(time):
                assert not seats & others
