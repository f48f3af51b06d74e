"""E-mail addresses in every argument: exactly one address, which identifies one person."""

from collections.abc import Mapping
from typing import Any

import pytest

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import Venue, api_id, make_venue

TWO = "a,b@x.test"
PASSWORD = "a long enough password"
BUSINESS = {"name": "Echo", "timeZone": "UTC", "currencyCode": "USD", "ownerName": "Ann"}
CREATE = """
    mutation ($input: NewCustomerInput!) {
      createCustomer(input: $input) { customer { email } userErrors { code path } }
    }
"""
FIND = "query ($email: String) { customers(filter: { email: $email }) { nodes { email } } }"


def asked_of(venue: Venue) -> Mapping[str, tuple[str, Mapping[str, Any], list[str]]]:
    """Returns each mutation that takes an address, with its input and where the refusal is."""
    room = {"roomId": api_id(venue.rooms[0]), "durationMinutes": 60}
    slot = {**room, "start": {"at": "2027-03-02T10:00:00Z"}}
    new = {"name": "Ann", "email": TWO}
    subdomain = venue.tenant.subdomain
    return {
        "createCustomer": ("NewCustomerInput", new, ["email"]),
        "inviteUser": ("InviteUserInput", {**new, "role": "STAFF"}, ["email"]),
        "registerTenant": (
            "RegisterTenantInput",
            {**BUSINESS, "subdomain": "echo", "ownerEmail": TWO, "password": PASSWORD},
            ["ownerEmail"],
        ),
        "registerCustomer": (
            "RegisterCustomerInput",
            {**new, "subdomain": subdomain, "password": PASSWORD},
            ["email"],
        ),
        "bookAsGuest": (
            "BookAsGuestInput",
            {**slot, "subdomain": subdomain, "customer": new},
            ["customer", "email"],
        ),
        "createBooking": (
            "CreateBookingInput",
            {**slot, "customer": {"new": new}},
            ["customer", "new", "email"],
        ),
    }


@pytest.mark.parametrize(
    "mutation",
    [
        "createCustomer",
        "inviteUser",
        "registerTenant",
        "registerCustomer",
        "bookAsGuest",
        "createBooking",
    ],
)
async def test_two_addresses_are_refused_at_their_place(
    api: Api, runtime: Runtime, mutation: str
) -> None:
    venue = await make_venue(runtime)
    kind, given, path = asked_of(venue)[mutation]
    token = None if mutation.startswith("register") else venue.owner.token

    answer = await api(
        f"""mutation ($input: {kind}!) {{
              {mutation}(input: $input) {{ userErrors {{ code path }} }} }}""",
        {"input": given},
        token=token,
    )

    assert answer.payload["userErrors"] == [{"code": "INVALID", "path": ["input", *path]}]


async def test_an_address_is_changed_to_one_only(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await api(
        """mutation ($id: ID!, $email: String) {
             updateCustomer(id: $id, version: 1, input: { email: $email }) {
               userErrors { code path } } }""",
        {"id": api_id(venue.customer), "email": "ann\u200b@x.test"},
        token=venue.owner.token,
    )

    assert answer.payload["userErrors"] == [{"code": "INVALID", "path": ["input", "email"]}]


async def test_two_domains_that_fold_to_one_are_two_customers(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    for email in ("kim@straße.de", "kim@strasse.de"):
        made = await api(
            CREATE, {"input": {"name": "Kim", "email": email}}, token=venue.staff.token
        )
        assert made.payload == {"customer": {"email": email}, "userErrors": []}

    found = await api(FIND, {"email": "KIM@Straße.de"}, token=venue.staff.token)

    assert found.payload["nodes"] == [{"email": "kim@straße.de"}]


async def test_a_domain_and_its_a_label_are_one_customer(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    kim = {"name": "Kim", "email": "kim@müller.de"}
    await api(CREATE, {"input": kim}, token=venue.staff.token)

    again = {"name": "Kim", "email": "Kim@xn--mller-kva.de"}
    answer = await api(CREATE, {"input": again}, token=venue.staff.token)

    assert answer.payload["userErrors"] == [{"code": "DUPLICATE", "path": ["input", "email"]}]
