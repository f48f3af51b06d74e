"""Calendar entries of mails: one for all bookings of a series, as they are now."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest_asyncio
from icalendar import Calendar

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import Venue, api_id, make_venue

BOOK: Final = """mutation ($input: CreateBookingInput!) {
    createBooking(input: $input) { series { id } userErrors { message } } }"""
BOOKINGS: Final = "{ bookings { nodes { id version startsAt } } }"
CANCEL: Final = """mutation ($id: ID!, $version: Int!) {
    cancelBooking(id: $id, version: $version, input: {}) { userErrors { message } } }"""
MOVE: Final = """mutation ($id: ID!, $input: RescheduleBookingInput!) {
    rescheduleBooking(id: $id, version: 1, input: $input) { userErrors { message } } }"""
PREVIEW: Final = """query ($kind: NotificationKind!, $id: ID!) {
    previewNotification(kind: $kind, channel: EMAIL, bookingId: $id) { calendar } }"""


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0, time_zone="America/New_York")


async def change(api: Api, venue: Venue, text: str, **variables: Any) -> None:
    answer = await api(text, variables, token=venue.owner.token)
    assert answer.payload["userErrors"] == []


async def entry(api: Api, venue: Venue, kind: str, id: str) -> Any:
    answer = await api(PREVIEW, {"kind": kind, "id": id}, token=venue.owner.token)
    return Calendar.from_ical(answer.payload["calendar"])


async def test_a_series_is_one_entry_that_follows_its_bookings(api: Api, venue: Venue) -> None:
    await change(
        api,
        venue,
        BOOK,
        input={
            "roomId": api_id(venue.rooms[0]),
            "start": {"at": "2027-03-02T22:00:00Z"},
            "durationMinutes": 60,
            "customer": {"id": api_id(venue.customer)},
            "recurrence": {"rrule": "FREQ=WEEKLY;COUNT=4"},
        },
    )
    answer = await api(BOOKINGS, token=venue.owner.token)
    ids = [each["id"] for each in answer.payload["nodes"]]
    before = await entry(api, venue, "BOOKING_CONFIRMED", ids[0])
    await change(api, venue, CANCEL, id=ids[1], version=1)
    cancelled = await entry(api, venue, "BOOKING_CANCELLED", ids[1])
    await change(api, venue, MOVE, id=ids[2], input={"start": {"at": "2027-03-17T15:00:00Z"}})
    after = await entry(api, venue, "BOOKING_CHANGED", ids[2])
    for id in (ids[0], ids[2], ids[3]):
        version = 2 if id == ids[2] else 1
        await change(api, venue, CANCEL, id=id, version=version)
    nothing_left = await entry(api, venue, "BOOKING_CANCELLED", ids[3])

    (first,) = before.walk("VEVENT")
    assert first["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=4"
    assert (first["DTSTART"].dt.isoformat(), "EXDATE" in first) == (
        "2027-03-02T17:00:00-05:00",
        False,
    )
    (one,) = cancelled.walk("VEVENT")
    assert (cancelled["METHOD"], one["UID"]) == ("CANCEL", first["UID"])
    assert one["RECURRENCE-ID"].dt.isoformat() == "2027-03-09T17:00:00-05:00"
    master, moved = after.walk("VEVENT")
    assert (after["METHOD"], {master["UID"], moved["UID"]}) == ("REQUEST", {first["UID"]})
    # The clock was put forward on 14 March: 17:00 is an hour earlier in UTC.
    assert moved["RECURRENCE-ID"].dt.isoformat() == "2027-03-16T17:00:00-04:00"
    assert moved["DTSTART"].dt == datetime(2027, 3, 17, 15, tzinfo=UTC)
    assert [each.dt.isoformat() for each in master["EXDATE"].dts] == ["2027-03-09T17:00:00-05:00"]
    (whole,) = nothing_left.walk("VEVENT")
    assert (nothing_left["METHOD"], "RECURRENCE-ID" in whole) == ("CANCEL", False)
