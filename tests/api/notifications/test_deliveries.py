"""What customers and the team are sent, over HTTP and by the worker, to the local outbox."""

from datetime import timedelta
from typing import Final

import pytest

from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import (
    deliveries,
    mails,
    set_notifications,
    subjects,
    text_of,
)
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import BookingClient, made, moved
from tests.support.factories import Venue, api_id, make_venue
from tests.support.work import run_due_jobs

TOMORROW: Final = MONDAY_MORNING + timedelta(days=1, hours=3)


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0, time_zone="Europe/Berlin")


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


@pytest.fixture
def manager(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


async def test_a_booking_is_confirmed_moved_and_cancelled_by_mail(
    runtime: Runtime, settings: Settings, venue: Venue, desk: BookingClient, manager: BookingClient
) -> None:
    other = {"id": api_id(venue.other_customer)}
    booking = made(await desk.create(venue.rooms[0], TOMORROW, customer=other))
    await run_due_jobs(runtime)

    assert await deliveries(manager) == ["BOOKING_CONFIRMED EMAIL SENT"]
    (mail,) = mails(settings)
    assert mail["To"] == venue.other_customer.email
    assert venue.tenant.name in str(mail["From"])
    assert "your booking is confirmed" in text_of(mail)

    booking = moved(await desk.move(booking, at=TOMORROW + timedelta(hours=1)))
    await desk.update(booking, note="A window seat")
    await run_due_jobs(runtime)
    booking = await desk.booking(booking["id"])
    await desk.cancel(booking)
    await run_due_jobs(runtime)

    assert await deliveries(manager) == [
        "BOOKING_CANCELLED EMAIL SENT",
        "BOOKING_CHANGED EMAIL SENT",
        "BOOKING_CONFIRMED EMAIL SENT",
    ]
    assert len({*subjects(settings)}) == 3


async def test_a_customer_with_an_account_finds_it_in_the_inbox_too(
    runtime: Runtime, venue: Venue, desk: BookingClient, manager: BookingClient
) -> None:
    await desk.create(venue.rooms[0], TOMORROW, customer={"id": api_id(venue.customer)})
    await run_due_jobs(runtime)

    assert await deliveries(manager, channels=["IN_APP"]) == ["BOOKING_CONFIRMED IN_APP SENT"]


async def test_the_team_is_told_of_what_others_did_once_that_is_on(
    runtime: Runtime, venue: Venue, desk: BookingClient, manager: BookingClient
) -> None:
    on = {"kind": "STAFF_BOOKING_CREATED", "channel": "EMAIL", "enabled": True}
    await set_notifications(manager, switches=[on])
    await desk.create(venue.rooms[0], TOMORROW, customer={"id": api_id(venue.other_customer)})
    await run_due_jobs(runtime)

    told = await deliveries(manager, kinds=["STAFF_BOOKING_CREATED"])
    # The owner, the admin and the manager, but not whoever made the booking.
    assert told == ["STAFF_BOOKING_CREATED EMAIL SENT"] * 3


async def test_a_series_is_confirmed_once(
    runtime: Runtime, venue: Venue, desk: BookingClient, manager: BookingClient
) -> None:
    repeats = {"rrule": "FREQ=WEEKLY;COUNT=4", "exceptDates": [], "conflictPolicy": "FAIL_ALL"}
    other = {"id": api_id(venue.other_customer)}
    made(await desk.create(venue.rooms[0], TOMORROW, customer=other, recurrence=repeats))
    await run_due_jobs(runtime)

    assert await deliveries(manager) == ["BOOKING_CONFIRMED EMAIL SENT"]


async def test_what_is_recorded_later_and_what_has_no_address_is_not_sent(
    runtime: Runtime, settings: Settings, venue: Venue, desk: BookingClient, manager: BookingClient
) -> None:
    by_phone = {"new": {"name": "Walter", "phone": "+49 30 901820"}}
    await desk.create(venue.rooms[0], TOMORROW, customer=by_phone)
    await run_due_jobs(runtime)

    assert await deliveries(manager) == ["BOOKING_CONFIRMED EMAIL SUPPRESSED NO_ADDRESS"]
    assert mails(settings) == []
