"""Starts on the venue's wall clock, and where a change of the clock spoils them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, refused
from tests.support.factories import Venue

TEN = "2027-03-02T10:00:00Z"


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


def local(date: str, time: str, fold: int | None = None) -> dict[str, Any]:
    return {"start": {"local": {"date": date, "time": time, "fold": fold}}}


async def at(desk: BookingClient, venue: Venue, start: Mapping[str, Any]) -> Answer:
    """Books an hour at a time of the venue's wall clock."""
    return await desk.create(venue.rooms[0], TEN, **start)


async def test_a_start_on_the_wall_clock_is_the_venues(staff: BookingClient, venue: Venue) -> None:
    booking = made(await at(staff, venue, local("2027-03-02", "11:00")))

    assert booking["startsAt"] == TEN


async def test_a_start_after_midnight_may_be_said_of_the_evening(
    staff: BookingClient, venue: Venue
) -> None:
    booking = made(await at(staff, venue, local("2027-03-02", "25:30")))

    assert booking["local"]["start"] == "2027-03-03T01:30"


async def test_a_skipped_start_is_refused(staff: BookingClient, venue: Venue) -> None:
    refusal = refused(await at(staff, venue, local("2027-03-28", "02:30")))

    assert (refusal["code"], refusal["path"]) == (
        "NONEXISTENT_LOCAL_TIME",
        ["input", "start", "local"],
    )


async def test_a_repeated_start_is_asked_for(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    clock.now = datetime(2027, 10, 30, 9, tzinfo=UTC)

    unsaid = refused(await at(staff, venue, local("2027-10-31", "02:30")))
    first = made(await at(staff, venue, local("2027-10-31", "02:30", 0)))
    second = made(await at(staff, venue, local("2027-10-31", "02:30", 1)))

    assert (unsaid["code"], unsaid["path"]) == (
        "AMBIGUOUS_LOCAL_TIME",
        ["input", "start", "local"],
    )
    assert (first["startsAt"], first["local"]["utcOffsetStart"]) == (
        "2027-10-31T00:30:00Z",
        "+02:00",
    )
    assert (second["startsAt"], second["local"]["utcOffsetStart"]) == (
        "2027-10-31T01:30:00Z",
        "+01:00",
    )


@pytest.mark.parametrize("fold", [-1, 2])
async def test_a_fold_is_the_first_or_the_second(
    staff: BookingClient, venue: Venue, fold: int
) -> None:
    refusal = refused(await at(staff, venue, local("2027-03-02", "11:00", fold)))

    assert (refusal["code"], refusal["path"]) == ("INVALID", ["input", "start", "local", "fold"])


async def test_a_start_is_an_instant_or_a_wall_clock_time(
    staff: BookingClient, venue: Venue
) -> None:
    both = {"at": TEN, "local": {"date": "2027-03-02", "time": "11:00"}}

    answers = [await staff.create(venue.rooms[0], TEN, start=each) for each in (both, {})]

    assert [each.codes for each in answers] == 2 * [["BAD_USER_INPUT"]]


async def test_a_start_without_an_offset_is_refused(staff: BookingClient, venue: Venue) -> None:
    answer = await staff.create(venue.rooms[0], "2027-03-02T10:00:00")

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_a_start_is_read_with_any_offset(staff: BookingClient, venue: Venue) -> None:
    booking = made(await staff.create(venue.rooms[0], "2027-03-02T15:45:00+05:45"))

    assert booking["startsAt"] == TEN
