"""Creating and updating bookings: payloads, and fields that keep their values."""

import re
from datetime import UTC, datetime

import pytest

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_booking, make_venue

TEN = "2027-03-02T10:00:00Z"
ELEVEN = "2027-03-02T11:00:00Z"
UNKNOWN_BOOKING = "Qm9va2luZzowMTk0MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDE="
UNKNOWN_CUSTOMER = "Q3VzdG9tZXI6MDE5NDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAx"


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


# ------------------------------------------------------------------------------ making


async def test_a_booking_tells_all_about_itself(desk: BookingClient, venue: Venue) -> None:
    booking = made(
        await desk.create(
            venue.rooms[0],
            "2027-03-27T22:30:00+00:00",
            minutes=150,
            partySize=4,
            note="A birthday",
            customer={"id": api_id(venue.customer)},
        )
    )

    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", booking.pop("reference"))
    assert booking.pop("id") is not None
    assert booking == {
        "version": 1,
        "status": "CONFIRMED",
        "allowedTransitions": ["CANCELLED"],
        "startsAt": "2027-03-27T22:30:00Z",
        "endsAt": "2027-03-28T01:00:00Z",
        "holdExpiresAt": None,
        "partySize": 4,
        "note": "A birthday",
        "createdAt": "2027-03-01T09:00:00Z",
        "updatedAt": "2027-03-01T09:00:00Z",
        "room": {"id": api_id(venue.rooms[0]), "name": "Room 1"},
        "customer": {"id": api_id(venue.customer), "name": "Guest"},
        # The clock goes from 02:00 to 03:00 at that very moment.
        "local": {
            "timeZone": "Europe/Berlin",
            "start": "2027-03-27T23:30",
            "end": "2027-03-28T03:00",
            "utcOffsetStart": "+01:00",
            "utcOffsetEnd": "+02:00",
        },
        "price": {
            "lines": [
                {
                    "label": "Room 1",
                    "startsAt": "2027-03-27T22:30:00Z",
                    "endsAt": "2027-03-28T01:00:00Z",
                    "minutes": 150,
                    "amount": {"amount": "100.00", "currencyCode": "EUR"},
                }
            ],
            "subtotal": {"amount": "100.00"},
            "discount": {"amount": "0.00"},
            "tax": {"amount": "0.00"},
            "total": {"amount": "100.00", "currencyCode": "EUR"},
        },
    }


async def test_a_booking_is_pending_where_the_venue_confirms_bookings(
    api: Api, runtime: Runtime
) -> None:
    careful = await make_venue(runtime, requires_confirmation=True)
    desk = BookingClient(api, runtime, careful.staff)

    pending = made(await desk.create(careful.rooms[0], TEN))
    confirmed = made(await desk.confirm(pending))

    assert (pending["status"], confirmed["status"]) == ("PENDING", "CONFIRMED")
    entries = await desk.history(confirmed)
    assert [each["type"] for each in entries] == ["BOOKING_CREATED", "BOOKING_CONFIRMED"]


async def test_a_booking_needs_a_room_a_start_and_a_duration(desk: BookingClient) -> None:
    answer = await desk(
        """mutation { createBooking(input: {}) {
             booking { id } replayed userErrors { __typename code path } } }"""
    )

    generic = {"__typename": "GenericUserError", "code": "REQUIRED"}
    assert answer.payload == {
        "booking": None,
        "replayed": False,
        "userErrors": [
            {**generic, "path": ["input", "roomId"]},
            {**generic, "path": ["input", "start"]},
            {**generic, "path": ["input", "durationMinutes"]},
        ],
    }


async def test_references_are_unlike_each_other(desk: BookingClient, venue: Venue) -> None:
    first = made(await desk.create(venue.rooms[0], TEN))
    second = made(await desk.create(venue.rooms[0], ELEVEN))

    assert first["reference"] != second["reference"]


# ------------------------------------------------------------------------------ for whom


async def test_a_booking_may_be_for_nobody_yet(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    assert booking["customer"] is None


async def test_a_new_customer_is_added_with_the_booking(desk: BookingClient, venue: Venue) -> None:
    new = {"name": "Nadia", "email": "nadia@example.com"}

    first = made(await desk.create(venue.rooms[0], TEN, customer={"new": new}))
    again = made(await desk.create(venue.rooms[0], ELEVEN, customer={"new": new}))

    assert first["customer"]["name"] == "Nadia"
    assert again["customer"] == first["customer"]


async def test_a_known_address_finds_its_customer(desk: BookingClient, venue: Venue) -> None:
    address = f"  {venue.customer.email.upper()} " if venue.customer.email else ""

    booking = made(
        await desk.create(
            venue.rooms[0], TEN, customer={"new": {"name": "Somebody", "email": address}}
        )
    )

    assert booking["customer"] == {"id": api_id(venue.customer), "name": "Guest"}


async def test_an_unknown_customer_is_not_found(desk: BookingClient, venue: Venue) -> None:
    refusal = refused(await desk.create(venue.rooms[0], TEN, customer={"id": UNKNOWN_CUSTOMER}))

    assert (refusal["code"], refusal["path"]) == ("NOT_FOUND", ["input", "customer", "id"])


async def test_a_refused_booking_adds_no_customer(desk: BookingClient, venue: Venue) -> None:
    new = {"name": "Nadia", "email": "nadia@example.com"}

    answer = await desk.create(venue.rooms[0], TEN, partySize=5, customer={"new": new})

    assert answer.refusals == ["CAPACITY_EXCEEDED"]
    found = await desk('{ customers(filter: {email: "nadia@example.com"}) { totalCount } }')
    assert found.payload == {"totalCount": 0}


# ------------------------------------------------------------------------------ prices


@pytest.mark.parametrize(
    ("rate_minor", "minutes", "total"),
    [
        (3333, 20, "11.11"),
        (3335, 30, "16.68"),
        (4000, 15, "10.00"),
        (1, 30, "0.01"),
        (1, 29, "0.00"),
        (0, 60, "0.00"),
    ],
)
async def test_a_price_is_rate_times_minutes_rounded_half_up(
    api: Api, runtime: Runtime, rate_minor: int, minutes: int, total: str
) -> None:
    venue = await make_venue(runtime, rate_minor=rate_minor)
    desk = BookingClient(api, runtime, venue.staff)

    booking = made(await desk.create(venue.rooms[0], TEN, minutes=minutes))

    assert booking["price"]["total"] == {"amount": total, "currencyCode": "EUR"}
    assert [line["minutes"] for line in booking["price"]["lines"]] == [minutes]


async def test_yen_have_no_decimals(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, currency="JPY", rate_minor=1005)
    desk = BookingClient(api, runtime, venue.staff)

    booking = made(await desk.create(venue.rooms[0], TEN, minutes=30))

    assert booking["price"]["total"] == {"amount": "503", "currencyCode": "JPY"}


async def test_a_room_without_a_rate_has_no_price(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rate_minor=None)
    desk = BookingClient(api, runtime, venue.staff)

    booking = made(await desk.create(venue.rooms[0], TEN))
    refusal = refused(
        await desk.create(
            venue.rooms[0], ELEVEN, expectedTotal={"amount": "40.00", "currencyCode": "EUR"}
        )
    )

    assert booking["price"] is None
    assert refusal["code"] == "PRICE_CHANGED"


@pytest.mark.parametrize(
    ("amount", "currency", "codes"),
    [
        ("40.00", "EUR", []),
        ("40", "EUR", []),
        ("39.99", "EUR", ["PRICE_CHANGED"]),
        ("40.00", "USD", ["PRICE_CHANGED"]),
    ],
)
async def test_an_expected_total_is_honoured(
    desk: BookingClient, venue: Venue, amount: str, currency: str, codes: list[str]
) -> None:
    expected = {"amount": amount, "currencyCode": currency}

    answer = await desk.create(venue.rooms[0], TEN, expectedTotal=expected)

    assert answer.refusals == codes


async def test_a_booking_keeps_its_price_when_the_rate_changes(
    api: Api, runtime: Runtime, desk: BookingClient, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    owner = BookingClient(api, runtime, venue.owner)

    await owner(
        """mutation ($id: ID!) { updateRoom(
             id: $id, version: 1, input: {hourlyRate: {amount: "60.00", currencyCode: "EUR"}}
           ) { userErrors { code } } }""",
        id=api_id(venue.rooms[0]),
    )

    assert (await desk.booking(booking["id"]))["price"]["total"]["amount"] == "40.00"


# ------------------------------------------------------------------------------ updating


async def test_an_update_changes_all_but_when_and_where(
    desk: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    clock.advance(minutes=1)

    updated = made(
        await desk.update(
            booking, customer={"id": api_id(venue.customer)}, partySize=4, note="Two chairs"
        )
    )

    assert updated == {
        **booking,
        "version": 2,
        "updatedAt": "2027-03-01T09:01:00Z",
        "customer": {"id": api_id(venue.customer), "name": "Guest"},
        "partySize": 4,
        "note": "Two chairs",
    }


async def test_what_an_update_leaves_out_stays(desk: BookingClient, venue: Venue) -> None:
    customer = {"id": api_id(venue.customer)}
    booking = made(await desk.create(venue.rooms[0], TEN, customer=customer, note="A birthday"))

    updated = made(await desk.update(booking, partySize=2))
    cleared = made(await desk.update(updated, note=None, customer=None))

    assert (updated["customer"], updated["note"]) == (booking["customer"], "A birthday")
    assert (cleared["customer"], cleared["note"], cleared["partySize"]) == (None, None, 2)


async def test_an_update_says_all_that_is_wrong(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    answer = await desk.update(booking, partySize=5, customer={"id": UNKNOWN_CUSTOMER})

    assert sorted((each["code"], each["path"][1]) for each in answer.payload["userErrors"]) == [
        ("CAPACITY_EXCEEDED", "partySize"),
        ("NOT_FOUND", "customer"),
    ]
    assert (await desk.booking(booking["id"]))["version"] == 1


async def test_a_party_size_can_not_be_null(desk: BookingClient, venue: Venue) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    refusal = refused(await desk.update(booking, partySize=None))

    assert (refusal["code"], refusal["path"]) == ("REQUIRED", ["input", "partySize"])


@pytest.mark.parametrize("party", [0, -1])
async def test_a_party_has_somebody_in_it(desk: BookingClient, venue: Venue, party: int) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))

    created = refused(await desk.create(venue.rooms[0], ELEVEN, partySize=party))
    updated = refused(await desk.update(booking, partySize=party))

    assert (created["code"], created["path"]) == ("INVALID", ["input", "partySize"])
    assert (updated["code"], updated["path"]) == ("INVALID", ["input", "partySize"])


async def test_a_cancelled_booking_can_not_be_updated(desk: BookingClient, venue: Venue) -> None:
    cancelled = moved(await desk.cancel(made(await desk.create(venue.rooms[0], TEN))))

    assert (await desk.update(cancelled, partySize=2)).refusals == ["INVALID_TRANSITION"]


# ------------------------------------------------------------------------------ versions and ids


@pytest.mark.parametrize(
    "change",
    ["confirm", "reject", "update", "move", "cancel", "check_in", "complete", "no_show"],
)
async def test_a_stale_version_gets_the_current_booking(
    desk: BookingClient, venue: Venue, change: str
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    made(await desk.update(booking, note="First"))

    arguments = {"move": (ELEVEN,)}.get(change, ())
    refusal = refused(await getattr(desk, change)(booking, *arguments))

    assert refusal["__typename"] == "StaleVersionError"
    assert (refusal["code"], refusal["path"]) == ("STALE_VERSION", ["version"])
    assert refusal["current"] == {
        "id": booking["id"],
        "version": 2,
        "status": "CONFIRMED",
        "note": "First",
    }


@pytest.mark.parametrize(
    "change",
    ["confirm", "reject", "update", "move", "cancel", "check_in", "complete", "no_show"],
)
async def test_a_booking_that_is_not_there_is_not_found(desk: BookingClient, change: str) -> None:
    arguments = {"move": (TEN,)}.get(change, ())
    ids = ["nonsense", "", UNKNOWN_BOOKING, UNKNOWN_CUSTOMER]

    refusals = [
        refused(await getattr(desk, change)({"id": id, "version": 1}, *arguments)) for id in ids
    ]

    assert refusals == 4 * [
        {
            "__typename": "GenericUserError",
            "code": "NOT_FOUND",
            "message": "There is no such booking.",
            "path": ["id"],
        }
    ]


async def test_a_booking_that_is_not_there_reads_as_null(desk: BookingClient) -> None:
    answer = await desk(
        """query ($unknown: ID!, $customer: ID!) {
             malformed: booking(id: "nonsense") { id }
             unknown: booking(id: $unknown) { id }
             of_another_type: booking(id: $customer) { id }
             node(id: $unknown) { id } }""",
        unknown=UNKNOWN_BOOKING,
        customer=UNKNOWN_CUSTOMER,
    )

    assert answer.data == {
        "malformed": None,
        "unknown": None,
        "of_another_type": None,
        "node": None,
    }


async def test_a_booking_is_found_as_a_node(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, datetime(2027, 3, 2, 10, tzinfo=UTC))

    answer = await desk(
        "query ($id: ID!) { node(id: $id) { id ... on Booking { reference } } }", id=api_id(booking)
    )

    assert answer.payload == {"id": api_id(booking), "reference": booking.reference}
