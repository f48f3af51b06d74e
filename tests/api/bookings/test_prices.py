"""Price rules over the API: what is shown, held, booked and moved costs the same by one rule."""

from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from resolvers.bookings import price_rules
from tests.support.client import Api
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue

CREATE = """mutation ($input: CreatePriceRuleInput!) { createPriceRule(input: $input) {
    priceRule { id label } userErrors { code path message } } }"""
UPDATE = """mutation ($id: ID!, $version: Int!, $input: UpdatePriceRuleInput!) {
    updatePriceRule(id: $id, version: $version, input: $input) {
      priceRule { label version } userErrors { code path } } }"""
REORDER = """mutation ($ids: [ID!]!) { reorderPriceRules(ids: $ids) {
    priceRules { label } userErrors { code path } } }"""
RULES = """{ priceRules {
    id label amount { amount currencyCode } unit taxRate version
    conditions { roomIds categories weekdays startsAt endsAt firstDate lastDate minDurationMinutes
      maxDurationMinutes minNoticeMinutes maxNoticeMinutes customerTag }
} }"""
TAXES = """mutation ($version: Int!, $input: UpdateTaxSettingsInput!) {
    updateTaxSettings(version: $version, input: $input) {
      tenant { version taxSettings { taxRate taxesIncluded rounding
        roundTo { amount } minimumCharge { amount } } }
      userErrors { code path } } }"""
QUOTE = """query ($input: QuoteInput!) { quote(input: $input) {
    price { lines { label amount { amount } } total { amount currencyCode } }
    dueNow { amount } } }"""
TAG = """mutation ($id: ID!, $tags: [String!]!) { tagCustomer(id: $id, version: 1, tags: $tags) {
    userErrors { code } } }"""
BREAKDOWN = """query ($id: ID!) { booking(id: $id) { price {
    lines { label minutes amount { amount } taxRate }
    subtotal { amount } discount { amount } tax { amount } total { amount }
    taxes { rate net { amount } amount { amount } } taxesIncluded } } }"""
# 19:00 to 23:00 in Berlin, a Tuesday; an hour costs 40.00.
EVENING = "2027-03-02T18:00:00Z"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def owner(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.owner)


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "EUR"}


async def add(owner: BookingClient, label: str, amount: str, **given: Any) -> str:
    """Adds a price rule, and returns its id."""
    unit = given.pop("unit", "HOUR")
    rule = {"label": label, "amount": eur(amount), "unit": unit, "conditions": given}
    answer = await owner(CREATE, input=rule)
    assert answer.payload["userErrors"] == []
    return str(answer.payload["priceRule"]["id"])


async def peak(owner: BookingClient) -> str:
    return await add(owner, "Peak", "60.00", startsAt="21:00", endsAt="02:00")


def amounts(booking: Any) -> list[tuple[str, str]]:
    return [(line["label"], line["amount"]["amount"]) for line in booking["price"]["lines"]]


async def shown(desk: BookingClient, at: str, minutes: int) -> Any:
    """Returns what a slot of the first room is shown to cost."""
    answer = await desk.available(at, at.replace(":00Z", ":30Z"), durationMinutes=minutes)
    return answer["slots"][0]["price"]["amount"]


async def test_a_booking_over_the_border_of_a_peak_has_two_lines(
    owner: BookingClient, venue: Venue
) -> None:
    await peak(owner)

    booking = made(await owner.create(venue.rooms[0], EVENING, minutes=240))

    assert amounts(booking) == [("Room 1", "80.00"), ("Peak", "120.00")]
    assert booking["price"]["total"] == eur("200.00")
    assert [line["minutes"] for line in booking["price"]["lines"]] == [120, 120]


async def test_a_slot_costs_what_its_booking_is_charged(owner: BookingClient, venue: Venue) -> None:
    await peak(owner)
    await add(owner, "Long", "30.00", minDurationMinutes=180)

    for room, minutes in zip(venue.rooms, (120, 180), strict=True):
        starts = await owner.available(
            "2027-03-02T17:00:00Z",
            "2027-03-02T20:00:00Z",
            durationMinutes=minutes,
            roomIds=[api_id(room)],
        )
        prices = {each["startsAt"]: each["price"] for each in starts["slots"]}
        assert len({price["amount"] for price in prices.values()}) > 1
        price = prices["2027-03-02T19:30:00Z"]
        at = "2027-03-02T19:30:00Z"
        booking = made(await owner.create(room, at, minutes=minutes, expectedTotal=price))
        assert booking["price"]["total"] == price


async def test_a_price_that_changed_is_refused(owner: BookingClient, venue: Venue) -> None:
    before = eur(await shown(owner, EVENING, 240))
    await peak(owner)

    answer = await owner.create(venue.rooms[0], EVENING, minutes=240, expectedTotal=before)

    assert refused(answer)["code"] == "PRICE_CHANGED"


async def test_a_hold_freezes_its_price(owner: BookingClient, venue: Venue) -> None:
    held = made(await owner.hold(venue.rooms[0], EVENING, minutes=240))
    await peak(owner)

    booking = made(await owner.convert(held, customer={"id": api_id(venue.customer)}))

    assert booking["price"]["total"] == eur("160.00")


async def test_a_hold_for_more_people_costs_more_of_a_price_by_person(
    owner: BookingClient, venue: Venue
) -> None:
    await add(owner, "Tasting", "15.00", unit="PERSON")
    held = made(await owner.hold(venue.rooms[0], EVENING, partySize=2))
    assert held["price"]["total"] == eur("30.00")

    more = {"customer": {"id": api_id(venue.customer)}, "partySize": 4}
    booking = made(await owner.convert(held, **more))
    assert booking["price"]["total"] == eur("60.00")

    fewer = made(await owner.update(booking, partySize=1))
    assert fewer["price"]["total"] == eur("15.00")


async def test_a_move_into_the_peak_costs_more(owner: BookingClient, venue: Venue) -> None:
    await peak(owner)
    booking = made(await owner.create(venue.rooms[0], "2027-03-02T10:00:00Z", minutes=60))

    later = moved(await owner.move(booking, "2027-03-02T20:00:00Z"))

    assert amounts(later) == [("Peak", "60.00")]


async def test_a_move_to_a_time_of_the_same_price_keeps_what_was_agreed(
    owner: BookingClient, venue: Venue
) -> None:
    booking = made(await owner.create(venue.rooms[0], "2027-03-02T10:00:00Z", minutes=60))
    await add(owner, "Dearer", "99.00")

    later = moved(await owner.move(booking, "2027-03-02T20:00:00Z"))

    assert amounts(later) == [("Room 1", "40.00")]
    assert later["price"]["lines"][0]["startsAt"] == "2027-03-02T20:00:00Z"


async def test_the_first_rule_in_the_venues_order_decides(
    owner: BookingClient, venue: Venue
) -> None:
    dear = await add(owner, "Dear", "90.00")
    cheap = await add(owner, "Cheap", "10.00", roomIds=[api_id(venue.rooms[0])])
    assert await shown(owner, EVENING, 60) == "90.00"

    answer = await owner(REORDER, ids=[cheap, dear])

    assert answer.payload["priceRules"] == [{"label": "Cheap"}, {"label": "Dear"}]
    assert await shown(owner, EVENING, 60) == "10.00"


@pytest.mark.parametrize(
    ("ids", "error"),
    [
        pytest.param(["first"], {"code": "INVALID", "path": ["ids"]}, id="one is missing"),
        pytest.param(
            ["first", "first"], {"code": "INVALID", "path": ["ids"]}, id="one is given twice"
        ),
        pytest.param(
            ["first", "unknown"], {"code": "NOT_FOUND", "path": ["ids", "1"]}, id="one is unknown"
        ),
    ],
)
async def test_an_order_has_all_rules_once(
    owner: BookingClient, ids: list[str], error: dict[str, Any]
) -> None:
    rules = {"first": await peak(owner), "second": await peak(owner), "unknown": "none"}

    answer = await owner(REORDER, ids=[rules[each] for each in ids])

    assert answer.payload == {"priceRules": [], "userErrors": [error]}


async def test_taxes_are_added_and_shown_by_rate(owner: BookingClient, venue: Venue) -> None:
    await add(owner, "Late", "60.00", startsAt="21:00", endsAt="24:00")
    (rule,) = (await owner(RULES)).data["priceRules"]
    await owner(UPDATE, id=rule["id"], version=1, input={"taxRate": "7"})
    taxed = await owner(TAXES, version=1, input={"taxRate": "19", "taxesIncluded": False})
    assert taxed.payload["tenant"]["taxSettings"]["taxRate"] == "19"

    booking = made(await owner.create(venue.rooms[0], EVENING, minutes=240))

    assert (await owner(BREAKDOWN, id=booking["id"])).data["booking"]["price"] == {
        "lines": [
            {"label": "Room 1", "minutes": 120, "amount": {"amount": "80.00"}, "taxRate": "19"},
            {"label": "Late", "minutes": 120, "amount": {"amount": "120.00"}, "taxRate": "7"},
        ],
        "subtotal": {"amount": "200.00"},
        "discount": {"amount": "0.00"},
        "tax": {"amount": "23.60"},
        "total": {"amount": "223.60"},
        "taxes": [
            {"rate": "19", "net": {"amount": "80.00"}, "amount": {"amount": "15.20"}},
            {"rate": "7", "net": {"amount": "120.00"}, "amount": {"amount": "8.40"}},
        ],
        "taxesIncluded": False,
    }


async def test_a_short_booking_costs_the_minimum(owner: BookingClient, venue: Venue) -> None:
    settings = {"minimumCharge": eur("30.00"), "rounding": "UP", "roundTo": eur("0.50")}
    answer = await owner(TAXES, version=1, input=settings)
    assert answer.payload["userErrors"] == []

    booking = made(await owner.create(venue.rooms[0], EVENING, minutes=17))

    assert amounts(booking) == [("Room 1", "11.50"), ("Minimum charge", "18.50")]
    assert booking["price"]["total"] == eur("30.00")


async def test_a_series_is_priced_date_by_date(owner: BookingClient, venue: Venue) -> None:
    await add(owner, "Friday", "70.00", weekdays=["FRIDAY"])
    daily = {"rrule": "FREQ=DAILY;COUNT=3"}

    answer = await owner.create(venue.rooms[0], "2027-03-04T18:00:00Z", recurrence=daily)

    made(answer)
    found = await owner("{ bookings(first: 5) { nodes { price { lines { label } } } } }")
    labels = [each["price"]["lines"][0]["label"] for each in found.data["bookings"]["nodes"]]
    assert labels == ["Room 1", "Friday", "Room 1"]


async def test_a_rule_tells_all_about_itself(owner: BookingClient, venue: Venue) -> None:
    conditions = {
        "roomIds": [api_id(venue.rooms[1])],
        "categories": ["court"],
        "weekdays": ["FRIDAY", "SATURDAY"],
        "startsAt": "22:00",
        "endsAt": "02:00",
        "firstDate": "2027-06-01",
        "lastDate": "2027-08-31",
        "minDurationMinutes": 60,
        "maxDurationMinutes": 240,
        "minNoticeMinutes": 0,
        "maxNoticeMinutes": 1440,
        "customerTag": "member",
    }
    id = await add(owner, "Summer nights", "12.50", unit="PERSON", **conditions)

    assert (await owner(RULES)).data["priceRules"] == [
        {
            "id": id,
            "label": "Summer nights",
            "amount": eur("12.50"),
            "unit": "PERSON",
            "taxRate": None,
            "version": 1,
            "conditions": conditions,
        }
    ]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        pytest.param({"label": " "}, ["input", "label"], id="no label"),
        pytest.param({"label": "x" * 101}, ["input", "label"], id="a long label"),
        pytest.param(
            {"amount": {"amount": "5", "currencyCode": "JPY"}},
            ["input", "amount"],
            id="another currency",
        ),
        pytest.param(
            {"amount": eur("1000000000.01")}, ["input", "amount"], id="an amount that is too large"
        ),
        pytest.param(
            {"conditions": {"startsAt": "10:00"}},
            ["input", "conditions", "endsAt"],
            id="hours without an end",
        ),
        pytest.param(
            {"conditions": {"startsAt": "10:00", "endsAt": "10:00"}},
            ["input", "conditions", "endsAt"],
            id="hours without length",
        ),
        pytest.param(
            {"conditions": {"startsAt": "25:00", "endsAt": "26:00"}},
            ["input", "conditions", "startsAt"],
            id="hours of the next day",
        ),
        pytest.param(
            {"conditions": {"firstDate": "2027-03-02", "lastDate": "2027-03-01"}},
            ["input", "conditions", "lastDate"],
            id="dates the wrong way round",
        ),
        pytest.param(
            {"conditions": {"minDurationMinutes": 60, "maxDurationMinutes": 59}},
            ["input", "conditions", "maxDurationMinutes"],
            id="no duration",
        ),
        pytest.param(
            {"conditions": {"maxNoticeMinutes": -1}},
            ["input", "conditions", "maxNoticeMinutes"],
            id="notice in the past",
        ),
        pytest.param(
            {"conditions": {"roomIds": ["none"]}},
            ["input", "conditions", "roomIds", "0"],
            id="an unknown room",
        ),
        pytest.param(
            {"conditions": {"categories": [""]}},
            ["input", "conditions", "categories", "0"],
            id="an empty category",
        ),
        pytest.param(
            {"conditions": {"customerTag": " "}},
            ["input", "conditions", "customerTag"],
            id="an empty tag",
        ),
    ],
)
async def test_a_wrong_rule_is_refused(
    owner: BookingClient, given: dict[str, Any], path: list[str]
) -> None:
    rule = {"label": "Peak", "amount": eur("1.00"), **given}

    answer = await owner(CREATE, input=rule)

    assert [each["path"] for each in answer.payload["userErrors"]] == [path]
    assert (await owner(RULES)).data["priceRules"] == []


async def test_rules_are_changed_and_deleted(owner: BookingClient) -> None:
    id = await peak(owner)

    changed = await owner(UPDATE, id=id, version=1, input={"label": "Late"})
    assert changed.payload["priceRule"] == {"label": "Late", "version": 2}
    stale = await owner(UPDATE, id=id, version=1, input={"label": "Early"})
    assert stale.refusals == ["STALE_VERSION"]
    deleted = await owner(
        "mutation ($id: ID!) { deletePriceRule(id: $id) { deletedId userErrors { code } } }", id=id
    )
    assert deleted.payload == {"deletedId": id, "userErrors": []}
    assert await shown(owner, EVENING, 240) == "160.00"


async def test_the_rules_of_a_venue_are_limited(
    owner: BookingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_rules, "MAX_RULES", 2)
    for _ in range(2):
        await peak(owner)

    answer = await owner(CREATE, input={"label": "One more", "amount": eur("1.00")})

    assert answer.refusals == ["QUOTA_EXCEEDED"]


async def test_customers_dont_see_which_tags_have_other_prices(
    api: Api, runtime: Runtime, owner: BookingClient, venue: Venue
) -> None:
    await add(owner, "Members", "20.00", customerTag="member")
    guest = BookingClient(api, runtime, venue.guest)

    answer = await guest("{ priceRules { label conditions { customerTag } } }")

    assert answer.codes == ["FORBIDDEN"]
    assert answer.partial["priceRules"] == [
        {"label": "Members", "conditions": {"customerTag": None}}
    ]


# ------------------------------------------------------------------------------ quotes


def wanted(venue: Venue, **given: Any) -> dict[str, Any]:
    """Returns the input of a quote for an evening of four hours in the first room."""
    times = {"start": {"at": EVENING}, "durationMinutes": 240}
    return {"roomId": api_id(venue.rooms[0]), **times, **given}


async def test_a_quote_has_the_lines_of_the_booking(owner: BookingClient, venue: Venue) -> None:
    await peak(owner)

    quote = (await owner(QUOTE, input=wanted(venue, partySize=2))).payload

    assert quote == {
        "price": {
            "lines": [
                {"label": "Room 1", "amount": {"amount": "80.00"}},
                {"label": "Peak", "amount": {"amount": "120.00"}},
            ],
            "total": eur("200.00"),
        },
        "dueNow": None,
    }


async def test_a_quote_of_two_rooms_is_what_they_are_booked_for(
    owner: BookingClient, venue: Venue
) -> None:
    await add(owner, "Tasting", "15.00", unit="PERSON", roomIds=[api_id(venue.rooms[1])])
    also = {"alsoRoomIds": [api_id(venue.rooms[1])], "partySize": 2}

    quote = (await owner(QUOTE, input=wanted(venue, **also))).payload["price"]["total"]

    assert quote == eur("190.00")
    booking = await owner.create(venue.rooms[0], EVENING, minutes=240, expectedTotal=quote, **also)
    assert made(booking)["price"]["total"] == quote


async def test_a_quote_of_an_unknown_room_is_null(owner: BookingClient, venue: Venue) -> None:
    answer = await owner(QUOTE, input=wanted(venue, roomId="none"))

    assert answer.payload is None


async def test_a_quote_of_no_duration_is_refused(owner: BookingClient, venue: Venue) -> None:
    answer = await owner(QUOTE, input=wanted(venue, durationMinutes=0))

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_a_quote_of_one_room_twice_is_refused(owner: BookingClient, venue: Venue) -> None:
    answer = await owner(QUOTE, input=wanted(venue, alsoRoomIds=[api_id(venue.rooms[0])]))

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "shares its time" in answer.errors[0]["message"]


async def test_a_tag_decides_about_the_price_of_its_customers(
    api: Api, runtime: Runtime, owner: BookingClient, venue: Venue
) -> None:
    await add(owner, "Members", "20.00", customerTag="member")
    await owner(TAG, id=api_id(venue.customer), tags=["Member"])
    guest, room = BookingClient(api, runtime, venue.guest), venue.rooms[0]

    assert await shown(guest, EVENING, 60) == "20.00"
    assert await shown(owner, EVENING, 60) == "40.00"
    for customer, total in ((venue.customer, "80.00"), (venue.other_customer, "160.00")):
        given = wanted(venue, customerId=api_id(customer))
        assert (await owner(QUOTE, input=given)).payload["price"]["total"] == eur(total)
    own = made(await guest.create(room, EVENING, expectedTotal=eur("20.00")))
    assert amounts(own) == [("Members", "20.00")]
    by_team = await owner.create(
        venue.rooms[1], EVENING, customer={"new": {"name": "G", "email": venue.customer.email}}
    )
    assert amounts(made(by_team)) == [("Members", "20.00")]
    later = moved(await owner.move(own, "2027-03-03T18:00:00Z", venue.rooms[1]))
    assert amounts(later) == [("Members", "20.00")]
