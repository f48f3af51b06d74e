"""Dry runs: every change of a booking can be tried, and nothing stays of it."""

from datetime import timedelta
from string import Template
from typing import Any

import asyncpg
import pytest
from graphql import get_named_type, is_input_object_type, is_object_type

from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from schema import schema
from tests.api.core.test_every_change import CHANGES, run, things_of
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import api_id, make_booking, make_venue
from tests.support.work import run_due_jobs

SHOWN = {
    "Booking": "reference version status startsAt endsAt partySize room { name } "
    "price { total { amount } } history(first: 9) { nodes { type } }",
    "GuestBooking": "reference version status startsAt endsAt partySize room { name } nextStep",
}
# Of what is new, the dry run and the change after it make up their own.
MADE_UP = {"reference", "token"}
# What readers of the log write in the background, about what was done before.
GOING_ON = {
    "public.analytics_customer_quarters",
    "public.analytics_days",
    "public.analytics_dirty_days",
    "public.analytics_room_days",
    "public.analytics_states",
    "public.event_handler_positions",
    "public.notification_clock",
    "public.platform_days",
    "public.subscription_days",
}

TABLES = """
    SELECT table_schema || '.' || quote_ident(table_name) FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
"""
DIGEST = "SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {} AS t"


def fields() -> dict[str, Any]:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    return dict(mutations.fields)


def changes_a_booking(name: str) -> bool:
    """Returns whether a mutation's payload shows a booking, or its event is one of a booking."""
    field = fields()[name]
    payload = get_named_type(field.type)
    assert is_object_type(payload)
    shown = {get_named_type(each.type).name for each in payload.fields.values()}
    (emits,) = [
        directive.events
        for directive in field.extensions["strawberry-definition"].directives
        if hasattr(directive, "events")
    ] or [[]]
    return bool(shown & SHOWN.keys()) or any(event.startswith("BOOKING_") for event in emits)


def selection(name: str) -> str:
    payload = get_named_type(fields()[name].type)
    assert is_object_type(payload)
    kinds = {key: get_named_type(each.type).name for key, each in payload.fields.items()}
    chosen = [f"{key} {{ {SHOWN[kind]} }}" for key, kind in kinds.items() if kind in SHOWN]
    return " ".join([*chosen, *(["token"] if "token" in kinds else [])])


def tried(mutation: str) -> str:
    """Returns a mutation's text with the argument of a dry run, outside or in its input."""
    arguments = fields()[mutation.partition("(")[0]].args
    if "dryRun" in arguments:
        return f"{mutation[:-1]}, dryRun: true)"
    if "input: {" in mutation:
        return mutation.replace("input: {", "input: { dryRun: true,", 1)
    return f"{mutation[:-1]}, input: {{ dryRun: true }})"


def without_made_up(payload: Any) -> Any:
    match payload:
        case dict():
            return {
                key: bool(each) if key in MADE_UP else without_made_up(each)
                for key, each in payload.items()
            }
        case list():
            return [without_made_up(each) for each in payload]
        case _:
            return payload


async def stored(database: DatabaseUrls) -> dict[str, str]:
    """Returns a digest of the rows of every table."""
    owner = await asyncpg.connect(database.owner)
    try:
        return {
            table: await owner.fetchval(DIGEST.format(table))
            for (table,) in await owner.fetch(TABLES)
            if table not in GOING_ON
        }
    finally:
        await owner.close()


TRIED = [mutation for mutation, _ in CHANGES if changes_a_booking(mutation.partition("(")[0])]


@pytest.mark.parametrize("mutation", TRIED, ids=lambda each: each[:40])
async def test_a_dry_run_shows_what_the_change_would_and_stores_nothing(
    runtime: Runtime, api: Api, database: DatabaseUrls, mutation: str
) -> None:
    venue = await make_venue(runtime)
    text = Template(mutation).substitute(await things_of(runtime, api, venue))
    shown = selection(mutation.partition("(")[0])
    await run_due_jobs(runtime)
    before = await stored(database)

    dry = await run(api, venue, tried(text), shown)

    assert dry["userErrors"] == []
    assert await stored(database) == before
    assert without_made_up(dry) == without_made_up(await run(api, venue, text, shown))
    assert await stored(database) != before


def test_every_change_of_a_booking_can_be_tried() -> None:
    def takes_dry_run(name: str) -> bool:
        last: Any = {"": None, **fields()[name].args}
        while last:
            argument, member = list(last.items())[-1]
            kind = member and get_named_type(member.type)
            last = kind.fields if is_input_object_type(kind) else None
        return str(argument) == "dryRun"

    changing = {name for name in fields() if changes_a_booking(name)}

    assert {name for name in changing if not takes_dry_run(name)} == set()


async def test_a_dry_run_is_refused_as_the_change_is(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    await make_booking(runtime, venue, MONDAY_MORNING + timedelta(days=1))
    text = (
        f'createBooking(input: {{ roomId: "{api_id(venue.rooms[0])}", partySize: 900, '
        'start: { at: "2027-03-02T09:00:00Z" }, durationMinutes: 60 })'
    )

    dry = await run(api, venue, tried(text), "booking { id }")

    assert dry["booking"] is None
    assert {each["code"] for each in dry["userErrors"]} > {"SLOT_TAKEN"}
    assert dry == await run(api, venue, text, "booking { id }")


async def test_a_dry_run_uses_no_idempotency_key(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    text = (
        f'holdBooking(input: {{ idempotencyKey: "k", roomId: "{api_id(venue.rooms[0])}", '
        'start: { at: "2027-03-04T10:00:00Z" }, durationMinutes: 60 })'
    )

    dry = await run(api, venue, tried(text), "booking { id } replayed")
    held = await run(api, venue, text, "booking { id } replayed")
    again = await run(api, venue, tried(text), "booking { id } replayed")
    other = text.replace("durationMinutes: 60", "durationMinutes: 90")
    reused = await run(api, venue, tried(other), "booking { id } replayed")

    assert [dry["replayed"], held["replayed"], again["replayed"]] == [False, False, True]
    assert dry["booking"]["id"] != held["booking"]["id"] == again["booking"]["id"]
    assert [each["code"] for each in reused["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_changes_of_one_operation_may_be_tried_and_made(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    id = api_id(await make_booking(runtime, venue, MONDAY_MORNING + timedelta(days=1)))
    cancel = f'cancelBooking(id: "{id}", version: 1'
    shown = "{ booking { status version } userErrors { code } }"

    answer = await api(
        f"mutation {{ a: {cancel}, input: {{ dryRun: true }}) {shown} "
        f"b: {cancel}, input: {{ dryRun: true }}) {shown} c: {cancel}) {shown} "
        f"d: {cancel}, input: {{ dryRun: true }}) {shown} }}",
        token=venue.owner.token,
    )

    cancelled = {"booking": {"status": "CANCELLED", "version": 2}, "userErrors": []}
    assert [answer.data[each] for each in "abc"] == [cancelled] * 3
    assert [each["code"] for each in answer.data["d"]["userErrors"]] == ["STALE_VERSION"]
