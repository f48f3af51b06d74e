"""Idempotency keys: a repeated call changes nothing and returns the stored result."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, make_venue

TEN = "2027-03-02T10:00:00Z"
ELEVEN = "2027-03-02T11:00:00Z"
KEY: dict[str, Any] = {"idempotencyKey": "a key of the client's"}


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


def replays(answers: list[Answer]) -> list[bool]:
    return sorted(each.payload["replayed"] for each in answers)


async def count(desk: BookingClient) -> int:
    answer = await desk("{ bookings { totalCount } }")
    return int(answer.payload["totalCount"])


async def test_the_same_call_again_is_replayed(desk: BookingClient, venue: Venue) -> None:
    first = await desk.create(venue.rooms[0], TEN, note="Once", **KEY)
    second = await desk.create(venue.rooms[0], TEN, note="Once", **KEY)

    assert (first.payload["replayed"], second.payload["replayed"]) == (False, True)
    assert made(second) == made(first)
    assert await count(desk) == 1


async def test_ten_calls_at_once_make_one_booking(desk: BookingClient, venue: Venue) -> None:
    answers = await asyncio.gather(*(desk.create(venue.rooms[0], TEN, **KEY) for _ in range(10)))

    first = made(answers[0])
    assert [made(each) for each in answers] == 10 * [first]
    assert replays(answers) == [False, *9 * [True]]
    assert await count(desk) == 1


async def test_ten_holds_at_once_make_one_hold(desk: BookingClient, venue: Venue) -> None:
    answers = await asyncio.gather(*(desk.hold(venue.rooms[0], TEN, **KEY) for _ in range(10)))

    first = made(answers[0])
    assert [made(each) for each in answers] == 10 * [first]
    assert replays(answers) == [False, *9 * [True]]


async def test_ten_moves_at_once_move_once(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    answers = await asyncio.gather(*(desk.move(booking, ELEVEN, **KEY) for _ in range(10)))

    assert {moved(each)["version"] for each in answers} == {2}
    assert {moved(each)["startsAt"] for each in answers} == {ELEVEN}
    assert replays(answers) == [False, *9 * [True]]


async def test_ten_cancellations_at_once_cancel_once(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    answers = await asyncio.gather(*(desk.cancel(booking, **KEY) for _ in range(10)))

    assert {moved(each)["status"] for each in answers} == {"CANCELLED"}
    assert replays(answers) == [False, *9 * [True]]
    entries = await desk.history(booking)
    assert [each["type"] for each in entries] == ["BOOKING_CREATED", "BOOKING_CANCELLED"]


async def test_a_converted_hold_is_replayed(desk: BookingClient, venue: Venue) -> None:
    hold = made(await desk.hold(venue.rooms[0], TEN))

    first = await desk.convert(hold, **KEY)
    second = await desk.convert(hold, **KEY)

    assert made(second) == made(first)
    assert second.payload["replayed"]


async def test_a_replay_reads_the_booking_as_it_is_now(desk: BookingClient, venue: Venue) -> None:
    first = made(await desk.create(venue.rooms[0], TEN, **KEY))
    made(await desk.update(first, note="Changed since"))

    again = made(await desk.create(venue.rooms[0], TEN, **KEY))

    assert (again["id"], again["version"], again["note"]) == (first["id"], 2, "Changed since")


@pytest.mark.parametrize(
    "other", [{"note": "Another"}, {"partySize": 2}, {"start": {"at": ELEVEN}}, {"note": ""}]
)
async def test_another_input_with_the_same_key_is_refused(
    desk: BookingClient, venue: Venue, other: dict[str, Any]
) -> None:
    made(await desk.create(venue.rooms[0], TEN, **KEY))

    refusal = refused(await desk.create(venue.rooms[0], TEN, **{**KEY, **other}))

    assert (refusal["code"], refusal["path"]) == (
        "IDEMPOTENCY_KEY_REUSED",
        ["input", "idempotencyKey"],
    )
    assert await count(desk) == 1


async def test_the_same_instant_with_another_offset_is_the_same_input(
    desk: BookingClient, venue: Venue
) -> None:
    first = made(await desk.create(venue.rooms[0], TEN, **KEY))

    again = await desk.create(venue.rooms[0], "2027-03-02T11:00:00.000+01:00", **KEY)

    assert made(again) == first


async def test_another_booking_with_the_same_key_is_refused(
    desk: BookingClient, venue: Venue
) -> None:
    one = made(await desk.create(venue.rooms[0], TEN))
    other = made(await desk.create(venue.rooms[0], ELEVEN))
    made(await desk.cancel(one, **KEY))

    assert (await desk.cancel(other, **KEY)).refusals == ["IDEMPOTENCY_KEY_REUSED"]


async def test_a_key_is_its_mutations_own(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], TEN, **KEY))

    hold = await desk.hold(venue.rooms[1], TEN, **KEY)

    assert (made(hold)["status"], hold.payload["replayed"]) == ("HELD", False)


async def test_a_key_is_its_callers_own(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    other_venue = await make_venue(runtime)
    colleague = BookingClient(api, runtime, venue.manager)
    stranger = BookingClient(api, runtime, other_venue.staff)
    made(await desk.create(venue.rooms[0], TEN, **KEY))

    theirs = await colleague.create(venue.rooms[0], ELEVEN, **KEY)
    elsewhere = await stranger.create(other_venue.rooms[0], ELEVEN, **KEY)

    assert (made(theirs)["startsAt"], theirs.payload["replayed"]) == (ELEVEN, False)
    assert (made(elsewhere)["startsAt"], elsewhere.payload["replayed"]) == (ELEVEN, False)


async def test_a_refusal_is_not_kept(desk: BookingClient, venue: Venue) -> None:
    blocking = made(await desk.create(venue.rooms[0], TEN))
    refusal = await desk.create(venue.rooms[0], TEN, **KEY)
    made(await desk.cancel(blocking))

    again = await desk.create(venue.rooms[0], TEN, **KEY)

    assert (refusal.refusals, refusal.payload["replayed"]) == (["SLOT_TAKEN"], False)
    assert (made(again)["status"], again.payload["replayed"]) == ("CONFIRMED", False)


async def test_a_key_is_kept_for_a_day(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    first = made(await desk.create(venue.rooms[0], "2027-03-05T10:00:00Z", **KEY))

    clock.advance(hours=23, minutes=59, seconds=59)
    kept = await desk.create(venue.rooms[0], "2027-03-05T10:00:00Z", **KEY)
    clock.advance(seconds=1)
    anew = await desk.create(venue.rooms[0], "2027-03-05T12:00:00Z", **KEY)

    assert (made(kept)["id"], kept.payload["replayed"]) == (first["id"], True)
    assert (made(anew)["id"] != first["id"], anew.payload["replayed"]) == (True, False)


@pytest.mark.parametrize(("length", "codes"), [(0, ["INVALID"]), (255, []), (256, ["INVALID"])])
async def test_a_key_has_up_to_255_characters(
    desk: BookingClient, venue: Venue, length: int, codes: list[str]
) -> None:
    answer = await desk.create(venue.rooms[0], TEN, idempotencyKey="k" * length)

    assert answer.refusals == codes


async def test_without_a_key_the_same_call_is_another_one(
    desk: BookingClient, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[0], TEN))

    assert (await desk.create(venue.rooms[0], TEN)).refusals == ["SLOT_TAKEN"]


async def test_a_null_that_says_nothing_is_the_same_input(
    desk: BookingClient, venue: Venue
) -> None:
    first = await desk.create(venue.rooms[0], TEN, note=None, **KEY)
    second = await desk.create(venue.rooms[0], TEN, **KEY)

    assert second.payload["replayed"]
    assert made(second) == made(first)
