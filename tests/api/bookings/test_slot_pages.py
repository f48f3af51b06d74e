"""Pages of slots are printed in runs, which tell of each slot what it tells itself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest

from domain.bookings.refusals import Reason
from domain.bookings.room_starts import SlotSearch
from domain.bookings.slot_facts import RoomFacts, SlotRequest
from domain.bookings.slots import RoomSlots, SlotState
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from models.venue.rooms import Room
from resolvers.bookings.slot_pages import SlotPage
from tests.domain.bookings.test_slots import (
    AT_EIGHT,
    AT_SEVEN,
    AT_SIX,
    BLUE_ID,
    BLUE_ROOM,
    GREEN_ROOM,
    RULES,
    WISH,
    booked,
)

WEEK = Interval(datetime(2027, 1, 4, 5, tzinfo=UTC), datetime(2027, 1, 11, 5, tzinfo=UTC))
QUARTERS = replace(WISH, rules=replace(RULES, slot_minutes=15))
AT_SEVEN_THIRTY = AT_SEVEN + timedelta(minutes=30)
TOO_CLOSE = replace(BLUE_ROOM, busy=(booked(BLUE_ID, AT_SEVEN, 15),), buffer_after_minutes=30)
BLOCKED = replace(BLUE_ROOM, blackouts=(Interval(AT_SIX, AT_SEVEN),))
FULL = replace(BLUE_ROOM, busy=(booked(BLUE_ID, AT_SIX, 60), booked(BLUE_ID, AT_SEVEN_THIRTY, 60)))

Told = tuple[UUID, datetime, datetime, SlotState, tuple[Reason, ...]]


def told(page: SlotPage) -> Iterator[Told]:
    """Yields what the runs of a page tell of each slot."""
    for run in page.runs({"room", "starts_at", "ends_at", "state", "reasons"}):
        like, values = run.like, run.columns.values
        for places in run.places:
            for place in places:
                yield (
                    like.room.id,  # type: ignore[attr-defined]
                    values["starts_at"][place],
                    values["ends_at"][place],
                    like.state,  # type: ignore[attr-defined]
                    like.reasons,  # type: ignore[attr-defined]
                )


def page_of(rooms: list[RoomFacts], wish: SlotRequest) -> SlotPage:
    search = SlotSearch(wish, WEEK)
    return SlotPage(
        {each.id: cast("Room", SimpleNamespace(id=each.id)) for each in rooms},
        [RoomSlots.of(each, search, include_unavailable=True) for each in rooms],
    )


@pytest.mark.parametrize(
    "rooms",
    [[BLUE_ROOM, GREEN_ROOM], [FULL], [TOO_CLOSE, BLOCKED]],
    ids=["free", "taken", "too close and blocked"],
)
@pytest.mark.parametrize(
    "wish",
    [
        QUARTERS,
        replace(QUARTERS, party_size=9),
        replace(QUARTERS, now=AT_SEVEN),
        # Each start opens for booking at an instant of its own.
        replace(QUARTERS, rules=replace(QUARTERS.rules, max_advance_days=2)),
        replace(QUARTERS, override=True, now=AT_EIGHT),
    ],
    ids=["plain", "too many", "too late", "too early", "override"],
)
def test_runs_tell_the_reasons_of_each_slot(rooms: list[RoomFacts], wish: SlotRequest) -> None:
    page = page_of(rooms, wish)

    expected = [
        (RoomId(each.room.id), each.starts_at, each.ends_at, each.state, each.reasons)
        for each in page
    ]
    assert expected
    assert [*told(page)] == expected


def test_slots_that_the_same_reasons_refuse_are_one_run() -> None:
    page = page_of([FULL], replace(QUARTERS, party_size=9))
    runs = [*page.runs({"reasons"})]

    # Six evenings in full; on the seventh, what two bookings leave.
    assert len([*page]) == 7 * 9
    assert len(runs) < 7 + 6
