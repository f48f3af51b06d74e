"""Absurd but valid values are refused, or find nothing."""

from typing import Any

import pytest

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import Venue, api_id, make_venue

AVAILABILITY = "query ($v: AvailabilityQuery!) { availability(query: $v) { slots { startsAt } } }"
ROOMS = "query ($n: Int, $c: String) { rooms(first: $n, after: $c) { nodes { name } } }"
LAST = "query ($n: Int) { rooms(last: $n) { nodes { name } } }"
HOURS = "query ($a: Date!, $b: Date!) { hoursExceptions(from: $a, to: $b) { id } }"
Asked = tuple[str, dict[str, Any]]

NOW = "2027-03-02T10:00:00Z"
LATER = "2027-03-03T10:00:00Z"
ROOM = "Um9vbTowMTg5MGE1ZC1hYzk2LTc3NGItYmNjZS1iMzAyMDk5YTgwNTc="


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


def slots(**given: object) -> Asked:
    return AVAILABILITY, {"v": {"from": NOW, "to": LATER, "durationMinutes": 60, **given}}


REFUSED: dict[str, Asked] = {
    "a time without an offset": slots(to="2027-03-03T10:00:00"),
    "a time before time": slots(**{"from": "0000-00-00T00:00:00Z"}),
    "a time before 1970": slots(**{"from": "1969-12-31T23:59:59Z"}),
    "a time after 2199": slots(to="2200-01-01T00:00:00Z"),
    "the year 10000": slots(to="10000-01-01T00:00:00Z"),
    "the 30th of February": slots(to="2027-02-30T00:00:00Z"),
    "the hour 24": slots(to="2027-03-03T24:00:00Z"),
    "an offset of a day": slots(to="2027-03-03T10:00:00+24:00"),
    "a time of 100,000 digits": slots(to="2027-03-03T10:00:00." + "9" * 100_000 + "Z"),
    "a range that ends before it begins": slots(to="2027-03-01T10:00:00Z"),
    "a range of nothing": slots(to=NOW),
    "a range of a century": slots(to="2127-03-02T10:00:00Z"),
    "a duration of nothing": slots(durationMinutes=0),
    "a duration before its beginning": slots(durationMinutes=-1),
    "a duration of 4,000 years": slots(durationMinutes=2**31 - 1),
    "a duration beyond 32 bits": slots(durationMinutes=2**31),
    "a duration that is no whole number": slots(durationMinutes=0.5),
    "a page of -1": (ROOMS, {"n": -1}),
    "a page of 251": (ROOMS, {"n": 251}),
    "a page of 2 billion": (ROOMS, {"n": 2**31 - 1}),
    "a page beyond 32 bits": (ROOMS, {"n": -(2**31) - 1}),
    "a last page of -1": (LAST, {"n": -1}),
    "an empty cursor": (ROOMS, {"c": ""}),
    "a cursor of another kind": (ROOMS, {"c": "bm90IG91cnM="}),
    "a cursor of 100,000 letters": (ROOMS, {"c": "A" * 100_000}),
    "hours from the last day to the first": (HOURS, {"a": "2199-12-31", "b": "1970-01-01"}),
    "the year 0": (HOURS, {"a": "0000-01-01", "b": "2027-01-01"}),
}
FOUND_NOTHING: dict[str, Asked] = {
    "a room nobody has": ("query ($v: ID!) { room(id: $v) { name } }", {"v": ROOM}),
    "an id that is none": ("query ($v: ID!) { room(id: $v) { name } }", {"v": "\u202e" * 300}),
    "a number for an id": ("query ($v: ID!) { room(id: $v) { name } }", {"v": 2**53}),
    "a node that is none": ("query ($v: ID!) { node(id: $v) { id } }", {"v": "Um9vbTo="}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_absurd_values_are_refused(api: Api, venue: Venue, name: str) -> None:
    query, variables = REFUSED[name]

    answer = await api(query, variables, token=venue.owner.token)

    assert set(answer.codes) <= {"BAD_USER_INPUT", "TOO_COMPLEX"}
    assert answer.codes != []
    assert not any((answer.partial or {}).values())


@pytest.mark.parametrize("name", FOUND_NOTHING)
async def test_what_nobody_has_is_not_found(api: Api, venue: Venue, name: str) -> None:
    query, variables = FOUND_NOTHING[name]

    answer = await api(query, variables, token=venue.owner.token)

    assert answer.payload is None


@pytest.mark.parametrize(
    "amount", ["-1", "1.001", "1e999999999", "NaN", "Infinity", "9" * 10_000, "", "1,00", "٣"]
)
async def test_an_absurd_price_is_refused(api: Api, venue: Venue, amount: str) -> None:
    create = """mutation ($rate: MoneyInput!) {
        createRoom(input: {name: "Blue", capacity: 4, hourlyRate: $rate}) {
            room { id } userErrors { code }
        }
    }"""

    answer = await api(
        create, {"rate": {"amount": amount, "currencyCode": "EUR"}}, token=venue.owner.token
    )

    assert answer.refusals == ["INVALID"]


@pytest.mark.parametrize("version", [0, -1, 2**31 - 1])
async def test_an_absurd_version_is_stale(api: Api, venue: Venue, version: int) -> None:
    archive = """mutation ($id: ID!, $version: Int!) {
        archiveRoom(id: $id, version: $version) { userErrors { code } }
    }"""

    answer = await api(
        archive, {"id": api_id(venue.rooms[0]), "version": version}, token=venue.owner.token
    )

    assert answer.refusals == ["STALE_VERSION"]
