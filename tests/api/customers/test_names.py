"""Names over the API: invisible ones are refused, and others are sorted and found."""

from collections.abc import Mapping
from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, api_id, make_booking, make_venue

NOTHING = "\u200b\u3164"
ADD_CUSTOMER = """
    mutation ($input: NewCustomerInput!) {
      createCustomer(input: $input) { customer { id } userErrors { code path } }
    }
"""
CUSTOMERS = """
    query ($search: String, $phone: String, $after: String, $direction: SortDirection!) {
      customers(
        first: 3, after: $after, filter: { search: $search, phone: $phone },
        orderBy: [{ field: NAME, direction: $direction }]
      ) { nodes { name } pageInfo { hasNextPage endCursor } }
    }
"""
BOOKINGS = "query ($search: String) { bookings(filter: { search: $search }) { nodes { id } } }"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def add(api: Api, venue: Venue, *names: str, **given: object) -> None:
    for name in names:
        answer = await api(
            ADD_CUSTOMER, {"input": {"name": name, **given}}, token=venue.staff.token
        )
        assert answer.payload["userErrors"] == []


async def listed(api: Api, venue: Venue, direction: str = "ASC", **given: object) -> list[str]:
    """Returns the names of the customers of every page, but for those that each venue has."""
    names: list[str] = []
    after = None
    while True:
        variables = {"direction": direction, "after": after, **given}
        page = (await api(CUSTOMERS, variables, token=venue.staff.token)).payload
        names += [each["name"] for each in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return [name for name in names if name not in ("Guest", "Other")]
        after = page["pageInfo"]["endCursor"]


# ------------------------------------------------------------------------------ seen


def named_of(venue: Venue) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Mutations that take a name, with an input that is right but for it."""
    return {
        "createRoom": ("CreateRoomInput", {"name": NOTHING, "capacity": 2}),
        "createCustomer": ("NewCustomerInput", {"name": NOTHING}),
        "createApiKey": ("CreateApiKeyInput", {"name": NOTHING, "permissions": ["rooms:read"]}),
        "inviteUser": (
            "InviteUserInput",
            {"name": NOTHING, "email": "ann@example.test", "role": "STAFF"},
        ),
    }


@pytest.mark.parametrize("mutation", ["createRoom", "createCustomer", "createApiKey", "inviteUser"])
async def test_a_name_of_which_nothing_can_be_seen_is_refused(
    api: Api, venue: Venue, mutation: str
) -> None:
    kind, given = named_of(venue)[mutation]

    answer = await api(
        f"""mutation ($input: {kind}!) {{
              {mutation}(input: $input) {{ userErrors {{ code path }} }} }}""",
        {"input": given},
        token=venue.owner.token,
    )

    assert answer.payload["userErrors"] == [{"code": "REQUIRED", "path": ["input", "name"]}]


async def test_a_venue_keeps_a_name_that_can_be_seen(api: Api, venue: Venue) -> None:
    answer = await api(
        """mutation ($name: String) { updateTenant(version: 1, input: { name: $name }) {
             userErrors { code path } } }""",
        {"name": NOTHING},
        token=venue.owner.token,
    )

    assert answer.payload["userErrors"] == [{"code": "REQUIRED", "path": ["input", "name"]}]


# ------------------------------------------------------------------------------ sorted


async def test_customers_sort_by_letters_accents_and_case_on_every_page(
    api: Api, venue: Venue
) -> None:
    await add(api, venue, "Zoe", "zebra", "Émile", "emile", "Ärger", "Anna", "Ørsted", "Olaf")

    up, down = await listed(api, venue), await listed(api, venue, "DESC")

    assert up == ["Anna", "Ärger", "emile", "Émile", "Olaf", "Ørsted", "zebra", "Zoe"]
    assert down == up[::-1]


async def test_a_renamed_room_is_sorted_and_found_by_its_new_name(api: Api, venue: Venue) -> None:
    rename = """mutation ($id: ID!) {
        updateRoom(id: $id, version: 1, input: { name: "Ästhet", description: "Café" }) {
          userErrors { code } } }"""
    await api(rename, {"id": api_id(venue.rooms[1])}, token=venue.owner.token)

    read = await api(
        """{ all: rooms { nodes { name } }
             old: rooms(filter: { search: "Room 2" }) { nodes { name } }
             new: rooms(filter: { search: "ASTHET" }) { nodes { name } }
             told: rooms(filter: { search: "cafe" }) { nodes { name } } }""",
        token=venue.staff.token,
    )

    assert [each["name"] for each in read.data["all"]["nodes"]][:2] == ["Ästhet", "Room 1"]
    assert read.data["old"]["nodes"] == []
    assert read.data["new"]["nodes"] == read.data["told"]["nodes"] == [{"name": "Ästhet"}]


# ------------------------------------------------------------------------------ found


@pytest.mark.parametrize("search", ["zoe", "ZOË", "Zoe\u0308", "muller", "zoë  mü"])
async def test_a_name_is_found_whatever_its_case_accents_and_normal_form(
    api: Api, venue: Venue, search: str
) -> None:
    await add(api, venue, "Zoë Müller", "Anna")

    assert await listed(api, venue, search=search) == ["Zoë Müller"]


@pytest.mark.parametrize("search", ["030 123456", "+49 (0)30 12-34-56", "0049 30 123456", "123456"])
async def test_a_phone_is_found_by_its_digits(api: Api, venue: Venue, search: str) -> None:
    await add(api, venue, "Zoë", phone="+49 30 123456")
    await add(api, venue, "Anna", phone="+49 30 999999")

    assert await listed(api, venue, search=search) == ["Zoë"]


async def test_a_phone_is_the_same_however_it_is_written(api: Api, venue: Venue) -> None:
    await add(api, venue, "Zoë", phone="0049 (30) 123456")

    assert await listed(api, venue, phone="+49 30 12 34 56") == ["Zoë"]


async def test_a_reference_is_found_without_its_dash_and_as_it_is_misread(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    booking = await make_booking(runtime, venue, clock.now.replace(day=2), reference="K701-MX4D")
    await make_booking(runtime, venue, clock.now.replace(day=3), reference="AAAA-BBBB")

    for search in ("K701-MX4D", "k701mx4d", "k7 01 mx", "K7OI", "k7ol-mx4d"):
        answer = await api(BOOKINGS, {"search": search}, token=venue.staff.token)
        assert answer.payload["nodes"] == [{"id": api_id(booking)}], search
