"""A guest's link shows, moves and cancels one booking, and gives no other access."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from kit.runtime import Runtime
from kit.security.tokens import Link
from tests.api.bookings.test_guests import BOOK, GUEST, HOLD, slot
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.database import SECRET
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.guests import confirm, links, mailed

SHOW = """
    query ($token: String!) {
      guestBooking(token: $token) {
        reference version status startsAt partySize holdExpiresAt
        room { name hourlyRate { amount } } venue { name } local { start timeZone }
        price { total { amount } }
      }
    }
"""
MOVE = """
    mutation ($version: Int!, $input: RescheduleGuestBookingInput!) {
      rescheduleGuestBooking(version: $version, input: $input) {
        booking { reference version startsAt room { name } }
        userErrors { __typename code path }
      }
    }
"""
CANCEL = """
    mutation ($version: Int!, $input: CancelGuestBookingInput!) {
      cancelGuestBooking(version: $version, input: $input) {
        booking { version status }
        userErrors { __typename code path }
      }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


async def booked(api: Api, runtime: Runtime, venue: Venue, hour: int = 15, **changed: Any) -> str:
    """Returns the link of a guest's new booking, which they have confirmed."""
    given = {**slot(venue, hour), "customer": {**GUEST, **changed}}
    answer = await api(BOOK, {"input": given})
    token: str = answer.payload["token"]
    assert (await confirm(api, mailed(runtime, token))).refusals == []
    return token


async def move(api: Api, token: str, *, version: int = 2, **changed: Any) -> Answer:
    given = {"token": token, "start": {"at": "2027-03-02T18:00:00Z"}, **changed}
    return await api(MOVE, {"version": version, "input": given})


async def cancel(api: Api, token: str, *, version: int = 2) -> Answer:
    return await api(CANCEL, {"version": version, "input": {"token": token}})


async def show(api: Api, token: str) -> Answer:
    return await api(SHOW, {"token": token})


# ------------------------------------------------------------------------------ what it does


async def test_a_link_shows_its_booking(api: Api, runtime: Runtime, venue: Venue) -> None:
    token = await booked(api, runtime, venue)

    shown = (await show(api, token)).payload

    assert {**shown, "reference": ...} == {
        "reference": ...,
        "version": 2,
        "status": "CONFIRMED",
        "startsAt": "2027-03-02T15:00:00Z",
        "partySize": 1,
        "holdExpiresAt": None,
        "room": {"name": "Room 1", "hourlyRate": {"amount": "40.00"}},
        "venue": {"name": venue.tenant.name},
        "local": {"start": "2027-03-02T16:00", "timeZone": "Europe/Berlin"},
        "price": {"total": {"amount": "40.00"}},
    }


async def test_a_link_moves_its_booking_and_stays_good(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)
    reference = (await show(api, token)).payload["reference"]

    moved = await move(api, token, roomId=api_id(venue.rooms[1]))

    assert moved.payload["booking"] == {
        "reference": reference,
        "version": 3,
        "startsAt": "2027-03-02T18:00:00Z",
        "room": {"name": "Room 2"},
    }
    assert (await show(api, token)).payload["startsAt"] == "2027-03-02T18:00:00Z"


async def test_a_link_moves_its_booking_onto_its_own_time(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)

    half_later = await move(api, token, start={"at": "2027-03-02T15:30:00Z"})
    longer = await move(
        api, token, version=3, start={"at": "2027-03-02T15:00:00Z"}, durationMinutes=120
    )

    assert half_later.payload["booking"]["startsAt"] == "2027-03-02T15:30:00Z"
    assert longer.payload["booking"]["startsAt"] == "2027-03-02T15:00:00Z"


async def test_a_link_moves_its_booking_onto_no_other_time(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)
    await make_booking(runtime, venue, clock.now.replace(day=2, hour=16))

    answer = await move(api, token, start={"at": "2027-03-02T15:30:00Z"})

    assert answer.refusals == ["SLOT_TAKEN"]


async def test_a_link_cancels_its_booking_and_frees_the_time(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)

    cancelled = await cancel(api, token)

    assert cancelled.payload["booking"] == {"version": 3, "status": "CANCELLED"}
    assert (await show(api, token)).payload["status"] == "CANCELLED"
    assert await booked(api, runtime, venue)


async def test_a_link_cancels_a_hold(api: Api, venue: Venue) -> None:
    token = (await api(HOLD, {"input": slot(venue)})).payload["token"]

    answer = await cancel(api, token, version=1)

    assert answer.payload["booking"]["status"] == "CANCELLED"


async def test_a_cancelled_booking_is_not_moved(api: Api, runtime: Runtime, venue: Venue) -> None:
    token = await booked(api, runtime, venue)
    await cancel(api, token)

    answer = await move(api, token, version=3)

    assert answer.refusals == ["INVALID_TRANSITION"]


async def test_a_booking_is_not_moved_onto_another(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)
    await make_booking(runtime, venue, clock.now.replace(day=2, hour=18))

    answer = await move(api, token)

    assert answer.payload["userErrors"] == [
        {"__typename": "GenericUserError", "code": "SLOT_TAKEN", "path": ["input", "start"]}
    ]


async def test_a_stale_version_is_refused_without_the_booking(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)
    await move(api, token)

    answer = await cancel(api, token, version=2)

    assert answer.payload["userErrors"] == [
        {"__typename": "GenericUserError", "code": "STALE_VERSION", "path": ["version"]}
    ]


# ------------------------------------------------------------------------------ only that one


async def test_a_link_is_no_access_token(api: Api, runtime: Runtime, venue: Venue) -> None:
    token = await booked(api, runtime, venue)

    answer = await api("{ bookings { nodes { id } } }", token=token)

    assert answer.codes == ["UNAUTHENTICATED"]


async def test_a_link_is_no_other_bookings(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    other = await make_booking(runtime, venue, clock.now.replace(day=2, hour=20))
    token = await booked(api, runtime, venue)
    text = """query ($token: String!, $id: ID!) {
        guestBooking(token: $token) { reference }
        node(id: $id) { id }
        booking(id: $id) { id } }"""

    answer = await api(text, {"token": token, "id": api_id(other)})

    assert answer.partial["node"] is None and answer.partial["booking"] is None
    assert answer.codes == ["UNAUTHENTICATED"]
    assert answer.partial["guestBooking"]["reference"] != other.reference


async def test_two_links_in_one_operation_show_each_its_own(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    first, second = await booked(api, runtime, venue, 15), await booked(api, runtime, venue, 18)
    text = """query ($a: String!, $b: String!) {
        a: guestBooking(token: $a) { startsAt room { name } }
        b: guestBooking(token: $b) { startsAt room { name } } }"""

    answer = await api(text, {"a": first, "b": second})

    room = {"name": "Room 1"}
    assert answer.data == {
        "a": {"startsAt": "2027-03-02T15:00:00Z", "room": room},
        "b": {"startsAt": "2027-03-02T18:00:00Z", "room": room},
    }


async def test_a_link_of_an_unknown_booking_opens_nothing(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime)
    token = links(runtime).sign(Link(venue.tenant.id, other.tenant.id))

    assert (await show(api, token)).codes == ["UNAUTHENTICATED"]
    assert (await cancel(api, token)).refusals == ["INVALID_CREDENTIALS"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-2],
        lambda token: token[:-6] + "AAAAAA",
        lambda token: token.split(".")[1],
        lambda _: "..",
        lambda _: "",
        lambda token: token + "." + token,
        lambda _: 2_000 * "a",
    ],
    ids=["cut", "changed", "a part", "dots", "empty", "twice", "long"],
)
async def test_a_tampered_link_is_refused(
    api: Api, runtime: Runtime, venue: Venue, spoil: Any
) -> None:
    token = spoil(await booked(api, runtime, venue))

    shown, moved, cancelled = (
        await show(api, token),
        await move(api, token),
        await cancel(api, token),
    )

    assert shown.codes == ["UNAUTHENTICATED"]
    assert (moved.refusals, cancelled.refusals) == (["INVALID_CREDENTIALS"],) * 2


async def test_the_installations_secret_itself_signs_no_link(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, clock.now.replace(day=2, hour=20))
    real = links(runtime)
    claims = jwt.decode(real.sign(Link(venue.tenant.id, booking.id)), real._keys[0]).claims

    forged = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))

    assert (await show(api, forged)).codes == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------ its end


async def test_a_link_is_good_until_a_day_after_the_end(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)

    clock.now = clock.now.replace(day=3, hour=15, minute=59, second=59)
    before = await show(api, token)
    clock.advance(seconds=1)
    after = await show(api, token)
    cancelled = await cancel(api, token)

    assert (before.codes, after.codes) == ([], ["UNAUTHENTICATED"])
    assert cancelled.refusals == ["INVALID_CREDENTIALS"]


async def test_a_moved_bookings_link_is_good_until_a_day_after_the_new_end(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)
    await move(api, token, start={"at": "2027-03-09T15:00:00Z"})

    clock.advance(days=8)

    assert (await show(api, token)).payload["startsAt"] == "2027-03-09T15:00:00Z"
