"""Guests ask without an account, and go on by the code from the mail."""

from typing import Any, Final

from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import mails, text_of
from tests.api.support.desk import opened, read, reply, resolve, texts
from tests.support.client import Answer, Api
from tests.support.desk import BookingClient
from tests.support.factories import Venue
from tests.support.work import run_due_jobs

_OPEN: Final = """
    mutation ($input: OpenTicketAsGuestInput!) {
      openTicketAsGuest(input: $input) { number userErrors { code path message } }
    }
"""
_READ: Final = """
    query ($token: String!) {
      guestTicket(token: $token) { number subject status rating messages { authorKind text } }
    }
"""
_REPLY: Final = """
    mutation ($input: ReplyToGuestTicketInput!) {
      replyToGuestTicket(input: $input) { ticket { number status } userErrors { code } }
    }
"""
_RATE: Final = """
    mutation ($input: RateGuestTicketInput!) {
      rateGuestTicket(input: $input) { ticket { rating } userErrors { code } }
    }
"""
_LIST: Final = "{ tickets { nodes { id number isVerified version customer { name } } } }"
_CLOSE: Final = """
    mutation {
      updateSupportSettings(version: 1, input: { takesGuestTickets: false }) {
        settings { takesGuestTickets closeAfterDays } userErrors { code }
      }
    }
"""


async def ask(api: Api, venue: Venue, email: str, text: str = "Are dogs allowed?") -> Answer:
    input = {
        "subdomain": venue.tenant.subdomain,
        "customer": {"name": "Remy Waters", "email": email},
        "subject": "Dogs",
        "text": text,
    }
    return await api(_OPEN, {"input": input})


def code_in(settings: Settings) -> str:
    """Returns the code of the last mail to a guest."""
    (line,) = [each for each in text_of(mails(settings)[-1]).splitlines() if "Code: " in each]
    return line.removeprefix("Code: ")


async def test_a_guest_asks_and_reads_the_answer_by_the_code_of_the_mail(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue, staff: BookingClient
) -> None:
    assert (await ask(api, venue, "remy@example.com")).payload == {"number": 1, "userErrors": []}
    await run_due_jobs(runtime)
    (mail,) = mails(settings)
    assert mail["To"] == "remy@example.com"
    (ticket,) = (await staff(_LIST)).payload["nodes"]
    assert (ticket["isVerified"], ticket["customer"]["name"]) == (False, "Remy Waters")

    code = code_in(settings)
    replied = await api(_REPLY, {"input": {"token": code, "text": "It is a small one."}})
    assert replied.payload["ticket"] == {"number": 1, "status": "NEW"}
    await reply(staff, ticket, "Yes!", awaitsCustomer=False)
    assert (await staff(_LIST)).payload["nodes"][0]["isVerified"]
    assert (await api(_READ, {"token": code})).payload["messages"] == [
        {"authorKind": "CUSTOMER", "text": "Are dogs allowed?"},
        {"authorKind": "CUSTOMER", "text": "It is a small one."},
        {"authorKind": "STAFF", "text": "Yes!"},
    ]

    await resolve(staff, await read(staff, ticket))
    rated = await api(_RATE, {"input": {"token": code, "rating": 4}})
    assert rated.payload["ticket"] == {"rating": 4}


async def test_nobody_reads_a_ticket_without_the_mail(api: Api, venue: Venue) -> None:
    assert (await api(_READ, {"token": "guessed"})).codes == ["UNAUTHENTICATED"]
    refused = await api(_REPLY, {"input": {"token": "guessed", "text": "Me too"}})
    assert refused.refusals == ["INVALID_CREDENTIALS"]
    assert (await ask(api, venue, "not an address")).refusals == ["INVALID"]


async def test_an_address_that_is_none_is_refused_in_its_place(api: Api, venue: Venue) -> None:
    (refused,) = (await ask(api, venue, "remy")).payload["userErrors"]

    assert (refused["code"], refused["path"]) == ("INVALID", ["input", "customer", "email"])


async def test_a_venue_can_take_no_tickets_from_guests(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    owner = BookingClient(api, runtime, venue.owner)

    closed = (await owner(_CLOSE)).payload["settings"]

    assert closed == {"takesGuestTickets": False, "closeAfterDays": 7}
    refused = (await ask(api, venue, "remy@example.com")).payload["userErrors"]
    assert [(each["code"], each["path"]) for each in refused] == [
        ("INVALID", ["input", "subdomain"])
    ]


CANARY: Final = "canary-in-a-note"
_EVERYTHING: Final = """
    query ($id: ID!) {
      ticket(id: $id) {
        subject version updatedAt messages { totalCount nodes { id text isInternal } }
      }
      tickets { totalCount nodes { subject messages { totalCount nodes { text } } } }
      inbox { nodes { title body } }
    }
"""
_NODE: Final = "query ($id: ID!) { node(id: $id) { id ... on TicketMessage { text } } }"
_NOTE: Final = """
    mutation ($id: ID!, $note: String!) {
      addInternalNote(id: $id, input: { text: $note }) { note { id } userErrors { code } }
    }
"""


async def test_no_customer_ever_sees_an_internal_note(
    runtime: Runtime, settings: Settings, guest: BookingClient, staff: BookingClient
) -> None:
    ticket = await opened(guest)
    before = await read(guest, ticket)
    noted = await staff(_NOTE, id=ticket["id"], note=CANARY)
    await run_due_jobs(runtime)

    assert await read(guest, ticket) == before
    note_id = noted.payload["note"]["id"]
    assert (await guest(_NODE, id=note_id)).payload is None
    assert (await staff(_NODE, id=note_id)).payload["text"] == CANARY
    answers: list[Any] = [await guest(_EVERYTHING, id=ticket["id"])]
    await reply(staff, ticket, "We look for it.")
    await run_due_jobs(runtime)
    answers.append(await guest(_EVERYTHING, id=ticket["id"]))
    assert [each for each in answers if CANARY in str(each.body)] == []
    assert [each for each in mails(settings) if CANARY in each.as_string()] == []
    assert texts(await read(staff, ticket)) == ["Where is it?", CANARY, "We look for it."]
