"""The tenant's name, time zone and rules over the API."""

import asyncio

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Person, api_id, make_booking, make_venue

UPDATE_TENANT = """
    mutation ($version: Int!, $input: UpdateTenantInput!) {
      updateTenant(version: $version, input: $input) {
        tenant { name timeZone version }
        userErrors { code path }
      }
    }
"""
UPDATE_SETTINGS = """
    mutation ($version: Int!, $input: UpdateTenantSettingsInput!) {
      updateTenantSettings(version: $version, input: $input) {
        tenant {
          version
          settings {
            slotMinutes minNoticeMinutes maxAdvanceDays minDurationMinutes maxDurationMinutes
            holdMinutes requiresConfirmation
          }
        }
        userErrors { code path message ... on StaleVersionError { current { id } } }
      }
    }
"""


async def update_tenant(api: Api, by: Person, *, version: int = 1, **given: object) -> Answer:
    return await api(UPDATE_TENANT, {"version": version, "input": given}, token=by.token)


async def update_settings(api: Api, by: Person, *, version: int = 1, **given: object) -> Answer:
    return await api(UPDATE_SETTINGS, {"version": version, "input": given}, token=by.token)


def paths(answer: Answer) -> list[list[str]]:
    return [each["path"] for each in answer.payload["userErrors"]]


async def test_only_what_is_given_changes(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await update_settings(
        api, venue.admin, slotMinutes=15, holdMinutes=10, requiresConfirmation=True
    )

    assert answer.payload == {
        "tenant": {
            "version": 2,
            "settings": {
                "slotMinutes": 15,
                "minNoticeMinutes": 60,
                "maxAdvanceDays": 90,
                "minDurationMinutes": 15,
                "maxDurationMinutes": 720,
                "holdMinutes": 10,
                "requiresConfirmation": True,
            },
        },
        "userErrors": [],
    }


async def test_every_rule_out_of_bounds_is_told(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await update_settings(
        api,
        venue.admin,
        slotMinutes=4,
        minNoticeMinutes=-1,
        maxAdvanceDays=1096,
        minDurationMinutes=0,
        maxDurationMinutes=44_701,
        holdMinutes=31,
    )

    assert answer.payload["tenant"] is None
    assert answer.refusals == ["INVALID"] * 6
    assert paths(answer) == [
        ["input", "slotMinutes"],
        ["input", "minNoticeMinutes"],
        ["input", "maxAdvanceDays"],
        ["input", "minDurationMinutes"],
        ["input", "maxDurationMinutes"],
        ["input", "holdMinutes"],
    ]


async def test_rules_are_refused_that_leave_nothing_to_book(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await update_settings(
        api, venue.admin, maxDurationMinutes=10, minNoticeMinutes=1440, maxAdvanceDays=1
    )

    assert paths(answer) == [["input", "maxDurationMinutes"], ["input", "minNoticeMinutes"]]
    assert [each["message"] for each in answer.payload["userErrors"]] == [
        "The shortest booking (15 minutes) can't be longer than the longest (10).",
        "A booking that is made 1,440 minutes before could never start within 1 day.",
    ]


async def test_a_rule_can_not_be_cleared(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await update_settings(api, venue.admin, slotMinutes=None, holdMinutes=None)

    assert answer.refusals == ["REQUIRED", "REQUIRED"]
    assert paths(answer) == [["input", "slotMinutes"], ["input", "holdMinutes"]]


async def test_a_stale_change_is_refused(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await update_settings(api, venue.admin, slotMinutes=15)

    answer = await update_settings(api, venue.admin, slotMinutes=20)

    assert answer.refusals == ["STALE_VERSION"]
    assert answer.payload["userErrors"][0]["current"] == {"id": api_id(venue.tenant)}


async def test_of_racing_changes_one_is_made(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answers = await asyncio.gather(
        update_settings(api, venue.admin, slotMinutes=15),
        update_settings(api, venue.owner, slotMinutes=20),
        update_tenant(api, venue.owner, name="Another"),
    )

    assert sorted(answer.refusals for answer in answers) == [
        [],
        ["STALE_VERSION"],
        ["STALE_VERSION"],
    ]


async def test_a_tenant_changes_its_name_and_time_zone(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    booking = await make_booking(runtime, venue, MONDAY_MORNING)

    answer = await update_tenant(api, venue.owner, name=" Salon ", timeZone="Asia/Kathmandu")

    assert answer.payload == {
        "tenant": {"name": "Salon", "timeZone": "Asia/Kathmandu", "version": 2},
        "userErrors": [],
    }
    moved = await api(
        "query ($id: ID!) { booking(id: $id) { startsAt version local { start } } }",
        {"id": api_id(booking)},
        token=venue.owner.token,
    )
    assert moved.payload == {
        "startsAt": "2027-03-01T09:00:00Z",
        "version": 1,
        "local": {"start": "2027-03-01T14:45"},
    }


async def test_a_tenant_has_a_name(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    blank = await update_tenant(api, venue.owner, name=" ")
    long = await update_tenant(api, venue.owner, name="x" * 101)

    assert blank.payload["userErrors"] == [{"code": "REQUIRED", "path": ["input", "name"]}]
    assert long.payload["userErrors"] == [{"code": "INVALID", "path": ["input", "name"]}]


async def test_what_is_no_time_zone_is_bad_input(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await update_tenant(api, venue.owner, timeZone="Mars/Olympus")

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_a_manager_can_not_change_the_rules(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    settings = await update_settings(api, venue.manager, slotMinutes=15)
    tenant = await update_tenant(api, venue.manager, name="Mine")

    assert settings.codes == ["FORBIDDEN"]
    assert tenant.codes == ["FORBIDDEN"]


async def test_a_change_of_rules_stands_in_the_log(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    await update_settings(api, venue.admin, slotMinutes=15)

    log = "{ auditLog(first: 1) { nodes { type subjectId changes { field before after } } } }"
    answer = await api(log, token=venue.owner.token)
    assert answer.payload["nodes"] == [
        {
            "type": "SETTINGS_CHANGED",
            "subjectId": api_id(venue.tenant),
            "changes": [{"field": "slotMinutes", "before": 30, "after": 15}],
        }
    ]
