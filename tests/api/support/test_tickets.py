"""Tickets over HTTP: a customer asks, the team answers, and the clocks follow the hours."""

import asyncio
from typing import Final

from jobs.purge import purge_expired
from jobs.tickets import find_due_tickets
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.support.tickets import messages_of
from tests.api.support.desk import change, note, open_ticket, opened, read, reply, resolve, texts
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_booking
from tests.support.work import run_due_jobs

_HOURS: Final = """
    mutation ($input: SetHoursExceptionInput!) {
      setHoursException(input: $input) { userErrors { code message } }
    }
"""


async def test_a_customer_asks_and_the_team_answers(
    guest: BookingClient, staff: BookingClient, clock: StoppedClock
) -> None:
    ticket = await opened(guest, "Where is my jacket?")
    assert (ticket["number"], ticket["status"], ticket["isVerified"]) == (1, "NEW", True)
    assert ticket["firstReplyDueAt"] is None

    seen = await read(staff, ticket)
    # 8 hours, as much as the venue is open a day, and 40.
    assert seen["firstReplyDueAt"] == "2027-03-01T17:00:00Z"
    assert seen["resolutionDueAt"] == "2027-03-05T17:00:00Z"

    clock.advance(hours=1)
    answered = await reply(staff, ticket, "What color is it?")
    assert (answered["status"], answered["resolutionDueAt"]) == ("PENDING", None)

    clock.advance(days=3)
    again = await reply(guest, ticket, "Red.")
    assert again["status"] == "OPEN"
    # An hour of the 40 was used up when the team asked.
    assert (await read(staff, ticket))["resolutionDueAt"] == "2027-03-08T17:00:00Z"

    assert (await resolve(staff, again))["status"] == "SOLVED"
    rated = await change(guest, "rateTicket", ticket, rating=5, comment="Quick!")
    assert rated.payload["ticket"]["rating"] == 5
    assert (await change(guest, "rateTicket", ticket, rating=1)).refusals == ["INVALID"]
    assert texts(await read(guest, ticket)) == ["Where is my jacket?", "What color is it?", "Red."]


async def test_a_solved_ticket_is_closed_and_an_answer_then_opens_another(
    runtime: Runtime,
    relay: Database,
    venue: Venue,
    guest: BookingClient,
    staff: BookingClient,
    clock: StoppedClock,
) -> None:
    ticket = await resolve(staff, await opened(guest))
    reopened = await reply(guest, ticket, "It isn't solved.")
    assert (reopened["status"], reopened["number"]) == ("OPEN", 1)
    await resolve(staff, reopened)

    clock.advance(days=7)
    await find_due_tickets(runtime, relay)
    await run_due_jobs(runtime)
    closed = await read(staff, ticket)
    assert closed["status"] == "CLOSED"
    refused = await change(staff, "replyToTicket", closed, text="Too late")
    assert refused.payload["userErrors"][0]["ticketStatus"] == "CLOSED"
    assert refused.refusals == ["INVALID_TRANSITION"]

    follow_up = await reply(guest, ticket, "It is lost again.")
    assert (follow_up["number"], follow_up["status"]) == (2, "NEW")
    assert follow_up["followUpOf"] == {"number": 1}

    clock.advance(days=731)
    await purge_expired(runtime, relay)
    assert await kept(runtime, venue) == ["It is lost again."]


async def test_managers_are_warned_once_before_a_ticket_is_due(
    runtime: Runtime,
    relay: Database,
    guest: BookingClient,
    staff: BookingClient,
    manager: BookingClient,
    clock: StoppedClock,
) -> None:
    ticket = await opened(guest)
    await run_due_jobs(runtime)
    # 80 % of 8 hours are 6 hours and 24 minutes.
    clock.advance(hours=6, minutes=23)
    await find_due_tickets(runtime, relay)
    await run_due_jobs(runtime)
    assert not (await read(staff, ticket))["isEscalated"]

    clock.advance(minutes=1)
    for _ in range(2):
        await find_due_tickets(runtime, relay)
        await run_due_jobs(runtime)
    assert (await read(staff, ticket))["isEscalated"]
    assert await inbox_of(manager) == ["Ticket 1 is almost due", "New ticket 1: Guest"]
    assert await inbox_of(staff) == ["New ticket 1: Guest"]


async def test_other_hours_move_what_is_due(
    runtime: Runtime, guest: BookingClient, staff: BookingClient, manager: BookingClient
) -> None:
    ticket = await opened(guest)

    closed = {"date": "2027-03-02", "intervals": []}
    assert (await manager(_HOURS, input=closed)).refusals == []
    await run_due_jobs(runtime)

    assert (await read(staff, ticket))["resolutionDueAt"] == "2027-03-06T17:00:00Z"
    urgent = await change(staff, "setTicketPriority", await read(staff, ticket), priority="URGENT")
    assert urgent.payload["ticket"]["firstReplyDueAt"] == "2027-03-01T09:30:00Z"


async def test_the_team_assigns_and_opens_tickets_for_customers(
    runtime: Runtime, venue: Venue, guest: BookingClient, staff: BookingClient, clock: StoppedClock
) -> None:
    booking = await make_booking(runtime, venue, clock.now)
    asked = {"subject": "By phone", "bookingId": api_id(booking)}
    ticket = await opened(staff, "Can we bring a cake?", **asked)
    assert ticket["messages"]["nodes"][0]["authorKind"] == "STAFF"
    assert texts(await read(guest, ticket)) == ["Can we bring a cake?"]

    assigned = await change(staff, "assignTicket", ticket, assigneeId=api_id(venue.staff.user))
    assert assigned.payload["ticket"]["status"] == "OPEN"
    nobody = await change(
        staff, "assignTicket", assigned.payload["ticket"], assigneeId=api_id(venue.guest.user)
    )
    assert nobody.refusals == ["NOT_FOUND"]
    assert (await open_ticket(staff)).refusals == ["REQUIRED"]


async def test_customers_cant_do_what_is_the_teams(guest: BookingClient) -> None:
    ticket = await opened(guest)

    assert (await note(guest, ticket, "mine")).codes == ["FORBIDDEN"]
    assert (await change(guest, "setTicketPriority", ticket, priority="URGENT")).codes == [
        "FORBIDDEN"
    ]
    assert (await change(guest, "assignTicket", ticket, assigneeId=None)).codes == ["FORBIDDEN"]


async def test_a_customers_answer_while_the_team_solves_is_never_overlooked(
    guest: BookingClient, staff: BookingClient
) -> None:
    ticket = await opened(guest)

    replied, solved = await asyncio.gather(
        change(guest, "replyToTicket", ticket, text="One more thing"),
        change(staff, "resolveTicket", ticket),
    )

    assert replied.refusals == []
    # Whichever was first: the ticket is OPEN again, or was never solved.
    assert solved.refusals in ([], ["STALE_VERSION"])
    assert (await read(staff, ticket))["status"] in ("NEW", "OPEN")
    assert len(texts(await read(guest, ticket))) == 2


async def test_of_two_who_assign_a_ticket_at_once_one_is_told_that_it_has_changed(
    venue: Venue, guest: BookingClient, staff: BookingClient, manager: BookingClient
) -> None:
    ticket = await opened(guest)

    answers = await asyncio.gather(
        change(staff, "assignTicket", ticket, assigneeId=api_id(venue.staff.user)),
        change(manager, "assignTicket", ticket, assigneeId=api_id(venue.manager.user)),
    )

    assert sorted(each.refusals for each in answers) == [[], ["STALE_VERSION"]]


async def kept(runtime: Runtime, venue: Venue) -> list[str]:
    """Returns the texts of all messages of a venue."""
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        return [each.text for each in await scope.all(messages_of(venue.tenant.id))]
    finally:
        await scope.close()


async def inbox_of(client: BookingClient) -> list[str]:
    answer = await client("{ inbox { nodes { title } } }")
    return [each["title"] for each in answer.payload["nodes"]]
