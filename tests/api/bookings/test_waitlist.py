"""The waitlist: who gets what becomes free, for how long, and who comes next."""

from collections.abc import Mapping
from typing import Any

import pytest

from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import REFUSAL, BookingClient, made
from tests.support.factories import Venue, api_id
from tests.support.work import run_due_jobs

ENTRY = """fragment Shown on WaitlistEntry {
  id status position startsAt durationMinutes partySize offerExpiresAt
  dates { first last earliest latest } rooms { id } customer { id }
  booking { id status version startsAt holdExpiresAt room { id } }
}"""
TUESDAY = "2027-03-02T10:00:00Z"


class Queue:
    """What one person does with the waitlist."""

    def __init__(self, desk: BookingClient) -> None:
        self.desk = desk

    async def join(self, at: str | None = TUESDAY, **given: Any) -> Answer:
        start = {} if at is None else {"start": {"at": at}}
        return await self.desk(
            f"""mutation ($input: JoinWaitlistInput!) {{ joinWaitlist(input: $input) {{
                  entry {{ ...Shown }} replayed userErrors {{ ...Refused
                    ... on LimitError {{ limit used }} }} }} }} {ENTRY} {REFUSAL}""",
            input={**start, "durationMinutes": 60, **given},
        )

    async def answer(self, mutation: str, entry: Mapping[str, Any]) -> Answer:
        return await self.desk(
            f"""mutation ($id: ID!) {{ {mutation}(id: $id) {{
                  entry {{ ...Shown }} userErrors {{ ...Refused }} }} }} {ENTRY} {REFUSAL}""",
            id=entry["id"],
        )

    async def entries(self, **filter: Any) -> list[Any]:
        answer = await self.desk(
            f"""query ($filter: WaitlistFilter) {{ waitlist(first: 250, filter: $filter) {{
                  nodes {{ ...Shown }} }} }} {ENTRY}""",
            filter=filter or None,
        )
        return answer.data["waitlist"]["nodes"]  # type: ignore[no-any-return]


def entry_of(answer: Answer) -> Any:
    assert answer.payload["userErrors"] == [], answer.payload
    return answer.payload["entry"]


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> Queue:
    return Queue(BookingClient(api, runtime, venue.staff))


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> Queue:
    return Queue(BookingClient(api, runtime, venue.guest))


def for_customer(venue: Venue, **given: Any) -> dict[str, Any]:
    return {"customer": {"id": api_id(venue.other_customer)}, **given}


# ------------------------------------------------------------------------------ the story


async def test_a_cancelled_time_goes_to_the_first_then_to_the_next(
    runtime: Runtime, clock: StoppedClock, venue: Venue, staff: Queue, guest: Queue
) -> None:
    room = venue.rooms[0]
    rooms: Any = {"roomIds": [api_id(room)]}
    booked = made(await staff.desk.create(room, TUESDAY))
    first = entry_of(await guest.join(**rooms))
    second = entry_of(await staff.join(**for_customer(venue, **rooms)))
    await run_due_jobs(runtime)
    assert [(each["status"], each["position"]) for each in await staff.entries()] == [
        ("WAITING", 1),
        ("WAITING", 2),
    ]

    made(await staff.desk.cancel(booked))
    await run_due_jobs(runtime)

    offered, waiting = await staff.entries()
    assert (offered["id"], offered["status"], offered["position"]) == (first["id"], "OFFERED", None)
    assert (waiting["id"], waiting["status"], waiting["position"]) == (second["id"], "WAITING", 1)
    assert offered["booking"]["status"] == "HELD"
    assert offered["booking"]["startsAt"] == TUESDAY
    assert offered["booking"]["holdExpiresAt"] == offered["offerExpiresAt"]

    declined = entry_of(await guest.answer("declineWaitlistOffer", offered))
    assert (declined["status"], declined["booking"]["status"]) == ("DECLINED", "CANCELLED")
    await run_due_jobs(runtime)
    (next_one,) = await staff.entries(statuses=["OFFERED"])
    assert next_one["id"] == second["id"]

    accepted = entry_of(await staff.answer("acceptWaitlistOffer", next_one))
    assert (accepted["status"], accepted["booking"]["status"]) == ("ACCEPTED", "CONFIRMED")
    assert accepted["booking"]["id"] == next_one["booking"]["id"]
