"""Tickets live: the team hears of everything, a customer of their own tickets, without notes."""

from typing import Any, Final

from kit.runtime import Runtime
from tests.api.support.desk import change, note, opened, read, reply
from tests.support.client import live
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id
from tests.support.horizon import until_behind_the_horizon

_CHANGES: Final = """
    subscription ($ids: [ID!], $after: EventCursor) {
      ticketChanged(ids: $ids, after: $after) {
        __typename
        ... on TicketChanged { cursor type ticket { number status } message { text isInternal } }
        ... on ResyncRequired { reason }
      }
    }
"""
_CURSOR: Final = "{ tickets { eventCursor nodes { number } } }"


def told(answer: Any) -> str:
    event = answer["ticketChanged"]
    text = None if event["message"] is None else event["message"]["text"]
    return f"{event['type']} {event['ticket']['status']} {text}"


async def test_the_team_and_the_customer_hear_what_is_for_them(
    server: str,
    runtime: Runtime,
    venue: Venue,
    guest: BookingClient,
    staff: BookingClient,
    clock: StoppedClock,
) -> None:
    await until_behind_the_horizon(runtime, venue.guest)
    cursor = (await guest(_CURSOR)).payload["eventCursor"]
    ticket = await opened(guest)
    clock.advance(seconds=1)
    await note(staff, ticket, "canary")
    clock.advance(seconds=1)
    assigned = await change(
        staff, "assignTicket", await read(staff, ticket), assigneeId=api_id(venue.staff.user)
    )
    await change(staff, "setTicketPriority", assigned.payload["ticket"], priority="HIGH")
    clock.advance(seconds=1)
    await reply(staff, ticket, "Here it is.", awaitsCustomer=False)
    clock.advance(seconds=1)

    async with (
        live(server, token=venue.guest.token) as customer,
        live(server, token=venue.staff.token) as team,
    ):
        own = await customer.subscribe(_CHANGES, {"after": cursor})
        everything = await team.subscribe(_CHANGES, {"after": cursor, "ids": [ticket["id"]]})
        heard = [told(await own.next()) for _ in range(3)]
        heard_by_team = [told(await everything.next()) for _ in range(5)]
        await reply(guest, ticket, "Thank you!")
        heard.append(told(await own.next()))
        heard_by_team.append(told(await everything.next()))

    # Each shows the ticket as it is when it is sent.
    assert heard == [
        "TICKET_OPENED OPEN Where is it?",
        "TICKET_ASSIGNED OPEN None",
        "TICKET_REPLIED OPEN Here it is.",
        "TICKET_REPLIED OPEN Thank you!",
    ]
    assert heard_by_team == [
        "TICKET_OPENED OPEN Where is it?",
        "TICKET_NOTE_ADDED OPEN canary",
        "TICKET_ASSIGNED OPEN None",
        "TICKET_PRIORITY_CHANGED OPEN None",
        "TICKET_REPLIED OPEN Here it is.",
        "TICKET_REPLIED OPEN Thank you!",
    ]
