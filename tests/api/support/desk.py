"""What tests of tickets do over HTTP, as one person of a venue."""

from typing import Any, Final

from tests.support.client import Answer
from tests.support.desk import BookingClient

TICKET: Final = """
    fragment T on Ticket {
      id number subject status priority version isVerified isEscalated
      firstReplyDueAt resolutionDueAt firstRepliedAt rating followUpOf { number }
      messages { nodes { authorKind channel isInternal text } totalCount }
    }
"""
_REFUSED: Final = """
    userErrors {
      __typename code path message ... on TicketTransitionError { ticketStatus allowedStatuses }
    }
"""
_OPEN: Final = f"""
    mutation ($input: OpenTicketInput!) {{
      openTicket(input: $input) {{ ticket {{ ...T }} {_REFUSED} }}
    }}
    {TICKET}
"""
_READ: Final = f"query ($id: ID!) {{ ticket(id: $id) {{ ...T }} }} {TICKET}"
_NOTE: Final = """
    mutation ($id: ID!, $input: AddInternalNoteInput!) {
      addInternalNote(id: $id, input: $input) { note { text isInternal } userErrors { code } }
    }
"""


async def open_ticket(client: BookingClient, text: str = "Where is it?", **given: Any) -> Answer:
    """Opens a ticket, by default about a lost jacket."""
    return await client(_OPEN, input={"subject": "A lost jacket", "text": text, **given})


async def opened(client: BookingClient, text: str = "Where is it?", **given: Any) -> Any:
    return (await open_ticket(client, text, **given)).payload["ticket"]


async def change(client: BookingClient, mutation: str, ticket: Any, **input: Any) -> Answer:
    """Runs a mutation of a ticket, with its version if the mutation takes one."""
    declared, passed, variables = "$id: ID!", "id: $id", {"id": ticket["id"]}
    if mutation not in ("replyToTicket", "rateTicket"):
        declared, passed = f"{declared}, $version: Int!", f"{passed}, version: $version"
        variables["version"] = ticket["version"]
    if input:
        kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
        declared, passed = f"{declared}, $input: {kind}", f"{passed}, input: $input"
        variables["input"] = input
    query = f"mutation ({declared}) {{ {mutation}({passed}) {{ ticket {{ ...T }} {_REFUSED} }} }}"
    return await client(query + TICKET, **variables)


async def reply(client: BookingClient, ticket: Any, text: str, **given: Any) -> Any:
    answer = await change(client, "replyToTicket", ticket, text=text, **given)
    return answer.payload["ticket"]


async def resolve(client: BookingClient, ticket: Any) -> Any:
    return (await change(client, "resolveTicket", ticket)).payload["ticket"]


async def note(client: BookingClient, ticket: Any, text: str) -> Answer:
    return await client(_NOTE, id=ticket["id"], input={"text": text})


async def read(client: BookingClient, ticket: Any) -> Any:
    """Returns a ticket as the client sees it."""
    return (await client(_READ, id=ticket["id"])).payload


def texts(ticket: Any) -> list[str]:
    return [each["text"] for each in ticket["messages"]["nodes"]]
