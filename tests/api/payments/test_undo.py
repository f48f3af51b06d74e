"""Changes of bookings taken back: within five minutes, and where the time is still free."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BOOKING, REFUSAL, BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue
from tests.support.till import PaymentsApp, opened

TOMORROW = MONDAY_MORNING + timedelta(days=1)
FRIDAY = MONDAY_MORNING + timedelta(days=4)
UNDO = f"""mutation ($id: ID!, $version: Int!, $dryRun: Boolean! = false) {{
  undoChange(bookingId: $id, version: $version, dryRun: $dryRun) {{
    booking {{ ...Booked }}
    userErrors {{ ...Refused ... on UndoTooLateError {{ undoableUntil }} }}
  }} }} {BOOKING} {REFUSAL}"""


async def undo(desk: BookingClient, booking: Any, **given: Any) -> Answer:
    return await desk(UNDO, id=booking["id"], version=booking["version"], **given)


def without_version(booking: Any) -> Any:
    return {key: each for key, each in booking.items() if key not in ("version", "updatedAt")}


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.guest)


async def booked(desk: BookingClient, venue: Venue, clock: StoppedClock, **given: Any) -> Any:
    """Returns a booking that was made a minute ago."""
    if desk.person != venue.guest:
        given["customer"] = {"id": api_id(venue.customer)}
    booking = made(await desk.create(venue.rooms[0], TOMORROW, **given))
    clock.advance(minutes=1)
    return booking


async def test_each_kind_of_change_is_taken_back(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = await booked(staff, venue, clock, note="By the window", partySize=2)
    changes: list[Callable[[Any], Awaitable[Answer]]] = [
        lambda now: staff.update(now, note=None, partySize=3),
        lambda now: staff.update(now, customer={"id": api_id(venue.other_customer)}),
        lambda now: staff.move(now, FRIDAY, venue.rooms[1], durationMinutes=90),
        lambda now: staff.cancel(now, reason="By mistake"),
    ]

    for change in changes:
        (answer,) = (await change(booking)).data.values()
        changed = answer.get("booking") or answer["bookings"][0]
        clock.advance(minutes=4)
        undone = made(await undo(staff, changed))

        assert without_version(changed) != without_version(booking)
        assert without_version(undone) == without_version(booking)
        assert undone["version"] == booking["version"] + 2
        booking = undone
        clock.advance(minutes=1)

    reasons = [each["reason"] for each in await staff.history(booking)]
    assert reasons.count("The last change was taken back.") == len(changes)
    assert await staff.booking(booking["id"]) == booking


async def test_all_rooms_of_a_booking_come_back(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = await booked(staff, venue, clock, alsoRoomIds=[api_id(venue.rooms[1])])
    (cancelled,) = made(await staff.cancel(booking))
    clock.advance(minutes=1)

    made(await undo(staff, cancelled))

    for room in venue.rooms:
        assert (await staff.create(room, TOMORROW)).refusals == ["SLOT_TAKEN"]


async def test_the_time_of_a_visit_is_taken_back(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = await booked(staff, venue, clock)
    clock.now = TOMORROW + timedelta(minutes=2)

    gone = made(await staff.no_show(booking))
    clock.advance(minutes=1)
    back = made(await undo(staff, gone))
    clock.advance(minutes=1)
    present = made(await staff.check_in(back))
    clock.advance(minutes=1)
    ended = made(await staff.change("endBookingEarly", present))
    clock.advance(minutes=1)
    on = made(await undo(staff, ended))

    assert [each["status"] for each in (gone, back, present, ended, on)] == [
        "NO_SHOW", "CONFIRMED", "CHECKED_IN", "COMPLETED", "CHECKED_IN",
    ]  # fmt: skip
    assert ended["endsAt"] < on["endsAt"] == booking["endsAt"]


async def test_after_five_minutes_it_is_too_late(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = await booked(staff, venue, clock)
    (cancelled,) = made(await staff.cancel(booking))
    clock.advance(minutes=5)
    assert made(await undo(staff, cancelled, dryRun=True))["status"] == "CONFIRMED"

    clock.advance(seconds=1)
    answer = refused(await undo(staff, cancelled))

    assert (answer["code"], answer["undoableUntil"]) == (
        "UNDO_WINDOW_PASSED",
        "2027-03-01T09:06:00Z",
    )
    assert answer["message"] == (
        "This change could be taken back until 10:06 on Monday 1 March 2027."
    )


async def test_a_time_that_others_have_by_now_is_refused(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = await booked(staff, venue, clock)
    (cancelled,) = made(await staff.cancel(booking))
    other = made(await staff.create(venue.rooms[0], TOMORROW))
    clock.advance(minutes=1)

    answer = refused(await undo(staff, cancelled))

    assert answer["code"] == "SLOT_TAKEN"
    assert answer["conflicts"][0]["startsAt"] == other["startsAt"]
    assert (await staff.booking(booking["id"]))["status"] == "CANCELLED"


async def test_there_may_be_nothing_to_undo(
    staff: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = await booked(staff, venue, clock)
    assert (await undo(staff, booking)).refusals == ["NOTHING_TO_UNDO"]

    (cancelled,) = made(await staff.cancel(booking))
    clock.advance(minutes=1)
    back = made(await undo(staff, cancelled))
    clock.advance(minutes=1)

    assert (await undo(staff, back)).refusals == ["NOTHING_TO_UNDO"]
    assert (await undo(staff, cancelled)).refusals == ["STALE_VERSION"]


async def test_customers_take_back_only_what_they_did(
    staff: BookingClient, guest: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = await booked(guest, venue, clock)
    moved_away = moved(await staff.move(booking, FRIDAY))
    clock.advance(minutes=1)

    others = refused(await undo(guest, moved_away))
    back = made(await undo(staff, moved_away))
    clock.advance(minutes=1)
    (cancelled,) = made(await guest.cancel(back))
    clock.advance(minutes=1)

    assert others["message"] == "The last change isn't yours; contact the venue."
    assert made(await undo(guest, cancelled))["status"] == "CONFIRMED"


# ------------------------------------------------------------------------------ money


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made_till:
        yield made_till


async def test_a_refund_is_not_taken_back(till: PaymentsApp, clock: StoppedClock) -> None:
    venue = await make_venue(till.runtime)
    await till.set_up(venue, policy="DEPOSIT", percent=30)
    guest, owner = till.desk(venue.guest), till.desk(venue.owner)
    booking = made(await guest.create(venue.rooms[0], FRIDAY))
    await till.pays_and_is_heard(booking)
    clock.advance(minutes=1)
    await guest.cancel(await till.seen(venue.guest, booking))
    clock.advance(minutes=1)
    cancelled = await till.seen(venue.guest, booking)

    by_guest = refused(await undo(guest, cancelled))
    back = made(await undo(owner, cancelled))

    seen = await till.seen(venue.guest, booking)
    money = ("amountPaid", "amountRefunded", "balanceDue")
    assert by_guest["code"] == "NOTHING_TO_UNDO"
    assert back["status"] == "CONFIRMED"
    assert [cancelled[name]["amount"] for name in money] == ["12.00", "12.00", "0.00"]
    assert [seen[name]["amount"] for name in money] == ["12.00", "12.00", "40.00"]


async def test_what_a_change_kept_is_taken_back_with_it(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await make_venue(till.runtime)
    half = [{"minutesBefore": 60, "refundPercent": 50}]
    await till.set_up(venue, policy="FULL", cancellationSteps=half)
    guest, owner = till.desk(venue.guest), till.desk(venue.owner)
    allow = """mutation { updateTenantSettings(version: 2, input: { changeMinutesBefore: 60 }) {
        userErrors { code } } }"""
    assert (await owner(allow)).refusals == []
    booking = made(await guest.create(venue.rooms[0], FRIDAY, minutes=120))
    await till.pays_and_is_heard(booking)
    clock.advance(minutes=1)
    booking = await till.seen(venue.guest, booking)
    moved(await guest.move(booking, FRIDAY, venue.rooms[0], durationMinutes=60))
    clock.advance(minutes=1)
    shortened = await till.seen(venue.guest, booking)

    assert made(await undo(owner, shortened))["price"]["total"]["amount"] == "80.00"

    seen = await till.seen(venue.guest, booking)
    money = ("amountPaid", "amountRefunded", "balanceDue")
    # Of the hour given up, half was refunded: it is due again, and the half that was kept isn't.
    assert [shortened[name]["amount"] for name in money] == ["80.00", "20.00", "0.00"]
    assert [seen[name]["amount"] for name in money] == ["80.00", "20.00", "20.00"]
    assert (await till.sums(venue, booking))["revenue"] == -8000
