"""Changes of slots by time alone: the rules find the same as a check of every moment."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.availability_changes import (
    AffectedSlots,
    next_change,
    recomputed,
    starts_affected_by_time,
)
from domain.bookings.price_rules import PriceRule, Range
from domain.bookings.pricing import PriceUnit
from domain.bookings.room_prices import VenuePrices
from domain.bookings.room_starts import SlotSearch
from domain.bookings.slot_facts import RoomFacts, SlotRequest
from domain.bookings.slots import RoomSlots, Slot
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.tenants.price_settings import PriceSettings
from tests.domain.bookings.test_availability import facts, wishes
from tests.domain.strategies import at_minute

WINDOW = Interval(at_minute(0), at_minute(600))
SECONDS = st.integers(0, 7200)
PLANS = st.sampled_from([Range(20, None), Range(None, 45), Range(15, 90)]).map(
    lambda notice: VenuePrices(
        [PriceRule("Late", PriceUnit.HOUR, Money(900, "USD"), notice=notice)], PriceSettings()
    )
)


def listed(room: RoomFacts, wish: SlotRequest, *, everything: bool) -> dict[datetime, Slot]:
    found = RoomSlots.of(room, SlotSearch(wish, WINDOW), include_unavailable=everything)
    return {slot.interval.start: slot for slot in found}


@given(facts(), wishes, PLANS, SECONDS, SECONDS, st.booleans())
def test_nothing_changes_before_the_time_that_is_told(
    room: RoomFacts,
    wish: SlotRequest,
    prices: VenuePrices,
    second: int,
    later: int,
    everything: bool,
) -> None:
    room = replace(room, price_plan=prices.of_room(room.id, None))
    wish = replace(wish, now=wish.now + timedelta(seconds=second))
    grid = wish.rules.grid(WINDOW)
    until = next_change(
        grid.starts,
        wish,
        include_unavailable=everything,
        expiries=(),
        price_notices=prices.notices,
    )

    then = wish.now + timedelta(seconds=later)
    if until is not None and then >= until:
        then = until - timedelta(microseconds=1)

    before = listed(room, wish, everything=everything)
    assert listed(room, replace(wish, now=then), everything=everything) == before


@given(facts(), wishes, PLANS, SECONDS, st.booleans())
def test_what_time_changes_is_told(
    room: RoomFacts, wish: SlotRequest, prices: VenuePrices, later: int, everything: bool
) -> None:
    room = replace(room, price_plan=prices.of_room(room.id, None))
    now = replace(wish, now=wish.now + timedelta(seconds=later))
    search = SlotSearch(now, WINDOW)
    touched = AffectedSlots()
    for span in starts_affected_by_time(
        wish.now, now, include_unavailable=everything, price_notices=prices.notices
    ):
        touched.add(None, span, search.grid)

    slots_by_start = listed(room, wish, everything=everything)
    slots = RoomSlots.of(room, search, include_unavailable=everything)
    upserted, removed = recomputed(slots, touched, include_unavailable=everything)
    slots_by_start |= {slot.interval.start: slot for slot in upserted}
    for start in removed:
        slots_by_start.pop(start, None)

    assert slots_by_start == listed(room, now, everything=everything)
