"""Suggested times over the API: ranked by the wishes, with reasons."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.bookings.lifecycle import Status
from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue

SUGGEST = """
query ($input: SuggestTimesInput!) {
  suggestTimes(input: $input) {
    room { name } local { start end } price { amount } score remainingSeats
    reasons { code weight points text }
  }
}
"""
PUBLICLY = """
query ($subdomain: String!, $input: SuggestTimesInput!) {
  venue(subdomain: $subdomain) {
    suggestTimes(input: $input) { room { name } local { start } price { amount } score }
  }
}
"""
# 10:00 to 22:00 in Berlin; the clock of the tests shows 10:00 on Monday 1 March.
HOURS = {day: [(10 * 60, 22 * 60)] for day in Weekday}
FRIDAY = "2027-03-05"
NOON = datetime(2027, 3, 5, 11, tzinfo=UTC)


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, hours=HOURS, min_duration_minutes=60)


async def suggested(api: Api, person: Person, **wishes: Any) -> list[Any]:
    answer = await asked(api, person, **wishes)
    return answer.data["suggestTimes"]  # type: ignore[no-any-return]


async def asked(api: Api, person: Person, **wishes: Any) -> Answer:
    given = {"durationMinutes": 60, "firstDate": FRIDAY, "partySize": 4, **wishes}
    return await api(SUGGEST, {"input": given}, token=person.token)


def starts(found: list[Any]) -> list[str]:
    return [f"{each['room']['name']} {each['local']['start'][5:]}" for each in found]


def reason(suggestion: Any, code: str) -> str:
    (text,) = (each["text"] for each in suggestion["reasons"] if each["code"] == code)
    return text  # type: ignore[no-any-return]


async def test_the_times_closest_to_the_wish_come_first_with_reasons(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    await make_booking(runtime, venue, NOON + timedelta(hours=7), minutes=90)

    found = await suggested(
        api,
        venue.staff,
        preferredHours={"from": "19:00", "until": "19:30"},
        flexibleMinutes=180,
        budget={"amount": "35.00", "currencyCode": "EUR"},
        roomIds=[api_id(venue.rooms[0])],
    )

    assert starts(found) == ["Room 1 03-05T18:00", "Room 1 03-05T20:30", "Room 1 03-05T17:00"]
    assert [each["score"] for each in found] == [87, 79, 76]
    assert found[1]["reasons"] == [
        {
            "code": "TIME",
            "weight": 30,
            "points": 20,
            "text": "It starts 60 minutes after 19:30.",
        },
        {"code": "ROOM", "weight": 20, "points": 20, "text": "It is in a wished room."},
        {"code": "SIZE", "weight": 10, "points": 10, "text": "The room fits the party."},
        {
            "code": "PRICE",
            "weight": 20,
            "points": 17,
            "text": "It is 5.00 EUR over the budget.",
        },
        {
            "code": "GAP",
            "weight": 15,
            "points": 8,
            "text": "It leaves 30 minutes after it that nobody can book.",
        },
    ]


async def test_times_of_one_room_do_not_overlap_and_starts_differ(api: Api, venue: Venue) -> None:
    found = await suggested(api, venue.staff, partySize=1, first=5)

    assert starts(found) == [
        "Room 1 03-05T10:00",
        "Room 1 03-05T11:00",
        "Room 1 03-05T12:00",
        "Room 1 03-05T13:00",
        "Room 1 03-05T14:00",
    ]


async def test_overlapping_times_are_suggested_where_there_are_no_others(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, hours={Weekday.FRIDAY: [(600, 690)]}, rooms=1)

    found = await suggested(api, venue.staff, first=3)

    assert starts(found) == ["Room 1 03-05T10:00", "Room 1 03-05T10:30"]


async def test_customers_get_their_usual_room_and_time(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    for week in (1, 2, 3):
        await make_booking(
            runtime,
            venue,
            NOON - timedelta(weeks=week, hours=-4),
            room=venue.rooms[1],
            status=Status.COMPLETED,
        )

    (own,) = await suggested(api, venue.guest, first=1, customerId=api_id(venue.other_customer))
    (named,) = await suggested(api, venue.staff, first=1, customerId=api_id(venue.customer))
    (other,) = await suggested(api, venue.staff, first=1)

    assert starts([own, named, other]) == [
        "Room 2 03-05T16:00",
        "Room 2 03-05T16:00",
        "Room 1 03-05T10:00",
    ]
    text = "Of the last 3 visits, 3 were in this room and 3 at about this time."
    assert reason(own, "HABIT") == text


async def test_days_on_which_the_customer_has_used_up_a_quota_are_left_out(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    await make_booking(runtime, venue, NOON)
    quota = {"measure": "BOOKINGS", "period": "DAY", "limit": 1}
    answer = await api(
        "mutation ($input: CreateQuotaInput!) "
        "{ createQuota(input: $input) { userErrors { code } } }",
        {"input": quota},
        token=venue.admin.token,
    )
    assert answer.refusals == []

    by_customer = await suggested(api, venue.guest, flexibleDays=1, first=1)
    by_staff = await suggested(api, venue.staff, flexibleDays=1, first=1)

    assert starts(by_customer) == ["Room 1 03-04T10:00"]
    assert reason(by_customer[0], "DATE") == "It is 1 day away from the wished dates."
    assert starts(by_staff) == ["Room 1 03-05T10:00"]


async def test_guests_get_suggestions_on_the_public_page(api: Api, venue: Venue) -> None:
    wishes = {"durationMinutes": 120, "firstDate": FRIDAY, "partySize": 8}
    variables = {"subdomain": venue.tenant.subdomain, "input": wishes}

    answer = await api(PUBLICLY, variables)

    assert answer.data["venue"]["suggestTimes"][0] == {
        "room": {"name": "Room 2"},
        "local": {"start": "2027-03-05T10:00"},
        "price": {"amount": "80.00"},
        "score": 100,
    }


async def test_nothing_is_suggested_in_the_past(api: Api, venue: Venue) -> None:
    assert await suggested(api, venue.staff, firstDate="2027-02-01") == []


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"first": 11}, "Ask for 1 to 10 suggestions."),
        ({"lastDate": "2027-03-01"}, "The last date can't lie before the first one."),
        ({"lastDate": None}, "`lastDate` can't be null; leave it out instead."),
        ({"durationMinutes": 0}, "The duration must be 1 to 44,700 minutes."),
        ({"partySize": 0}, "The party must have at least 1 person."),
    ],
    ids=["first", "dates", "null", "duration", "party"],
)
async def test_wishes_that_make_no_sense_are_refused(
    api: Api, venue: Venue, wishes: dict[str, Any], message: str
) -> None:
    answer = await asked(api, venue.staff, **wishes)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert message in answer.errors[0]["message"]
