"""Transitions of a booking: only allowed ones succeed, and the booking lists them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from domain.bookings.lifecycle import Status
from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused, shown
from tests.support.factories import Venue, make_booking, make_venue

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
NEVER: Final[list[str]] = []

# When the booking of an hour starts, in minutes from now.
TOMORROW = 24 * 60
AT_THE_DOOR = 15
BEGUN = -30
OVER = -60


async def become(desk: BookingClient, booking: Any, wanted: Status) -> Answer | None:
    """Runs the mutation that leads to a status; returns None if there is none."""
    match wanted:
        case Status.PENDING:
            return await desk.convert(booking)
        case Status.CONFIRMED:
            is_hold = (await desk.booking(booking["id"]))["status"] == "HELD"
            return await (desk.convert(booking) if is_hold else desk.confirm(booking))
        case Status.CHECKED_IN:
            return await desk.check_in(booking)
        case Status.COMPLETED:
            return await desk.complete(booking)
        case Status.CANCELLED:
            return await desk.cancel(booking)
        case Status.NO_SHOW:
            return await desk.no_show(booking)
        case Status.REJECTED:
            return await desk.reject(booking)
        case Status.HELD | Status.EXPIRED:
            return None


async def outcome(
    desk: BookingClient, venue: Venue, room: Room, status: Status, minutes: int, wanted: Status
) -> str:
    """Returns the new status of a transition, or the codes of its refusals."""
    booking = await make_booking(
        desk.runtime,
        venue,
        NOW + timedelta(minutes=minutes),
        room=room,
        status=status,
        hold_expires_at=NOW + timedelta(minutes=5) if status is Status.HELD else None,
    )
    answer = await become(desk, shown(booking), wanted)
    if answer is None:
        return "no way"
    if answer.refusals:
        return ", ".join(answer.refusals)
    done = moved(answer) if "bookings" in answer.payload else made(answer)
    return str(done["status"])


@pytest.mark.parametrize(
    ("status", "minutes", "allowed"),
    [
        (Status.HELD, TOMORROW, ["CONFIRMED", "CANCELLED"]),
        (Status.HELD, BEGUN, ["CONFIRMED", "CANCELLED"]),
        (Status.HELD, OVER, ["CONFIRMED", "CANCELLED"]),
        (Status.PENDING, TOMORROW, ["CONFIRMED", "REJECTED", "CANCELLED"]),
        (Status.PENDING, BEGUN, ["REJECTED", "CANCELLED"]),
        (Status.PENDING, OVER, ["REJECTED"]),
        (Status.CONFIRMED, TOMORROW, ["CANCELLED"]),
        (Status.CONFIRMED, AT_THE_DOOR, ["CHECKED_IN", "CANCELLED"]),
        (Status.CONFIRMED, BEGUN, ["CHECKED_IN", "CANCELLED", "NO_SHOW"]),
        (Status.CONFIRMED, OVER, ["COMPLETED", "NO_SHOW"]),
        (Status.CHECKED_IN, TOMORROW, ["COMPLETED"]),
        (Status.CHECKED_IN, BEGUN, ["COMPLETED"]),
        (Status.CHECKED_IN, OVER, ["COMPLETED"]),
        (Status.COMPLETED, TOMORROW, NEVER),
        (Status.COMPLETED, BEGUN, NEVER),
        (Status.COMPLETED, OVER, NEVER),
        (Status.CANCELLED, TOMORROW, NEVER),
        (Status.CANCELLED, BEGUN, NEVER),
        (Status.CANCELLED, OVER, NEVER),
        (Status.NO_SHOW, TOMORROW, NEVER),
        (Status.NO_SHOW, BEGUN, NEVER),
        (Status.NO_SHOW, OVER, NEVER),
        (Status.EXPIRED, TOMORROW, NEVER),
        (Status.EXPIRED, BEGUN, NEVER),
        (Status.EXPIRED, OVER, NEVER),
        (Status.REJECTED, TOMORROW, NEVER),
        (Status.REJECTED, BEGUN, NEVER),
        (Status.REJECTED, OVER, NEVER),
    ],
)
async def test_only_what_is_allowed_succeeds(
    api: Api, runtime: Runtime, status: Status, minutes: int, allowed: list[str]
) -> None:
    venue = await make_venue(runtime, rooms=len(Status) + 1)
    desk = BookingClient(api, runtime, venue.staff)
    *rooms, last = venue.rooms
    stored = await make_booking(
        runtime,
        venue,
        NOW + timedelta(minutes=minutes),
        room=last,
        status=status,
        hold_expires_at=NOW + timedelta(minutes=5) if status is Status.HELD else None,
    )

    outcomes = {
        wanted.name: await outcome(desk, venue, room, status, minutes, wanted)
        for wanted, room in zip(Status, rooms, strict=True)
    }

    no_way = {"HELD": "no way", "EXPIRED": "no way"}
    refusals = dict.fromkeys((each.name for each in Status), "INVALID_TRANSITION")
    early = status is Status.CONFIRMED and minutes == TOMORROW
    too_early = {"CHECKED_IN": "CHECK_IN_NOT_OPEN"} if early else {}
    # A hold becomes what the venue's settings say, whatever was hoped for.
    hoped = {"PENDING": "CONFIRMED"} if status is Status.HELD else {}
    assert outcomes == {
        **refusals,
        **no_way,
        **too_early,
        **{each: each for each in allowed},
        **hoped,
    }
    assert (await desk.booking(shown(stored)["id"]))["allowedTransitions"] == allowed


async def test_a_hold_past_its_time_becomes_nothing_at_all(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.staff)
    hold = made(await desk.hold(venue.rooms[0], NOW + timedelta(days=1)))
    clock.advance(minutes=5)

    answers = [
        await desk.confirm(hold),
        await desk.reject(hold),
        await desk.cancel(hold),
        await desk.check_in(hold),
        await desk.complete(hold),
        await desk.no_show(hold),
        await desk.update(hold, note="Late"),
        await desk.move(hold, NOW + timedelta(days=2)),
    ]

    assert {code for each in answers for code in each.refusals} <= {
        "INVALID_TRANSITION",
        # The sweeper may have been there meanwhile.
        "STALE_VERSION",
    }
    assert all(each.refusals for each in answers)
    assert (await desk.booking(hold["id"]))["allowedTransitions"] == []


@pytest.mark.parametrize(
    ("advance", "wanted", "codes"),
    [
        (timedelta(minutes=44, seconds=59), "check_in", ["CHECK_IN_NOT_OPEN"]),
        (timedelta(minutes=45), "check_in", []),
        (timedelta(minutes=119, seconds=59), "check_in", []),
        (timedelta(minutes=120), "check_in", ["INVALID_TRANSITION"]),
        (timedelta(minutes=59, seconds=59), "no_show", ["INVALID_TRANSITION"]),
        (timedelta(minutes=60), "no_show", []),
        (timedelta(minutes=119, seconds=59), "complete", ["INVALID_TRANSITION"]),
        (timedelta(minutes=120), "complete", []),
        (timedelta(minutes=119, seconds=59), "cancel", []),
        (timedelta(minutes=120), "cancel", ["INVALID_TRANSITION"]),
    ],
)
async def test_each_step_has_its_time(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    advance: timedelta,
    wanted: str,
    codes: list[str],
) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.staff)
    booking = made(await desk.create(venue.rooms[0], NOW + timedelta(minutes=60)))

    clock.now += advance

    assert (await getattr(desk, wanted)(booking)).refusals == codes


async def test_a_refused_step_says_what_to_wait_for(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.staff)
    booking = made(await desk.create(venue.rooms[0], NOW + timedelta(hours=3)))

    early = refused(await desk.check_in(booking))
    settled = refused(await desk.confirm(booking))

    assert early["message"] == "Checking in opens at 12:45 on Monday 1 March 2027."
    assert early["opensAt"] == "2027-03-01T11:45:00Z"
    assert settled["message"] == "The booking is confirmed; it can only become cancelled."


async def test_a_guest_is_told_only_of_the_steps_they_may_take(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, requires_confirmation=True)
    guest, staff = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.staff),
    )

    hold = made(await guest.hold(venue.rooms[0], NOW + timedelta(days=1)))
    pending = made(await guest.convert(hold))

    assert hold["allowedTransitions"] == ["PENDING", "CANCELLED"]
    assert pending["allowedTransitions"] == ["CANCELLED"]
    assert (await guest.confirm(pending)).codes == ["FORBIDDEN"]
    assert (await staff.booking(pending["id"]))["allowedTransitions"] == [
        "CONFIRMED",
        "REJECTED",
        "CANCELLED",
    ]


@pytest.mark.parametrize(
    ("end", "advance"),
    [("cancel", 0), ("reject", 0), ("no_show", 24 * 60 + 10)],
)
async def test_a_booking_that_ended_early_frees_its_time_at_once(
    api: Api, runtime: Runtime, clock: StoppedClock, end: str, advance: int
) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.staff)
    status = Status.PENDING if end == "reject" else Status.CONFIRMED
    booking = shown(await make_booking(runtime, venue, NOW + timedelta(days=1), status=status))
    rest = NOW + timedelta(days=1, minutes=10)
    clock.advance(minutes=advance)
    taken = await desk.create(venue.rooms[0], rest, minutes=50)

    ended = await getattr(desk, end)(booking)

    assert taken.refusals == ["SLOT_TAKEN"]
    assert ended.refusals == []
    assert (await desk.create(venue.rooms[0], rest, minutes=50)).refusals == []


async def test_each_step_is_in_the_history(api: Api, runtime: Runtime, clock: StoppedClock) -> None:
    venue = await make_venue(runtime, requires_confirmation=True)
    guest, staff = (
        BookingClient(api, runtime, venue.guest),
        BookingClient(api, runtime, venue.staff),
    )
    booking = made(await guest.create(venue.rooms[0], NOW + timedelta(hours=2)))
    booking = made(await staff.confirm(booking))
    clock.advance(hours=2)
    booking = made(await staff.check_in(booking))
    clock.advance(hours=1)
    booking = made(await staff.complete(booking))

    entries = await staff.history(booking)

    steps = [(each["type"], each["at"], each["actor"]["kind"]) for each in entries]
    assert steps == [
        ("BOOKING_CREATED", "2027-03-01T09:00:00Z", "CUSTOMER"),
        ("BOOKING_CONFIRMED", "2027-03-01T09:00:00Z", "USER"),
        ("BOOKING_CHECKED_IN", "2027-03-01T11:00:00Z", "USER"),
        ("BOOKING_COMPLETED", "2027-03-01T12:00:00Z", "USER"),
    ]
    assert entries[1]["changes"] == [{"field": "status", "before": "PENDING", "after": "CONFIRMED"}]


async def test_a_reason_is_kept_in_the_history(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.staff)
    booking = made(await desk.create(venue.rooms[0], NOW + timedelta(hours=2)))

    too_long = await desk.cancel(booking, reason="x" * 501)
    made(await desk.cancel(booking, reason="Rain"))

    assert refused(too_long)["path"] == ["input", "reason"]
    assert [each["reason"] for each in await desk.history(booking)] == [None, "Rain"]
