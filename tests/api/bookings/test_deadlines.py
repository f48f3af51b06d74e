"""Bookings end by themselves: nobody confirmed them in time, or nobody came."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.bookings.lifecycle import Status
from jobs.due_bookings import find_deadlines
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.accounts.accounts import mails
from tests.live.calendars import Calendar, read_anew
from tests.support.client import Api, live
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made, moved, refused, rfc, shown
from tests.support.factories import Venue, make_booking, make_venue
from tests.support.work import run_due_jobs

FRIDAY = MONDAY_MORNING + timedelta(days=4)
HOUR = timedelta(hours=1)
DEADLINES = "query ($id: ID!) { booking(id: $id) { status approvalExpiresAt releaseAt } }"
SETTINGS = """mutation ($version: Int!, $input: UpdateTenantSettingsInput!) {
  updateTenantSettings(version: $version, input: $input) {
    tenant { settings { approvalHours checkInFromMinutes autoReleaseMinutes } }
    userErrors { code path }
  }
}"""


async def end_what_is_due(runtime: Runtime, relay: Database) -> None:
    await find_deadlines(runtime, relay)
    await run_due_jobs(runtime)


async def deadlines(desk: BookingClient, booking: Mapping[str, Any]) -> Any:
    return (await desk(DEADLINES, id=booking["id"])).payload


async def test_the_settings_of_deadlines_are_shown_set_and_bounded(
    api: Api, runtime: Runtime
) -> None:
    desk = BookingClient(api, runtime, (await make_venue(runtime)).owner)
    given = {"approvalHours": 48, "checkInFromMinutes": 30, "autoReleaseMinutes": 10}

    absurd = await desk(
        SETTINGS,
        version=1,
        input={"approvalHours": 0, "checkInFromMinutes": -1, "autoReleaseMinutes": 0},
    )
    changed = await desk(SETTINGS, version=1, input=given)
    cleared = await desk(SETTINGS, version=2, input={"autoReleaseMinutes": None})

    assert [each["path"][1] for each in absurd.payload["userErrors"]] == [*given]
    assert changed.payload["tenant"]["settings"] == given
    assert cleared.payload["tenant"]["settings"]["autoReleaseMinutes"] is None


# ------------------------------------------------------------------------------ approval


async def test_a_booking_that_nobody_confirms_in_time_expires_and_its_customer_is_told(
    api: Api, runtime: Runtime, relay: Database, clock: StoppedClock, settings: Settings
) -> None:
    venue = await make_venue(runtime, requires_confirmation=True)
    guest = BookingClient(api, runtime, venue.guest)
    staff = BookingClient(api, runtime, venue.staff)
    pending = made(await guest.create(venue.rooms[0], FRIDAY))
    until = (await deadlines(guest, pending))["approvalExpiresAt"]
    clock.now = MONDAY_MORNING + timedelta(hours=24, seconds=-1)
    await end_what_is_due(runtime, relay)
    before = await deadlines(guest, pending)

    clock.advance(seconds=1)
    late = refused(await staff.confirm(pending))
    await end_what_is_due(runtime, relay)
    await end_what_is_due(runtime, relay)

    assert until == before["approvalExpiresAt"] == "2027-03-02T09:00:00Z"
    assert (late["code"], late["message"]) == (
        "INVALID_TRANSITION",
        "This booking could be confirmed until 10:00 on Tuesday 2 March 2027: make another.",
    )
    after = await deadlines(guest, pending)
    assert after == {"status": "EXPIRED", "approvalExpiresAt": None, "releaseAt": None}
    (_, entry) = await staff.history(pending)
    assert (entry["type"], entry["actor"]["kind"], entry["reason"]) == (
        "BOOKING_EXPIRED",
        "SYSTEM",
        "Nobody confirmed it in time.",
    )
    (mail,) = await mails(runtime, settings)
    text = " ".join(str(mail.get_content()).split())
    assert mail["To"] == venue.customer.email
    assert "10:00–11:00 on Friday 5 March 2027 (Europe/Berlin)" in text  # noqa: RUF001
    assert "refunded" not in text
    made(await guest.create(venue.rooms[0], FRIDAY))


@pytest.mark.parametrize("way", ["from a hold", "at once"])
async def test_the_deadline_is_the_start_at_the_latest(
    api: Api, runtime: Runtime, way: str
) -> None:
    venue = await make_venue(runtime, requires_confirmation=True, approval_hours=2)
    desk = BookingClient(api, runtime, venue.staff)
    soon = MONDAY_MORNING + HOUR

    if way == "at once":
        pending = made(await desk.create(venue.rooms[0], soon))
    else:
        pending = made(await desk.convert(made(await desk.hold(venue.rooms[0], soon))))

    assert (await deadlines(desk, pending))["approvalExpiresAt"] == rfc(soon)
    confirmed = made(await desk.confirm(pending))
    assert (await deadlines(desk, confirmed))["approvalExpiresAt"] is None


async def test_a_deadline_moves_with_its_booking(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(
        runtime, requires_confirmation=True, auto_release_minutes=10, min_notice_minutes=0
    )
    guest = BookingClient(api, runtime, venue.guest)
    staff = BookingClient(api, runtime, venue.staff)
    earlier = MONDAY_MORNING + 2 * HOUR

    pending = made(await guest.create(venue.rooms[0], FRIDAY))
    sooner = moved(await staff.move(pending, earlier))
    of_sooner = await deadlines(guest, sooner)
    confirmed = made(await staff.confirm(sooner))
    clock.advance(minutes=30)
    again = moved(await guest.move(confirmed, FRIDAY))

    assert of_sooner["approvalExpiresAt"] == rfc(earlier)
    assert of_sooner["releaseAt"] == rfc(earlier + timedelta(minutes=10))
    assert await deadlines(guest, again) == {
        "status": "PENDING",
        "approvalExpiresAt": rfc(MONDAY_MORNING + timedelta(hours=24, minutes=30)),
        "releaseAt": rfc(FRIDAY + timedelta(minutes=10)),
    }


async def test_each_booking_of_a_series_has_deadlines_of_its_own(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, requires_confirmation=True, auto_release_minutes=10)
    desk = BookingClient(api, runtime, venue.staff)
    soon = MONDAY_MORNING + 2 * HOUR

    first = made(
        await desk.create(venue.rooms[0], soon, recurrence={"rrule": "FREQ=WEEKLY;COUNT=2"})
    )
    second = (await desk.bookings())[1]

    assert await deadlines(desk, first) == {
        "status": "PENDING",
        "approvalExpiresAt": rfc(soon),
        "releaseAt": rfc(soon + timedelta(minutes=10)),
    }
    assert await deadlines(desk, second) == {
        "status": "PENDING",
        "approvalExpiresAt": rfc(MONDAY_MORNING + timedelta(hours=24)),
        "releaseAt": rfc(soon + timedelta(days=7, minutes=10)),
    }


# ------------------------------------------------------------------------------ release


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    """A venue that releases bookings ten minutes after their start."""
    return await make_venue(runtime, auto_release_minutes=10, slot_minutes=15, min_notice_minutes=0)


async def test_the_rest_of_a_booking_to_which_nobody_comes_is_free_at_once(
    api: Api, runtime: Runtime, server: str, relay: Database, clock: StoppedClock, venue: Venue
) -> None:
    guest = BookingClient(api, runtime, venue.guest)
    staff = BookingClient(api, runtime, venue.staff)
    # An hour later, the access token of the socket would have expired.
    room, start = venue.rooms[0], MONDAY_MORNING
    quarter, half = start + timedelta(minutes=15), start + timedelta(minutes=30)
    unattended = made(await guest.create(room, start))
    attended = made(await staff.create(venue.rooms[1], start))
    made(await staff.check_in(attended))
    clock.now = start + timedelta(minutes=10, seconds=-1)
    await end_what_is_due(runtime, relay)
    taken = await guest.create(room, quarter, minutes=15)
    calendar = Calendar({"from": rfc(start), "to": rfc(start + HOUR), "durationMinutes": 15})
    ((calendar.slots, calendar.cursor),) = await read_anew(guest, [calendar])
    assert calendar.slots == {}

    clock.advance(seconds=1)
    await end_what_is_due(runtime, relay)
    await end_what_is_due(runtime, relay)

    async with live(server, token=venue.guest.token) as client:
        await calendar.follow(client)
        await calendar.take()
    assert taken.refusals == ["SLOT_TAKEN"]
    assert (await deadlines(guest, unattended))["status"] == "NO_SHOW"
    assert (await deadlines(staff, attended))["status"] == "CHECKED_IN"
    assert (await deadlines(staff, attended))["releaseAt"] is None
    entries = await staff.history(unattended)
    assert [(each["type"], each["reason"]) for each in entries] == [
        ("BOOKING_CREATED", None),
        ("BOOKING_NO_SHOW", "Nobody checked in by 10:10 on Monday 1 March 2027."),
    ]
    assert {starts_at for _, starts_at in calendar.slots} == {
        rfc(quarter),
        rfc(half),
        rfc(half + timedelta(minutes=15)),
    }
    made(await guest.create(room, quarter, minutes=15))
    made(await staff.create(room, half, minutes=30))


async def test_a_venue_that_turns_releasing_off_keeps_its_bookings(
    api: Api,
    runtime: Runtime,
    relay: Database,
    clock: StoppedClock,
    venue: Venue,
) -> None:
    desk = BookingClient(api, runtime, venue.owner)
    start = MONDAY_MORNING + HOUR
    booking = made(await desk.create(venue.rooms[0], start))
    answer = await desk(SETTINGS, version=1, input={"autoReleaseMinutes": None})
    assert answer.refusals == []
    clock.now = start + timedelta(minutes=10)

    await end_what_is_due(runtime, relay)

    seen = await desk.booking(booking["id"])
    assert (seen["status"], seen["version"]) == ("CONFIRMED", 1)
    assert await deadlines(desk, booking) == {
        "status": "CONFIRMED",
        "approvalExpiresAt": None,
        "releaseAt": None,
    }


async def test_only_bookings_that_are_made_while_releasing_is_on_are_released(
    api: Api, runtime: Runtime, relay: Database, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.owner)
    booking = made(await desk.create(venue.rooms[0], MONDAY_MORNING + HOUR))
    assert (await desk(SETTINGS, version=1, input={"autoReleaseMinutes": 10})).refusals == []
    clock.advance(hours=3)

    await end_what_is_due(runtime, relay)

    assert (await deadlines(desk, booking))["status"] == "CONFIRMED"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for deadlines often, from the start."""
    monkeypatch.setattr("jobs.registry.DEADLINES_SECONDS", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_the_running_app_carries_out_deadlines_by_itself(
    runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime, auto_release_minutes=10)
    desk = BookingClient(api, runtime, venue.staff)
    in_ten_minutes = MONDAY_MORNING + timedelta(minutes=10)
    unattended = shown(
        await make_booking(runtime, venue, MONDAY_MORNING, release_at=in_ten_minutes)
    )
    unanswered = shown(
        await make_booking(
            runtime, venue, in_ten_minutes, room=venue.rooms[1], status=Status.PENDING
        )
    )

    clock.advance(minutes=10)

    seen: list[str] = []
    async with asyncio.timeout(60):
        while seen != ["NO_SHOW", "EXPIRED"]:
            seen = [(await deadlines(desk, each))["status"] for each in (unattended, unanswered)]
            await asyncio.sleep(0.05)


# ------------------------------------------------------------------------------ clock changes


@pytest.mark.parametrize(
    ("start", "opens", "message"),
    [
        # The clock goes from 02:00 to 03:00 at 01:00 UTC; the booking starts then.
        (
            datetime(2027, 3, 28, 1, tzinfo=UTC),
            datetime(2027, 3, 28, 0, 45, tzinfo=UTC),
            "Checking in opens at 01:45 on Sunday 28 March 2027.",
        ),
        # It goes from 03:00 back to 02:00 then; the booking starts at the second 02:00.
        (
            datetime(2027, 10, 31, 1, tzinfo=UTC),
            datetime(2027, 10, 31, 0, 45, tzinfo=UTC),
            "Checking in opens at 02:45 on Sunday 31 October 2027.",
        ),
    ],
)
async def test_checking_in_opens_minutes_before_the_start_whatever_the_clock_does(
    api: Api, runtime: Runtime, clock: StoppedClock, start: datetime, opens: datetime, message: str
) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.staff)
    booking = shown(await make_booking(runtime, venue, start, status=Status.CONFIRMED))
    clock.now = opens - timedelta(seconds=1)

    early = refused(await desk.check_in(booking))
    clock.now = opens
    arrived = made(await desk.check_in(booking))

    assert (early["code"], early["message"]) == ("CHECK_IN_NOT_OPEN", message)
    assert early["opensAt"] == rfc(opens)
    assert arrived["status"] == "CHECKED_IN"
