"""Registration of a tenant."""

import asyncio
from typing import Any

import pytest

from kit.runtime import Runtime
from tests.api.accounts.accounts import LOGIN, VIEWER
from tests.support.client import Answer, Api
from tests.support.factories import api_id, make_venue

REGISTER = """
    mutation ($input: RegisterTenantInput!) {
      registerTenant(input: $input) {
        session { accessToken refreshToken user { email name role lastLoginAt } }
        tenant {
          name subdomain timeZone currencyCode version createdAt
          plan { code roomLimit }
          usage { rooms { used limit } bookings { used limit } }
          weeklyHours { weekday intervals { opensAt closesAt } }
          settings {
            slotMinutes minNoticeMinutes maxAdvanceDays minDurationMinutes maxDurationMinutes
            holdMinutes requiresConfirmation
          }
        }
        userErrors { code path }
      }
    }
"""
WEEKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


def registration(**changed: Any) -> dict[str, Any]:
    """Returns the input of a registration."""
    return {
        "name": "Blue Note",
        "subdomain": "blue-note",
        "timeZone": "America/New_York",
        "currencyCode": "USD",
        "ownerName": "Ann",
        "ownerEmail": "Ann@Example.test",
        "password": "a long enough password",
        **changed,
    }


async def register(api: Api, **changed: Any) -> Answer:
    return await api(REGISTER, {"input": registration(**changed)})


async def test_a_new_business_has_a_plan_hours_and_an_owner_who_is_logged_in(api: Api) -> None:
    answer = await register(api)

    payload = answer.payload
    session = payload.pop("session")
    assert payload == {
        "tenant": {
            "name": "Blue Note",
            "subdomain": "blue-note",
            "timeZone": "America/New_York",
            "currencyCode": "USD",
            "version": 1,
            "createdAt": "2027-03-01T09:00:00Z",
            "plan": {"code": "STARTER", "roomLimit": 5},
            "usage": {"rooms": {"used": 0, "limit": 5}, "bookings": {"used": 0, "limit": 100}},
            "weeklyHours": [
                {"weekday": day, "intervals": [{"opensAt": "09:00", "closesAt": "21:00"}]}
                for day in WEEKDAYS
            ],
            "settings": {
                "slotMinutes": 30,
                "minNoticeMinutes": 60,
                "maxAdvanceDays": 90,
                "minDurationMinutes": 15,
                "maxDurationMinutes": 720,
                "holdMinutes": 5,
                "requiresConfirmation": False,
            },
        },
        "userErrors": [],
    }
    assert session["user"] == {
        "email": "Ann@Example.test",
        "name": "Ann",
        "role": "OWNER",
        "lastLoginAt": "2027-03-01T09:00:00Z",
    }
    viewer = await api(VIEWER, token=session["accessToken"])
    assert viewer.payload == {"email": "Ann@Example.test", "role": "OWNER"}


async def test_the_owner_logs_in_later(api: Api) -> None:
    await register(api, subdomain="green-room")

    given = {
        "subdomain": "green-room",
        "email": "ann@example.test",
        "password": "a long enough password",
    }
    assert (await api(LOGIN, {"input": given})).refusals == []


async def test_a_registration_is_refused_with_all_that_is_wrong(api: Api, runtime: Runtime) -> None:
    taken = await make_venue(runtime)

    answer = await register(
        api,
        name="  ",
        subdomain=taken.tenant.subdomain,
        ownerName="A" * 101,
        ownerEmail="no address",
        password="short",
    )

    assert answer.payload == {
        "session": None,
        "tenant": None,
        "userErrors": [
            {"code": "REQUIRED", "path": ["input", "name"]},
            {"code": "INVALID", "path": ["input", "ownerName"]},
            {"code": "INVALID", "path": ["input", "ownerEmail"]},
            {"code": "INVALID", "path": ["input", "password"]},
            {"code": "DUPLICATE", "path": ["input", "subdomain"]},
        ],
    }


@pytest.mark.parametrize(
    "subdomain",
    ["ab", "a" * 64, "Blue", "blue_note", "-blue", "blue-", "blue--note", "blue.note", "bläu"],
)
async def test_a_subdomain_that_is_no_dns_name_is_refused(api: Api, subdomain: str) -> None:
    answer = await register(api, subdomain=subdomain)

    assert answer.payload["userErrors"] == [{"code": "INVALID", "path": ["input", "subdomain"]}]


@pytest.mark.parametrize("subdomain", ["www", "api", "admin", "graphql"])
async def test_a_reserved_subdomain_is_refused(api: Api, subdomain: str) -> None:
    answer = await register(api, subdomain=subdomain)

    assert answer.refusals == ["INVALID"]


@pytest.mark.parametrize("password", ["", "123456789", "x" * 257, "ANN@example.test"])
async def test_a_bad_password_is_refused(api: Api, password: str) -> None:
    answer = await register(api, subdomain="red-room", password=password)

    assert answer.payload["userErrors"][0]["path"] == ["input", "password"]


@pytest.mark.parametrize("changed", [{"timeZone": "Mars/Olympus"}, {"currencyCode": "XXX"}])
async def test_an_unknown_zone_or_currency_is_no_valid_input(
    api: Api, changed: dict[str, str]
) -> None:
    answer = await register(api, **changed)

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_of_businesses_that_want_one_subdomain_at_once_one_gets_it(api: Api) -> None:
    answers = await asyncio.gather(*(register(api, subdomain="raced") for _ in range(6)))

    assert sorted(answer.refusals for answer in answers) == [[], *[["DUPLICATE"]] * 5]


async def test_another_business_is_not_there(api: Api, runtime: Runtime) -> None:
    other = await make_venue(runtime)
    token = (await register(api, subdomain="alone")).payload["session"]["accessToken"]

    query = "query ($id: ID!) { node(id: $id) { id } tenant { name } users { nodes { email } } }"
    answer = await api(query, {"id": api_id(other.tenant)}, token=token)

    assert answer.data == {
        "node": None,
        "tenant": {"name": "Blue Note"},
        "users": {"nodes": [{"email": "Ann@Example.test"}]},
    }


async def test_anybody_sees_the_plans(api: Api) -> None:
    query = """
        { plans { code name monthlyPrice { amount currencyCode } roomLimit monthlyBookingLimit } }
    """

    answer = await api(query)

    assert answer.payload == [
        {
            "code": "STARTER",
            "name": "Starter",
            "monthlyPrice": {"amount": "29.00", "currencyCode": "USD"},
            "roomLimit": 5,
            "monthlyBookingLimit": 100,
        },
        {
            "code": "PROFESSIONAL",
            "name": "Professional",
            "monthlyPrice": {"amount": "79.00", "currencyCode": "USD"},
            "roomLimit": 20,
            "monthlyBookingLimit": 500,
        },
        {
            "code": "ENTERPRISE",
            "name": "Enterprise",
            "monthlyPrice": {"amount": "199.00", "currencyCode": "USD"},
            "roomLimit": None,
            "monthlyBookingLimit": None,
        },
    ]
