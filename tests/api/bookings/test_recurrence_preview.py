"""What a recurring booking would book, shown before it is booked."""

from typing import Any

import pytest
import pytest_asyncio

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.desk import BookingClient, made
from tests.support.factories import Venue, api_id, make_venue

DAYTIME: dict[Weekday, list[tuple[int, int]]] = {
    day: [(9 * 60, 17 * 60)] for day in Weekday if day is not Weekday.SUNDAY
}
PREVIEW = """query (
  $rrule: RRule!, $start: LocalStartInput!, $minutes: Int!, $room: ID, $except: [Date!]!
) {
  previewRecurrence(
    rrule: $rrule, start: $start, durationMinutes: $minutes, roomId: $room, exceptDates: $except
  ) {
    rrule conflictCount
    occurrences { startsAt endsAt local { start utcOffsetStart } moved state reasons { code } }
  }
}"""


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, hours=DAYTIME)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.guest)


async def preview(
    desk: BookingClient,
    rrule: str,
    *,
    day: str = "2027-03-02",
    time: str = "10:00",
    minutes: int = 60,
    room: str | None = None,
    without: tuple[str, ...] = (),
) -> Any:
    return await desk(
        PREVIEW,
        rrule=rrule,
        start={"date": day, "time": time},
        minutes=minutes,
        room=room,
        **{"except": without},
    )


async def test_each_occurrence_is_shown_with_what_speaks_against_it(
    guest: BookingClient, venue: Venue
) -> None:
    made(await guest.create(venue.rooms[0], "2027-03-04T09:30:00Z"))

    shown = (
        await preview(
            guest, "freq=daily;count=6", room=api_id(venue.rooms[0]), without=("2027-03-03",)
        )
    ).payload

    assert shown["rrule"] == "FREQ=DAILY;COUNT=6"
    assert shown["conflictCount"] == 2
    assert [
        (each["local"]["start"], each["state"], [reason["code"] for reason in each["reasons"]])
        for each in shown["occurrences"]
    ] == [
        ("2027-03-02T10:00", "FREE", []),
        ("2027-03-04T10:00", "BUSY", ["SLOT_TAKEN"]),
        ("2027-03-05T10:00", "FREE", []),
        ("2027-03-06T10:00", "FREE", []),
        ("2027-03-07T10:00", "BLOCKED", ["OUTSIDE_BUSINESS_HOURS"]),
    ]


async def test_the_local_time_is_kept_when_the_clock_changes(guest: BookingClient) -> None:
    shown = (await preview(guest, "FREQ=DAILY;COUNT=3", day="2027-03-27", time="02:30")).payload

    assert shown["conflictCount"] is None
    assert [
        (each["startsAt"], each["local"], each["moved"], each["state"], each["reasons"])
        for each in shown["occurrences"]
    ] == [
        (
            "2027-03-27T01:30:00Z",
            {"start": "2027-03-27T02:30", "utcOffsetStart": "+01:00"},
            False,
            None,
            [],
        ),
        (
            "2027-03-28T01:30:00Z",
            {"start": "2027-03-28T03:30", "utcOffsetStart": "+02:00"},
            True,
            None,
            [],
        ),
        (
            "2027-03-29T00:30:00Z",
            {"start": "2027-03-29T02:30", "utcOffsetStart": "+02:00"},
            False,
            None,
            [],
        ),
    ]


@pytest.mark.parametrize(
    ("rrule", "given", "problem"),
    [
        ("FREQ=WEEKLY", {}, "either COUNT or UNTIL"),
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=2", {}, "doesn't include the first date, 2027-03-02"),
        ("FREQ=DAILY;COUNT=2", {"minutes": 1441}, "The occurrences overlap"),
        ("FREQ=DAILY;COUNT=2", {"minutes": 0}, "The duration must be"),
        ("FREQ=DAILY;COUNT=2", {"without": ("2027-03-09",)}, "no occurrence on 2027-03-09"),
        ("FREQ=DAILY;COUNT=2", {"day": "2027-03-28", "time": "02:30"}, "skips 02:30"),
    ],
)
async def test_what_cannot_be_repeated_is_refused(
    guest: BookingClient, rrule: str, given: dict[str, Any], problem: str
) -> None:
    answer = await preview(guest, rrule, **given)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert problem in answer.errors[0]["message"]


async def test_an_unknown_room_has_no_preview(guest: BookingClient, runtime: Runtime) -> None:
    elsewhere = await make_venue(runtime)

    answer = await preview(guest, "FREQ=DAILY;COUNT=2", room=api_id(elsewhere.rooms[0]))

    assert answer.data == {"previewRecurrence": None}
