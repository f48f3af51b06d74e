"""Reminders and digests over HTTP, as time passes."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from domain.tenants.plans import PlanCode
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import (
    deliveries,
    mails,
    pass_time,
    set_notifications,
    text_of,
)
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved
from tests.support.factories import Venue, api_id, make_booking, make_venue

# In Berlin, the clock is put forward on the night before.
SUNDAY: Final = datetime(2027, 3, 28, 10, 0, tzinfo=UTC)
BY_MAIL: Final = {"minutesBefore": 1440, "channel": "EMAIL"}
NIGHT: Final = {"start": "22:00", "until": "08:00"}


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0, time_zone="Europe/Berlin")


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


@pytest.fixture(autouse=True)
async def looked_at_nine(runtime: Runtime, relay: Database) -> None:
    """The worker has looked for what is due before the test begins."""
    await pass_time(runtime, relay)


async def reminders(client: BookingClient) -> list[str]:
    return await deliveries(client, kinds=["BOOKING_REMINDER"])


async def test_a_reminder_moves_with_its_booking(
    runtime: Runtime, relay: Database, clock: StoppedClock, venue: Venue, desk: BookingClient
) -> None:
    start = SUNDAY
    other = {"id": api_id(venue.other_customer)}
    booking = made(await desk.create(venue.rooms[0], start, customer=other))

    clock.now = start - timedelta(days=1, seconds=1)
    await pass_time(runtime, relay)
    assert await reminders(desk) == []

    moved(await desk.move(booking, at=start + timedelta(hours=2)))
    clock.now = start - timedelta(hours=23)
    await pass_time(runtime, relay)
    assert await reminders(desk) == []

    clock.now = start - timedelta(hours=22)
    await pass_time(runtime, relay)
    await pass_time(runtime, relay)
    assert await reminders(desk) == ["BOOKING_REMINDER EMAIL SENT"]


async def test_a_reminder_goes_with_its_booking(
    runtime: Runtime, relay: Database, clock: StoppedClock, venue: Venue, desk: BookingClient
) -> None:
    booking = made(
        await desk.create(venue.rooms[0], SUNDAY, customer={"id": api_id(venue.other_customer)})
    )
    await desk.cancel(booking)
    clock.now = SUNDAY - timedelta(hours=12)
    await pass_time(runtime, relay)

    assert await reminders(desk) == []


async def test_reminders_by_sms_count_on_the_plan(
    api: Api, runtime: Runtime, relay: Database, clock: StoppedClock
) -> None:
    states = {}
    for plan in (PlanCode.STARTER, PlanCode.PROFESSIONAL):
        venue = await make_venue(runtime, min_notice_minutes=0, plan=plan)
        desk = BookingClient(api, runtime, venue.manager)
        walter = {"new": {"name": "Walter", "phone": "030 901820"}}
        await desk.create(venue.rooms[0], SUNDAY, customer=walter)
        clock.now = SUNDAY - timedelta(hours=2)
        await pass_time(runtime, relay)
        used = await desk("{ tenant { usage { sms { used limit } } } }")
        sms = used.data["tenant"]["usage"]["sms"]
        states[plan] = (await deliveries(desk, channels=["SMS"]), sms["used"], sms["limit"])
        clock.now = SUNDAY - timedelta(days=3)
        await pass_time(runtime, relay)

    assert states == {
        "STARTER": (["BOOKING_REMINDER SMS SUPPRESSED CAP"], 0, 0),
        "PROFESSIONAL": (["BOOKING_REMINDER SMS SENT"], 1, 200),
    }


async def test_quiet_hours_hold_back_a_reminder_until_their_end(
    runtime: Runtime, relay: Database, clock: StoppedClock, venue: Venue, desk: BookingClient
) -> None:
    await set_notifications(desk, quietHours=NIGHT, reminders=[BY_MAIL])
    at_three = SUNDAY.replace(day=30, hour=1)
    await make_booking(runtime, venue, at_three, customer=venue.other_customer)

    clock.now = at_three - timedelta(days=1)
    await pass_time(runtime, relay)
    assert await reminders(desk) == []

    # 08:00 in Berlin.
    clock.now = at_three.replace(day=29, hour=6)
    await pass_time(runtime, relay)
    assert await reminders(desk) == ["BOOKING_REMINDER EMAIL SENT"]


async def test_a_reminder_that_would_come_after_the_start_is_not_sent(
    runtime: Runtime, relay: Database, clock: StoppedClock, venue: Venue, desk: BookingClient
) -> None:
    soon = {"minutesBefore": 120, "channel": "EMAIL"}
    await set_notifications(desk, quietHours=NIGHT, reminders=[soon])
    # 07:00 in Berlin.
    early = SUNDAY.replace(day=30, hour=5)
    await make_booking(runtime, venue, early, customer=venue.other_customer)
    clock.now = early - timedelta(hours=2)
    await pass_time(runtime, relay)

    assert await reminders(desk) == ["BOOKING_REMINDER EMAIL SUPPRESSED QUIET_HOURS"]


async def test_the_team_gets_the_bookings_of_the_day(
    runtime: Runtime,
    settings: Settings,
    relay: Database,
    clock: StoppedClock,
    venue: Venue,
    desk: BookingClient,
) -> None:
    clock.now = SUNDAY - timedelta(hours=12)
    await pass_time(runtime, relay)
    await set_notifications(desk, digestTime="07:00", reminders=[])
    await make_booking(runtime, venue, SUNDAY, customer=venue.other_customer)

    # 06:59 and 07:00 in Berlin.
    clock.now = SUNDAY.replace(hour=4, minute=59)
    await pass_time(runtime, relay)
    assert await deliveries(desk) == []
    clock.advance(minutes=1)
    await pass_time(runtime, relay)
    await pass_time(runtime, relay)

    assert await deliveries(desk) == ["STAFF_DIGEST EMAIL SENT"] * 4
    assert all("Other" in text_of(each) for each in mails(settings))
