"""Coupons over the API: what they take off, and who is refused one."""

from typing import Any

import pytest
import pytest_asyncio

from domain.tenants.payment_policy import PolicyKind
from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_venue
from tests.support.guests import confirm, mailed

COUPON = """fragment Shown on Coupon {
    id code amount { amount } percent freeMinutes rooms { name } totalLimit useCount archivedAt
    version
}"""
CREATE = f"""mutation ($input: CreateCouponInput!) {{ createCoupon(input: $input) {{
    coupon {{ ...Shown }} userErrors {{ code path message }} }} }} {COUPON}"""
UPDATE = f"""mutation ($id: ID!, $version: Int!, $input: UpdateCouponInput!) {{
    updateCoupon(id: $id, version: $version, input: $input) {{
      coupon {{ ...Shown }} userErrors {{ code path }} }} }} {COUPON}"""
ARCHIVE = f"""mutation ($id: ID!, $version: Int!) {{ archiveCoupon(id: $id, version: $version) {{
    coupon {{ ...Shown }} userErrors {{ code path }} }} }} {COUPON}"""
COUPONS = f"{{ coupons(first: 10) {{ totalCount nodes {{ ...Shown }} }} }} {COUPON}"
REFUSED = """userErrors { code path ... on CouponError {
    problem useLimit validFrom validUntil firstDate lastDate } }"""
BOOKED = "id version status price { subtotal { amount } discount { amount } total { amount } }"
BOOK = f"""mutation ($input: CreateBookingInput!) {{ createBooking(input: $input) {{
    booking {{ {BOOKED} }} {REFUSED} }} }}"""
HOLD = f"""mutation ($input: HoldBookingInput!) {{ holdBooking(input: $input) {{
    booking {{ {BOOKED} }} {REFUSED} }} }}"""
CANCEL = """mutation ($id: ID!, $version: Int!) {
    cancelBooking(id: $id, version: $version) { userErrors { code } } }"""
UNDO = """mutation ($id: ID!, $version: Int!) { undoChange(bookingId: $id, version: $version) {
    booking { price { discount { amount } } } userErrors { code } } }"""
MONDAY = "2027-03-08T10:00:00Z"
TUESDAY = "2027-03-09T10:00:00Z"
WEDNESDAY = "2027-03-10T10:00:00Z"
TENTH: dict[str, Any] = {"code": "TENTH", "discount": {"percent": 10}}


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.guest)


@pytest.fixture
def owner(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.owner)


async def create(owner: BookingClient, **given: Any) -> Any:
    answer = await owner(CREATE, input={**TENTH, **given})
    assert answer.refusals == [], answer.payload
    return answer.payload["coupon"]


async def book(desk: BookingClient, venue: Venue, at: str, **given: Any) -> Answer:
    slot = {"roomId": api_id(venue.rooms[0]), "start": {"at": at}, "durationMinutes": 90}
    return await desk(BOOK, input={"couponCode": "tenth", **slot, **given})


async def hold(desk: BookingClient, venue: Venue, at: str, **given: Any) -> Answer:
    slot = {"roomId": api_id(venue.rooms[0]), "start": {"at": at}, "durationMinutes": 90}
    return await desk(HOLD, input={"couponCode": "TENTH", **slot, **given})


def amounts(answer: Answer) -> tuple[str, str, str]:
    """Returns the subtotal, discount and total of what was booked."""
    assert answer.refusals == [], answer.payload
    price = answer.payload["booking"]["price"]
    return tuple(price[each]["amount"] for each in ("subtotal", "discount", "total"))


def problem(answer: Answer) -> Any:
    (error,) = answer.payload["userErrors"]
    assert error["code"] == "COUPON_NOT_APPLICABLE"
    assert error["path"] == ["input", "couponCode"]
    return error["problem"]


# ------------------------------------------------------------------------------ discounts


@pytest.mark.parametrize(
    ("discount", "expected"),
    [
        ({"percent": 10}, ("60.00", "6.00", "54.00")),
        ({"amount": {"amount": "7.50", "currencyCode": "EUR"}}, ("60.00", "7.50", "52.50")),
        ({"amount": {"amount": "99.00", "currencyCode": "EUR"}}, ("60.00", "60.00", "0.00")),
        ({"freeMinutes": 30}, ("60.00", "20.00", "40.00")),
    ],
    ids=["percent", "amount", "more than the price", "free minutes"],
)
async def test_a_coupon_lowers_the_price(
    guest: BookingClient,
    owner: BookingClient,
    venue: Venue,
    discount: dict[str, Any],
    expected: tuple[str, str, str],
) -> None:
    await create(owner, discount=discount)

    assert amounts(await book(guest, venue, MONDAY)) == expected
    assert amounts(await hold(guest, venue, TUESDAY)) == expected
    shown = await owner("{ bookings { nodes { price { total { amount } } coupon { code } } } }")
    assert shown.payload["nodes"] == [
        {"price": {"total": {"amount": expected[2]}}, "coupon": {"code": "TENTH"}} for _ in range(2)
    ]


async def test_the_expected_total_is_the_lowered_one(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner)
    full, lowered = (
        {"expectedTotal": {"amount": amount, "currencyCode": "EUR"}}
        for amount in ("60.00", "54.00")
    )

    assert (await book(guest, venue, MONDAY, **full)).refusals == ["PRICE_CHANGED"]
    assert (await book(guest, venue, MONDAY, **lowered)).refusals == []


async def test_a_hold_keeps_its_price_and_its_use(
    guest: BookingClient, owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    coupon = await create(owner, totalLimit=1)
    held = await hold(guest, venue, MONDAY)
    assert amounts(held) == ("60.00", "6.00", "54.00")

    archived = await owner(ARCHIVE, id=coupon["id"], version=1)
    others = await book(owner, venue, TUESDAY)
    given = {"input": {"holdId": held.payload["booking"]["id"]}}
    kept = await guest(BOOK, **given)

    assert archived.payload["coupon"]["useCount"] == 1
    assert problem(others) == "EXPIRED"
    assert amounts(kept) == ("60.00", "6.00", "54.00")


async def test_a_coupon_lowers_the_price_of_a_hold_that_had_none(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner)
    held = await hold(guest, venue, MONDAY, couponCode=None)
    assert amounts(held) == ("60.00", "0.00", "60.00")

    given = {"holdId": held.payload["booking"]["id"], "couponCode": " Tenth "}
    booked = await guest(BOOK, input=given)

    assert amounts(booked) == ("60.00", "6.00", "54.00")


async def test_a_move_keeps_the_discount(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner)
    booked = (await book(guest, venue, MONDAY)).payload["booking"]

    text = f"""mutation ($id: ID!, $start: StartInput!) {{
        rescheduleBooking(id: $id, version: 1, input: {{ start: $start, durationMinutes: 180 }}) {{
          bookings {{ {BOOKED} }} userErrors {{ code }} }} }}"""
    answer = await guest(text, id=booked["id"], start={"at": TUESDAY})

    (moved,) = answer.payload["bookings"]
    assert moved["price"]["total"]["amount"] == "114.00"


async def test_a_quote_shows_the_lowered_price_or_why_not(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner, perCustomerLimit=1)
    slot = {"roomId": api_id(venue.rooms[0]), "start": {"at": MONDAY}, "durationMinutes": 90}
    text = """query ($input: QuoteInput!) { quote(input: $input) {
        price { discount { amount } total { amount } } coupon { code problem message } } }"""

    async def quoted(desk: BookingClient, **given: Any) -> Any:
        return (await desk(text, input={**slot, "couponCode": "tenth", **given})).payload

    lowered = {"discount": {"amount": "6.00"}, "total": {"amount": "54.00"}}
    full = {"discount": {"amount": "0.00"}, "total": {"amount": "60.00"}}
    accepted = {"code": "TENTH", "problem": None, "message": None}
    assert await quoted(guest) == {"price": lowered, "coupon": accepted}
    unknown = await quoted(guest, couponCode="nothing")
    assert unknown == {
        "price": full,
        "coupon": {
            "code": "NOTHING", "problem": "UNKNOWN", "message": "There is no such coupon.",
        },
    }  # fmt: skip

    assert (await book(guest, venue, TUESDAY)).refusals == []
    used = await quoted(guest)
    assert (used["price"], used["coupon"]["problem"]) == (full, "USED_UP_BY_CUSTOMER")
    assert (await quoted(owner))["price"] == lowered
    of_guest = await quoted(owner, customerId=api_id(venue.customer))
    assert of_guest["coupon"]["problem"] == "USED_UP_BY_CUSTOMER"


# ------------------------------------------------------------------------------ limits


async def test_a_cancellation_gives_a_use_back(
    guest: BookingClient, owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    await create(owner, totalLimit=1)
    first = (await book(guest, venue, MONDAY)).payload["booking"]

    second = await book(owner, venue, TUESDAY)
    cancelled = await guest(CANCEL, id=first["id"], version=first["version"])

    assert problem(second) == "USED_UP"
    assert second.payload["userErrors"][0]["useLimit"] == 1
    assert cancelled.refusals == []
    # A hold uses it as long as it lasts.
    assert (await hold(guest, venue, TUESDAY)).refusals == []
    assert problem(await book(owner, venue, WEDNESDAY)) == "USED_UP"
    clock.advance(minutes=6)
    assert (await book(owner, venue, WEDNESDAY)).refusals == []


async def test_a_cancellation_that_is_taken_back_needs_its_use_again(
    guest: BookingClient, owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    await create(owner, totalLimit=1)
    first = (await book(guest, venue, MONDAY)).payload["booking"]
    clock.advance(seconds=1)
    assert (await guest(CANCEL, id=first["id"], version=1)).refusals == []
    taken = (await book(owner, venue, TUESDAY)).payload["booking"]

    refused = await guest(UNDO, id=first["id"], version=2)
    assert (await owner(CANCEL, id=taken["id"], version=1)).refusals == []
    restored = await guest(UNDO, id=first["id"], version=2)

    assert refused.refusals == ["COUPON_NOT_APPLICABLE"]
    assert restored.payload["booking"]["price"]["discount"]["amount"] == "6.00"


async def test_a_hold_for_nobody_yet_comes_back_with_its_coupon(
    owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    await create(owner, perCustomerLimit=1)
    held = (await hold(owner, venue, MONDAY)).payload["booking"]
    clock.advance(seconds=1)
    assert (await owner(CANCEL, id=held["id"], version=1)).refusals == []

    restored = await owner(UNDO, id=held["id"], version=2)

    assert restored.refusals == []
    assert restored.payload["booking"]["price"]["discount"]["amount"] == "6.00"


async def test_a_customer_uses_a_coupon_as_often_as_it_says(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner, perCustomerLimit=1)
    other = {"customer": {"id": api_id(venue.other_customer)}}

    assert (await book(guest, venue, MONDAY)).refusals == []
    again = await book(guest, venue, TUESDAY)
    by_owner = await book(owner, venue, TUESDAY, customer={"id": api_id(venue.customer)})
    of_nobody = await book(owner, venue, TUESDAY)

    assert problem(again) == problem(by_owner) == "USED_UP_BY_CUSTOMER"
    assert [each["code"] for each in of_nobody.payload["userErrors"]] == ["REQUIRED"]
    assert (await book(owner, venue, TUESDAY, **other)).refusals == []


async def test_a_booking_isnt_given_to_a_customer_who_has_used_its_coupon(
    guest: BookingClient, owner: BookingClient, venue: Venue, clock: StoppedClock
) -> None:
    await create(owner, perCustomerLimit=1)
    other = {"customer": {"id": api_id(venue.other_customer)}}
    first = (await book(guest, venue, MONDAY)).payload["booking"]
    second = (await book(owner, venue, TUESDAY, **other)).payload["booking"]

    refused = await owner.update(second, customer={"id": api_id(venue.customer)})
    of_nobody = await owner.update(second, customer=None)
    assert (await owner(CANCEL, id=first["id"], version=1)).refusals == []
    clock.advance(seconds=1)
    given = await owner.update(second, customer={"id": api_id(venue.customer)})

    assert refused.refusals == ["COUPON_NOT_APPLICABLE"]
    assert of_nobody.refusals == ["REQUIRED"]
    assert given.refusals == []
    assert (await book(owner, venue, WEDNESDAY, **other)).refusals == []
    taken_back = await owner(UNDO, id=second["id"], version=2)
    assert taken_back.refusals == ["COUPON_NOT_APPLICABLE"]


async def test_a_coupon_for_the_first_booking(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner, firstBookingOnly=True)
    new = {"customer": {"new": {"name": "New", "email": "new@example.test"}}}

    first = await hold(guest, venue, MONDAY)
    booked = await guest(BOOK, input={"holdId": first.payload["booking"]["id"]})

    assert (first.refusals, booked.refusals) == ([], [])
    assert problem(await book(guest, venue, TUESDAY)) == "FIRST_BOOKING_ONLY"
    assert (await book(owner, venue, TUESDAY, **new)).refusals == []


async def test_a_guests_use_is_decided_when_they_confirm(
    api: Api, runtime: Runtime, guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner, perCustomerLimit=1)
    assert (await book(guest, venue, MONDAY)).refusals == []
    given = {
        "subdomain": venue.tenant.subdomain,
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": TUESDAY},
        "durationMinutes": 60,
        "customer": {"name": "Guest", "email": venue.customer.email},
        "couponCode": "tenth",
    }
    text = """mutation ($input: BookAsGuestInput!) { bookAsGuest(input: $input) {
        token userErrors { code } } }"""

    asked = await api(text, {"input": given})
    confirmed = await confirm(api, mailed(runtime, asked.payload["token"]))

    assert asked.refusals == []
    assert confirmed.refusals == ["COUPON_NOT_APPLICABLE"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"validUntil": "2027-03-01T09:00:00Z"}, "EXPIRED"),
        ({"validFrom": "2027-03-02T00:00:00Z"}, "NOT_YET_VALID"),
        ({"firstDate": "2027-03-09"}, "OTHER_DATE"),
        ({"lastDate": "2027-03-07"}, "OTHER_DATE"),
    ],
    ids=["expired", "not yet", "too early", "too late"],
)
async def test_a_coupon_is_for_its_time(
    guest: BookingClient,
    owner: BookingClient,
    venue: Venue,
    conditions: dict[str, str],
    expected: str,
) -> None:
    await create(owner, **conditions)

    refused = await book(guest, venue, MONDAY)

    assert problem(refused) == expected
    (error,) = refused.payload["userErrors"]
    assert {name: error[name] for name in conditions} == conditions


async def test_a_coupon_is_for_its_rooms(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    coupon = await create(owner, roomIds=[api_id(venue.rooms[1])])

    assert coupon["rooms"] == [{"name": "Room 2"}]
    assert problem(await book(guest, venue, MONDAY)) == "OTHER_ROOM"
    assert (await book(guest, venue, MONDAY, roomId=api_id(venue.rooms[1]))).refusals == []
    rooms = {"roomId": api_id(venue.rooms[1]), "alsoRoomIds": [api_id(venue.rooms[0])]}
    text = "query ($input: QuoteInput!) { quote(input: $input) { coupon { problem } } }"
    slot = {"start": {"at": TUESDAY}, "durationMinutes": 90, "couponCode": "TENTH"}
    quoted = await guest(text, input={**slot, **rooms})
    assert quoted.payload["coupon"]["problem"] == "OTHER_ROOM"
    assert problem(await book(guest, venue, TUESDAY, **rooms)) == "OTHER_ROOM"


async def test_an_unknown_coupon_and_one_of_another_venue_are_the_same(
    api: Api, runtime: Runtime, guest: BookingClient, venue: Venue
) -> None:
    other = await make_venue(runtime)
    await create(BookingClient(api, runtime, other.owner))

    foreign = await book(guest, venue, MONDAY)
    unknown = await book(guest, venue, MONDAY, couponCode="nothing")

    assert foreign.payload["userErrors"] == unknown.payload["userErrors"]
    assert foreign.refusals == ["NOT_FOUND"]


async def test_a_series_takes_no_coupon(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    await create(owner)

    answer = await book(guest, venue, MONDAY, recurrence={"rrule": "FREQ=DAILY;COUNT=2"})

    assert answer.payload["userErrors"][0]["path"] == ["input", "couponCode"]


async def test_the_payment_in_advance_is_of_the_lowered_price(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, payment_policy=PolicyKind.FULL.value)
    guest = BookingClient(api, runtime, venue.guest)
    await create(BookingClient(api, runtime, venue.owner))

    booked = await book(guest, venue, MONDAY)
    text = "query ($id: ID!) { booking(id: $id) { status payment { amount { amount } } } }"
    shown = await guest(text, id=booked.payload["booking"]["id"])

    assert shown.payload == {"status": "HELD", "payment": {"amount": {"amount": "54.00"}}}


# ------------------------------------------------------------------------------ coupons


async def test_a_coupon_is_listed_changed_and_archived(
    guest: BookingClient, owner: BookingClient, venue: Venue
) -> None:
    coupon = await create(owner, code=" tenth ")
    assert (coupon["code"], coupon["percent"], coupon["useCount"]) == ("TENTH", 10, 0)
    given = {"id": coupon["id"], "version": 1}
    assert (await book(guest, venue, MONDAY)).refusals == []

    changed = await owner(UPDATE, **given, input={"totalLimit": 1})
    stale = await owner(UPDATE, **given, input={"totalLimit": None})
    wrong = await owner(UPDATE, **{**given, "version": 2}, input={"totalLimit": 0})

    assert changed.payload["coupon"]["totalLimit"] == 1
    assert (stale.refusals, wrong.refusals) == (["STALE_VERSION"], ["INVALID"])
    assert problem(await book(guest, venue, TUESDAY)) == "USED_UP"
    archived = await owner(ARCHIVE, id=coupon["id"], version=2)
    assert archived.payload["coupon"]["archivedAt"] == "2027-03-01T09:00:00Z"
    listed = (await owner(COUPONS)).payload
    assert listed == {"totalCount": 1, "nodes": [archived.payload["coupon"]]}
    assert listed["nodes"][0]["useCount"] == 1


async def test_a_wrong_coupon_is_refused_with_all_that_is_wrong(
    owner: BookingClient, venue: Venue
) -> None:
    await create(owner)
    wrong = {"code": "tenth", "discount": {"percent": 0}, "totalLimit": 10_001}
    unknown = api_id(venue.rooms[0])[:-4] + "AAA="

    answer = await owner(CREATE, input=wrong)
    of_rooms = await owner(
        CREATE, input={**TENTH, "code": "NEW", "roomIds": [api_id(venue.rooms[0]), unknown]}
    )

    assert [(each["code"], each["path"]) for each in answer.payload["userErrors"]] == [
        ("INVALID", ["input", "discount", "percent"]),
        ("INVALID", ["input", "totalLimit"]),
        ("DUPLICATE", ["input", "code"]),
    ]
    assert [(each["code"], each["path"]) for each in of_rooms.payload["userErrors"]] == [
        ("NOT_FOUND", ["input", "roomIds", "1"])
    ]


async def test_a_customer_reads_the_code_of_their_own_booking(
    owner: BookingClient, guest: BookingClient, venue: Venue
) -> None:
    await create(owner)
    booking = (await book(guest, venue, MONDAY)).payload["booking"]
    query = "query ($id: ID!) { booking(id: $id) { couponCode } }"

    assert (await guest(query, id=booking["id"])).payload == {"couponCode": "TENTH"}
