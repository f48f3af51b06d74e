"""Several rooms in one booking: what is asked of each, and of all together."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.availability import clashes, reasons_against
from domain.bookings.pricing import Price, PriceLine, PriceUnit
from domain.bookings.refusals import Busy, Reason, SlotUnavailable
from domain.bookings.several_rooms import MOST_ROOMS, choice_refusals, of_all, summed, together
from domain.bookings.slot_facts import RoomFacts, SlotRequest, VenueRules
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime
from domain.core.money import Money
from domain.core.refusals import Code, Refusal
from domain.venue.hours import HoursFacts, LocalInterval, Weekday, WeeklyHours
from kit.ids import new_id

TEN: Final = datetime(2027, 3, 2, 10, tzinfo=UTC)
RULES: Final = VenueRules(ZoneInfo("UTC"), 15, 0, 90, 15, 720)


OPEN: Final = HoursFacts(
    (WeeklyHours(Weekday.TUESDAY, (LocalInterval(LocalTime(0), LocalTime(24 * 60)),)),)
)


def minutes(since: int, length: int) -> Interval:
    return Interval.of_minutes(TEN + timedelta(minutes=since), length)


@st.composite
def rooms(draw: st.DrawFn) -> RoomFacts:
    id = RoomId(new_id())
    buffers = st.sampled_from([0, 15, 45])
    busy = []
    for _ in range(draw(st.integers(0, 2))):
        time = minutes(15 * draw(st.integers(-12, 12)), 15 * draw(st.integers(1, 6)))
        occupied = time.padded(before_minutes=draw(buffers), after_minutes=draw(buffers))
        busy.append(Busy(id, BookingId(new_id()), time, occupied))
    return RoomFacts(
        id,
        name="Room",
        capacity=1,
        archived=False,
        buffer_before_minutes=draw(buffers),
        buffer_after_minutes=draw(buffers),
        hourly_rate=None,
        hours=OPEN,
        busy=tuple(busy),
    )


@given(st.lists(rooms(), min_size=2, max_size=4))
def test_rooms_are_free_together_exactly_if_their_common_time_is(found: list[RoomFacts]) -> None:
    wish = SlotRequest(60, 9, RULES, override=False, now=TEN - timedelta(days=1))
    wanted = wish.interval(TEN)

    decided = together(found, wish.party_size)

    (occupied,) = {each.occupied_by(wanted) for each in decided}
    assert all(occupied.contains(room.occupied_by(wanted)) for room in found)
    for room, each in zip(found, decided, strict=True):
        is_taken = any(busy.occupied.overlaps(occupied) for busy in room.busy)
        assert bool(reasons_against(each, TEN, wish)) is is_taken
        assert bool(clashes(each, wanted)) is is_taken


def test_what_the_venue_refuses_is_told_once() -> None:
    def refused(code: Code, text: str) -> Refusal:
        return SlotUnavailable(code, (Reason(code, text),), path=("room_id",))

    found = of_all(
        [
            [refused(Code.OFF_GRID, "Off"), refused(Code.ROOM_ARCHIVED, "A is archived")],
            [refused(Code.OFF_GRID, "Off"), refused(Code.ROOM_ARCHIVED, "B is archived")],
        ],
        together=(),
    )

    assert [each.message for each in found] == ["Off", "A is archived", "B is archived"]
    assert [each.path for each in found] == [("room_id",), ("room_id",), ("also_room_ids", 0)]


def test_the_price_of_all_rooms_has_the_lines_of_each_and_one_minimum() -> None:
    def price(amount: int) -> Price:
        line = PriceLine("Room", Money(amount, "EUR"))
        return Price.of([line], minimum=Money(5_000, "EUR"))

    whole = summed([price(2_000), None, price(2_500)])

    assert whole is not None
    assert [(line.unit, line.amount.amount_minor) for line in whole.lines] == [
        (PriceUnit.HOUR, 2_000),
        (PriceUnit.HOUR, 2_500),
        (None, 500),
    ]
    assert whole.total == Money(5_000, "EUR")
    assert summed([None, price(2_000)]) == price(2_000)
    assert summed([None, None]) is None


def test_what_is_charged_once_is_charged_with_the_first_room() -> None:
    def price(room: str, unit: PriceUnit) -> Price:
        once = PriceLine("Tasting", Money(6_000, "EUR"), unit=unit, each=Money(1_500, "EUR"))
        return Price.of([PriceLine(room, Money(2_000, "EUR")), once])

    for unit in (PriceUnit.PERSON, PriceUnit.BOOKING):
        whole = summed([price("A", unit), price("B", unit)])

        assert whole is not None
        assert [(line.label, line.amount.amount_minor) for line in whole.lines] == [
            ("A", 2_000),
            ("Tasting", 6_000),
            ("B", 2_000),
            ("Tasting", 0),
        ]


def test_rooms_of_one_booking_share_no_space_and_are_few() -> None:
    halves = [["left"], ["right"]]

    assert choice_refusals(halves) == []
    (refusal,) = choice_refusals([["studio"], ["left", "right"], ["right"]])
    assert refusal.path == ("also_room_ids", 1)
    (refusal,) = choice_refusals(halves[:1] * 2, path=("room_id",))
    assert refusal.path == ("room_id",)
    many = [[each] for each in range(MOST_ROOMS + 1)]
    assert [each.code for each in choice_refusals(many)] == [Code.QUOTA_EXCEEDED]
    assert choice_refusals(many[1:]) == []
