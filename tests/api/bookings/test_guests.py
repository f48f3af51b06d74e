"""A venue's public page, and booking without an account."""

from typing import Any, Final

import pytest
from graphql import GraphQLObjectType, get_named_type, is_object_type

from domain.bookings.lifecycle import Status
from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from kit.settings import Settings
from schema import schema
from tests.api.accounts.accounts import code_in, mails
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.guests import confirm, mailed

PAGE = """
    query ($subdomain: String!, $query: AvailabilityQuery!) {
      venue(subdomain: $subdomain) {
        name subdomain timeZone currencyCode
        rooms {
          totalCount
          nodes {
            id name description category capacity color hourlyRate { amount currencyCode }
            openingHours(from: "2027-03-02", days: 1) { date intervals { opensAt closesAt } }
          }
        }
        availability(query: $query) {
          slots { room { name } startsAt endsAt state price { amount } }
          nextFreeSlot { startsAt }
          computedAt
        }
      }
    }
"""
HOLD = """
    mutation ($input: HoldAsGuestInput!) {
      holdAsGuest(input: $input) {
        booking { reference status nextStep holdExpiresAt }
        token
        userErrors { __typename code path message }
      }
    }
"""
BOOK = """
    mutation ($input: BookAsGuestInput!) {
      bookAsGuest(input: $input) {
        booking {
          reference version status nextStep holdExpiresAt startsAt endsAt partySize
          venue { name } room { name openingHours(from: "2027-03-02", days: 1) { date } }
          local { start } price { total { amount } }
        }
        token
        userErrors { __typename code path message }
      }
    }
"""
# Everything that can be reached from a venue's page: nothing of people, bookings or settings.
PUBLIC_TYPES: Final = {
    "CancellationStep", "GuestChallenge", "LocalInterval", "LocalPeriod", "Money", "OpeningDay",
    "PageInfo", "ParsedBookingRequest", "PaymentSettings", "RequestBudget", "RequestReading",
    "RequestRemark", "RequestedHours", "SuggestionReason", "Venue", "VenueArticle",
    "VenueArticleConnection", "VenueArticleEdge", "VenueAvailability", "VenueFoundArticle",
    "VenueRoom", "VenueRoomConnection", "VenueRoomEdge", "VenueSlot", "VenueTimeSuggestion",
}  # fmt: skip


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


def asked(venue: Venue) -> dict[str, Any]:
    return {
        "subdomain": venue.tenant.subdomain,
        "query": {
            "from": "2027-03-02T10:00:00Z",
            "to": "2027-03-02T11:00:00Z",
            "durationMinutes": 60,
            "includeUnavailable": True,
        },
    }


def slot(venue: Venue, hour: int = 15) -> dict[str, Any]:
    return {
        "subdomain": venue.tenant.subdomain,
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": f"2027-03-02T{hour}:00:00Z"},
        "durationMinutes": 60,
    }


GUEST: Final = {"name": "Gus", "email": "gus@example.test", "phone": "+49 30 5678"}


async def book(api: Api, venue: Venue, *, token: str | None = None, **changed: Any) -> Answer:
    return await api(BOOK, {"input": {**slot(venue), "customer": GUEST, **changed}}, token=token)


async def seen_by_staff(api: Api, venue: Venue) -> Any:
    text = (
        "{ bookings { nodes { reference note customer { name email bookings { totalCount } } } } }"
    )
    return (await api(text, token=venue.staff.token)).payload["nodes"]


# ------------------------------------------------------------------------------ the page


async def test_anybody_sees_a_venues_page(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    await make_booking(runtime, venue, clock.now.replace(day=2, hour=10))

    page = (await api(PAGE, asked(venue))).payload

    rate = {"amount": "40.00", "currencyCode": "EUR"}
    day = {"date": "2027-03-02", "intervals": [{"opensAt": "00:00", "closesAt": "24:00"}]}
    nothing = {"description": None, "category": None, "color": None}
    slots = page.pop("availability")
    assert page == {
        "name": venue.tenant.name,
        "subdomain": venue.tenant.subdomain,
        "timeZone": "Europe/Berlin",
        "currencyCode": "EUR",
        "rooms": {
            "totalCount": 2,
            "nodes": [
                {
                    "id": api_id(venue.rooms[0]),
                    "name": "Room 1",
                    "capacity": 4,
                    "hourlyRate": rate,
                    "openingHours": [day],
                    **nothing,
                },
                {
                    "id": api_id(venue.rooms[1]),
                    "name": "Room 2",
                    "capacity": 8,
                    "hourlyRate": rate,
                    "openingHours": [day],
                    **nothing,
                },
            ],
        },
    }
    assert [(each["room"]["name"], each["state"]) for each in slots["slots"]] == [
        ("Room 1", "BUSY"),
        ("Room 1", "BUSY"),
        ("Room 2", "FREE"),
        ("Room 2", "FREE"),
    ]
    assert slots["nextFreeSlot"] == {"startsAt": "2027-03-02T10:00:00Z"}


def test_nothing_else_can_be_reached_from_the_page() -> None:
    reached: set[str] = set()
    waiting = ["Venue"]
    while waiting:
        kind = schema._schema.type_map[waiting.pop()]
        assert is_object_type(kind), kind
        reached.add(kind.name)
        named = [get_named_type(field.type) for field in kind.fields.values()]
        found = {each.name for each in named if not hasattr(each, "serialize")}
        waiting += found - reached

    assert reached == PUBLIC_TYPES


def test_a_room_on_the_page_tells_no_more_than_it_is_to() -> None:
    room = schema._schema.type_map["VenueRoom"]
    assert isinstance(room, GraphQLObjectType)

    assert set(room.fields) == {
        "id", "name", "description", "category", "capacity", "color", "hourlyRate", "openingHours",
        "sharing", "seats",
    }  # fmt: skip


async def test_rooms_out_of_use_are_not_on_the_page(api: Api, venue: Venue) -> None:
    archive = "mutation ($id: ID!) { archiveRoom(id: $id, version: 1) { userErrors { code } } }"
    await api(archive, {"id": api_id(venue.rooms[0])}, token=venue.manager.token)

    page = (await api(PAGE, asked(venue))).payload

    assert [room["name"] for room in page["rooms"]["nodes"]] == ["Room 2"]


async def test_an_unknown_venue_is_null(api: Api, venue: Venue) -> None:
    answer = await api(PAGE, {**asked(venue), "subdomain": "nowhere-at-all"})

    assert answer.data == {"venue": None}


async def test_venues_in_one_operation_keep_to_themselves(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    other = await make_venue(runtime, rooms=1)
    await make_booking(runtime, venue, clock.now.replace(hour=15))
    own = await make_booking(runtime, other, clock.now.replace(hour=15))
    text = """query ($a: String!, $b: String!) {
        first: venue(subdomain: $a) { name rooms { nodes { name } } }
        bookings { nodes { id } }
        second: venue(subdomain: $b) { name rooms { nodes { name } } }
        again: venue(subdomain: $a) { rooms { totalCount } }
        tenant { name usage { rooms { used } } }
    }"""
    given = {"a": venue.tenant.subdomain, "b": other.tenant.subdomain}

    answer = await api(text, given, token=other.owner.token)

    assert answer.data == {
        "first": {
            "name": venue.tenant.name,
            "rooms": {"nodes": [{"name": "Room 1"}, {"name": "Room 2"}]},
        },
        "bookings": {"nodes": [{"id": api_id(own)}]},
        "second": {"name": other.tenant.name, "rooms": {"nodes": [{"name": "Room 1"}]}},
        "again": {"rooms": {"totalCount": 2}},
        "tenant": {"name": other.tenant.name, "usage": {"rooms": {"used": 1}}},
    }


async def test_a_login_elsewhere_shows_no_more_of_a_page(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime)

    by_stranger = await api(PAGE, asked(venue))
    by_other = await api(PAGE, asked(venue), token=other.owner.token)
    by_owner = await api(PAGE, asked(venue), token=venue.owner.token)

    assert by_stranger.data == by_other.data == by_owner.data


async def test_the_page_finds_no_time_as_if_a_booking_did_not_exist(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, clock.now.replace(day=2, hour=10))
    wanted = asked(venue)
    wanted["query"]["excludeBookingId"] = api_id(booking)

    answer = await api(PAGE, wanted)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.partial["venue"]["availability"] is None


# ------------------------------------------------------------------------------ booking


async def test_a_guest_books_and_gives_the_code_of_the_mail(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    answer = await book(api, venue, note="By the window", partySize=3)

    payload = answer.payload
    reference, token = payload["booking"].pop("reference"), payload["token"]
    assert payload["userErrors"] == []
    assert payload["booking"] == {
        "version": 1,
        "status": "HELD",
        "nextStep": "CONFIRM",
        "holdExpiresAt": "2027-03-01T10:00:00Z",
        "startsAt": "2027-03-02T15:00:00Z",
        "endsAt": "2027-03-02T16:00:00Z",
        "partySize": 3,
        "venue": {"name": venue.tenant.name},
        "room": {"name": "Room 1", "openingHours": [{"date": "2027-03-02"}]},
        "local": {"start": "2027-03-02T16:00"},
        "price": {"total": {"amount": "40.00"}},
    }
    customer = {"name": "Gus", "email": "gus@example.test", "bookings": {"totalCount": 1}}
    assert await seen_by_staff(api, venue) == [
        {"reference": reference, "note": "By the window", "customer": customer}
    ]
    (mail,) = await mails(runtime, settings)
    text = " ".join(str(mail.get_content()).split())
    assert (mail["To"], code_in(mail) == token) == ("gus@example.test", False)
    assert "16:00–17:00 on Tuesday 2 March 2027" in text  # noqa: RUF001
    assert (
        "You book it by confirming it with the code below, until 11:00 on Monday 1 March 2027."
    ) in text
    assert "With this code you can also look at the booking, move it and cancel it" in text
    assert "pay" not in text

    confirmed = await confirm(api, code_in(mail))

    assert confirmed.payload["booking"] == {
        "reference": reference,
        "version": 2,
        "status": "CONFIRMED",
        "nextStep": None,
        "holdExpiresAt": None,
    }


async def test_a_guest_holds_a_time_and_books_it(api: Api, runtime: Runtime, venue: Venue) -> None:
    held = (await api(HOLD, {"input": slot(venue)})).payload
    arguments = {
        "subdomain": venue.tenant.subdomain,
        "holdToken": held["token"],
        "customer": GUEST,
    }

    booked = (await api(BOOK, {"input": arguments})).payload

    assert held["booking"]["status"] == "HELD"
    assert held["booking"]["holdExpiresAt"] == "2027-03-01T09:05:00Z"
    assert held["booking"]["nextStep"] == "BOOK"
    assert booked["booking"]["reference"] == held["booking"]["reference"]
    assert booked["booking"]["holdExpiresAt"] == "2027-03-01T10:00:00Z"
    assert booked["token"] == held["token"]
    confirmed = await confirm(api, mailed(runtime, booked["token"]))
    assert confirmed.payload["booking"]["status"] == "CONFIRMED"


async def ask_for_payment(api: Api, runtime: Runtime, venue: Venue) -> None:
    """Makes the venue require payment before confirmation."""
    full = """mutation { updatePaymentSettings(version: 1, input: { policy: FULL }) {
                userErrors { code } } }"""
    assert (await BookingClient(api, runtime, venue.owner)(full)).refusals == []


@pytest.mark.parametrize("is_held_first", [False, True])
async def test_a_guest_who_must_pay_is_mailed_so_and_can_not_confirm_instead(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue, is_held_first: bool
) -> None:
    await ask_for_payment(api, runtime, venue)
    given = slot(venue)
    if is_held_first:
        held = (await api(HOLD, {"input": given})).payload
        given = {"subdomain": venue.tenant.subdomain, "holdToken": held["token"]}

    booked = (await api(BOOK, {"input": {**given, "customer": GUEST}})).payload
    (mail,) = await mails(runtime, settings)
    confirmed = await confirm(api, code_in(mail))

    text = " ".join(str(mail.get_content()).split())
    assert (booked["booking"]["nextStep"], booked["userErrors"]) == ("PAY", [])
    assert "You book it by paying for it, until 10:05 on Monday 1 March 2027." in text
    assert "With this code you can pay for the booking, look at it, move it and cancel it" in text
    assert "confirm" not in text
    assert confirmed.payload == {
        "booking": None,
        "userErrors": [
            {
                "__typename": "GenericUserError",
                "code": "PAYMENT_REQUIRED",
                "path": ["input", "token"],
                "message": "This booking waits for a payment; pay to book it.",
            }
        ],
    }


async def test_whoever_asks_again_how_to_pay_is_mailed_once(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await ask_for_payment(api, runtime, venue)
    held = (await api(HOLD, {"input": slot(venue)})).payload
    arguments = {"subdomain": venue.tenant.subdomain, "holdToken": held["token"]}

    first = await api(BOOK, {"input": {**arguments, "customer": GUEST}})
    other = {"name": "Somebody", "email": "somebody@elsewhere.test"}
    again = await api(BOOK, {"input": {**arguments, "customer": other}})

    assert (first.refusals, again.refusals) == ([], [])
    assert first.payload["booking"]["reference"] == again.payload["booking"]["reference"]
    assert [mail["To"] for mail in await mails(runtime, settings)] == [GUEST["email"]]


async def test_the_token_of_the_answer_confirms_nothing(api: Api, venue: Venue) -> None:
    booked = await book(api, venue)

    answer = await confirm(api, booked.payload["token"])

    (error,) = answer.payload["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID_CREDENTIALS", ["input", "token"])


async def test_an_unconfirmed_booking_gives_its_time_back_after_an_hour(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    booked = await book(api, venue)

    clock.advance(minutes=59)
    refused = await book(api, venue)
    clock.advance(minutes=1)
    again = await book(api, venue)
    late = await confirm(api, mailed(runtime, booked.payload["token"]))

    assert (refused.refusals, again.refusals) == (["SLOT_TAKEN"], [])
    (error,) = late.payload["userErrors"]
    assert (error["code"], error["path"]) == ("HOLD_EXPIRED", ["input", "token"])


async def test_booking_a_hold_again_holds_it_no_longer_and_mails_nobody(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    held = (await api(HOLD, {"input": slot(venue)})).payload
    arguments = {"subdomain": venue.tenant.subdomain, "holdToken": held["token"], "customer": GUEST}
    await api(BOOK, {"input": arguments})

    clock.advance(minutes=30)
    other = {"name": "Somebody", "email": "somebody@elsewhere.test"}
    again = await api(BOOK, {"input": {**arguments, "customer": other}})

    assert again.payload["booking"]["holdExpiresAt"] == "2027-03-01T10:00:00Z"
    assert [mail["To"] for mail in await mails(runtime, settings)] == [GUEST["email"]]


async def test_giving_the_code_twice_changes_nothing(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = mailed(runtime, (await book(api, venue)).payload["token"])

    first = await confirm(api, token)
    second = await confirm(api, token)

    assert first.payload == second.payload


async def test_staff_books_what_a_guest_has_not_confirmed(api: Api, venue: Venue) -> None:
    await book(api, venue, note="By the window")
    text = "{ bookings { nodes { id status } } }"
    (held,) = (await api(text, token=venue.staff.token)).payload["nodes"]

    create = """mutation ($id: ID!) { createBooking(input: { holdId: $id }) {
      booking { status note customer { name } } userErrors { code } } }"""
    made = await api(create, {"id": held["id"]}, token=venue.staff.token)

    assert held["status"] == "HELD"
    assert made.payload["booking"] == {
        "status": "CONFIRMED",
        "note": "By the window",
        "customer": {"name": "Gus"},
    }


async def test_a_guests_hold_runs_out(api: Api, clock: StoppedClock, venue: Venue) -> None:
    held = (await api(HOLD, {"input": slot(venue)})).payload
    arguments = {"subdomain": venue.tenant.subdomain, "holdToken": held["token"], "customer": GUEST}

    clock.advance(minutes=5)
    answer = await api(BOOK, {"input": arguments})

    (error,) = answer.payload["userErrors"]
    assert (error["code"], error["path"]) == ("HOLD_EXPIRED", ["input", "holdToken"])


async def test_a_hold_of_another_venue_is_no_hold(api: Api, runtime: Runtime, venue: Venue) -> None:
    other = await make_venue(runtime, min_notice_minutes=0)
    held = (await api(HOLD, {"input": slot(other)})).payload
    arguments = {"subdomain": venue.tenant.subdomain, "holdToken": held["token"], "customer": GUEST}

    answer = await api(BOOK, {"input": arguments})

    assert answer.refusals == ["INVALID_CREDENTIALS"]


async def test_a_known_address_is_answered_like_an_unknown_one(api: Api, venue: Venue) -> None:
    unknown = (await book(api, venue)).payload
    known = (
        await book(
            api,
            venue,
            customer={"name": "Gus", "email": venue.customer.email},
            start={"at": "2027-03-02T18:00:00Z"},
        )
    ).payload

    shown = [set(each["booking"]) for each in (unknown, known)]
    assert shown[0] == shown[1]
    assert unknown["userErrors"] == known["userErrors"] == []
    customers = [each["customer"]["name"] for each in await seen_by_staff(api, venue)]
    assert customers == ["Gus", "Guest"]


async def test_a_second_guest_with_a_known_address_keeps_the_typed_name_and_phone(
    api: Api, venue: Venue
) -> None:
    await book(api, venue)
    other = {"name": "Gustav", "email": "GUS@example.test", "phone": "+49 30 9999"}
    await book(api, venue, customer=other, start={"at": "2027-03-02T18:00:00Z"})
    nameless = {"name": "Gus", "email": "gus@example.test"}
    await book(api, venue, customer=nameless, start={"at": "2027-03-02T20:00:00Z"})

    text = """{ bookings { nodes {
        contactName contactPhone customer { name phone } } } }"""
    seen = (await api(text, token=venue.staff.token)).payload["nodes"]

    record = {"name": "Gus", "phone": "+49 30 5678"}
    assert seen == [
        {"contactName": None, "contactPhone": None, "customer": record},
        {"contactName": "Gustav", "contactPhone": "+49 30 9999", "customer": record},
        {"contactName": None, "contactPhone": None, "customer": record},
    ]


async def test_a_booking_that_changes_hands_loses_the_typed_name(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    await book(api, venue)
    other = {"name": "Gustav", "email": "gus@example.test"}
    second = await book(api, venue, customer=other, start={"at": "2027-03-02T18:00:00Z"})
    await confirm(api, mailed(runtime, second.payload["token"]))
    text = (
        "{ bookings(orderBy: [{ field: CREATED_AT, direction: DESC }]) { nodes { id version } } }"
    )
    newest = (await api(text, token=venue.staff.token)).payload["nodes"][0]

    give = """mutation ($id: ID!, $version: Int!, $to: ID!) {
      updateBooking(id: $id, version: $version, input: { customer: { id: $to } }) {
        booking { contactName customer { name } } userErrors { code } } }"""
    given = await api(give, {**newest, "to": api_id(venue.customer)}, token=venue.staff.token)

    assert given.payload["booking"] == {"contactName": None, "customer": {"name": "Guest"}}


async def test_a_venue_that_confirms_is_asked(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, requires_confirmation=True)

    booked = await book(api, venue)
    confirmed = await confirm(api, mailed(runtime, booked.payload["token"]))

    assert booked.payload["booking"]["status"] == "HELD"
    assert confirmed.payload["booking"]["status"] == "PENDING"


async def test_what_is_wrong_with_a_guest_is_told_where_they_said_it(
    api: Api, venue: Venue
) -> None:
    nameless = await book(api, venue, customer={"name": "", "email": "nonsense", "phone": "none"})
    silent = await book(api, venue, customer={"name": "Gus"})

    assert [(each["code"], each["path"]) for each in nameless.payload["userErrors"]] == [
        ("REQUIRED", ["input", "customer", "name"]),
        ("INVALID", ["input", "customer", "email"]),
        ("INVALID", ["input", "customer", "phone"]),
    ]
    assert [(each["code"], each["path"]) for each in silent.payload["userErrors"]] == [
        ("REQUIRED", ["input", "customer", "email"])
    ]


async def test_a_taken_time_is_refused_without_details(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    await make_booking(runtime, venue, clock.now.replace(day=2, hour=15))

    answer = await book(api, venue)

    (error,) = answer.payload["userErrors"]
    assert error == {
        "__typename": "GenericUserError",
        "code": "SLOT_TAKEN",
        "path": ["input", "start"],
        "message": "Room 1 is booked 16:00–17:00 on Tuesday 2 March 2027.",  # noqa: RUF001
    }


async def test_a_venue_whose_plan_is_used_up_says_no_more_than_no(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER, rooms=1, min_notice_minutes=0)
    spent = """mutation ($input: CreateBookingInput!) {
        createBooking(input: $input) { userErrors { code } } }"""
    for number in range(100):
        start = f"2027-03-{3 + number // 20:02}T{number % 20:02}:00:00Z"
        arguments = {
            "roomId": api_id(venue.rooms[0]),
            "start": {"at": start},
            "durationMinutes": 60,
        }
        assert (await api(spent, {"input": arguments}, token=venue.owner.token)).refusals == []

    answer = await book(api, venue)

    (error,) = answer.payload["userErrors"]
    assert error["__typename"] == "GenericUserError"
    assert error["code"] == "PLAN_LIMIT_REACHED"
    assert error["message"] == "The venue takes no more bookings at the moment."


async def test_a_login_lifts_no_rule_for_a_guest(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, min_notice_minutes=60 * 24 * 3)

    answers = [await book(api, venue, token=token) for token in (None, venue.owner.token)]

    assert [answer.refusals for answer in answers] == [["MIN_NOTICE"], ["MIN_NOTICE"]]


async def test_nobody_books_at_an_unknown_venue(api: Api, venue: Venue) -> None:
    answer = await book(api, venue, subdomain="nowhere-at-all")

    assert answer.refusals == ["NOT_FOUND"]


async def test_the_log_says_that_it_was_a_guest(api: Api, venue: Venue) -> None:
    await book(api, venue)

    log = "{ auditLog(first: 2) { nodes { type actor { kind name } } } }"
    entries = (await api(log, token=venue.owner.token)).payload["nodes"]
    guest = {"kind": "CUSTOMER", "name": "Guest"}
    assert sorted(entry["type"] for entry in entries) == ["BOOKING_HELD", "CUSTOMER_CREATED"]
    assert [entry["actor"] for entry in entries] == [guest, guest]


async def test_a_guest_gets_no_time_that_is_held(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    await make_booking(
        runtime,
        venue,
        clock.now.replace(day=2, hour=15),
        status=Status.HELD,
        hold_expires_at=clock.now.replace(minute=5),
    )

    answer = await api(HOLD, {"input": slot(venue)})

    assert answer.refusals == ["SLOT_TAKEN"]
