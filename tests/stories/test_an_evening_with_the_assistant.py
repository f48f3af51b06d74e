"""An evening with the assistant: a guest without an account asks in German, books, and is answered.

The assistant is the local one, by the rules of this server.
"""

from typing import Any, Final

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import mails, text_of
from tests.api.support.desk import reply
from tests.support.client import Answer, Api
from tests.support.desk import BookingClient
from tests.support.factories import make_venue
from tests.support.guests import confirm, mailed
from tests.support.work import run_due_jobs

EVENINGS: Final = {day: [(17 * 60, 26 * 60)] for day in Weekday}
MARA: Final = {"name": "Mara Vogt", "email": "mara@example.com", "locale": "de"}
SEND: Final = """
    mutation ($input: SendMessageInput!) {
      sendMessage(input: $input) {
        conversation { id }
        message { text outcome provider parts { text citations { kind } } }
        proposals { id kind state summary price { amount currencyCode } }
        guestToken
        userErrors { code message }
      }
    }
"""
CONFIRM: Final = """
    mutation ($id: ID!, $input: ConfirmProposalInput!) {
      confirmProposal(id: $id, input: $input) {
        result {
          ... on GuestConfirmation { token booking { reference status nextStep } }
          ... on GuestTicketConfirmation { number }
        }
        proposal { state }
        userErrors { code message }
      }
    }
"""
BOOKINGS: Final = "{ bookings { nodes { status partySize room { name } customer { name } } } }"
TICKETS: Final = "{ tickets { nodes { id subject status version } } }"


async def test_a_guest_books_in_german_and_a_person_answers_what_nobody_wrote_down(
    api: Api, runtime: Runtime, settings: Settings
) -> None:
    venue = await make_venue(runtime, hours=EVENINGS, min_notice_minutes=0)
    staff = BookingClient(api, runtime, venue.staff)
    chat: dict[str, Any] = {"subdomain": venue.tenant.subdomain, "locale": "de"}

    async def say(text: str) -> Any:
        sent = await api(SEND, {"input": {"message": text, **chat}})
        if code := sent.payload["guestToken"]:
            chat.clear()
            chat.update(conversationId=sent.payload["conversation"]["id"], guestToken=code)
        assert sent.refusals == [] and sent.payload["message"]["provider"] == "LOCAL"
        return sent.payload

    async def confirmed(proposal: Any) -> Answer:
        given = {"customer": MARA, "guestToken": chat["guestToken"]}
        return await api(CONFIRM, {"id": proposal["id"], "input": given})

    # "Next Friday" is one of two to Germans: it is Monday, and no date is guessed.
    asked = await say("Hallo! Habt ihr nächsten Freitagabend einen Raum für acht Leute?")
    assert asked["message"]["text"].splitlines()[1:3] == ["1. Fr., 5. März", "2. Fr., 12. März"]

    # Three times with reasons, each of which cites its slot.
    offered = await say("Den ersten")
    lines = offered["message"]["text"].splitlines()
    assert [line.replace("\xa0", " ") for line in lines[1:4]] == [
        f"{number}. Room 2, Fr., 5. März, {hour}:00, 40,00 € (zur gewünschten Zeit)"
        for number, hour in ((1, 18), (2, 19), (3, 20))
    ]
    cited = [each["kind"] for part in offered["message"]["parts"] for each in part["citations"]]
    assert cited == ["slot", "slot", "slot"]

    # They choose; nothing is booked before they confirm.
    chosen = await say("Das zweite bitte")
    (proposal,) = chosen["proposals"]
    assert (proposal["kind"], proposal["state"]) == ("BOOKING", "PROPOSED")
    assert proposal["price"] == {"amount": "40.00", "currencyCode": "EUR"}
    assert (await staff(BOOKINGS)).payload["nodes"] == []

    made = (await confirmed(proposal)).payload
    assert made["proposal"]["state"] == "CONFIRMED"
    await run_due_jobs(runtime)
    (mail,) = mails(settings)
    assert mail["To"] == "mara@example.com"
    assert made["result"]["booking"]["reference"] in mail["Subject"]
    done = await confirm(api, mailed(runtime, made["result"]["token"]))
    assert done.payload["booking"]["status"] == "CONFIRMED"
    assert (await staff(BOOKINGS)).payload["nodes"] == [
        {
            "status": "CONFIRMED",
            "partySize": 8,
            "room": {"name": "Room 2"},
            "customer": {"name": "Mara Vogt"},
        }
    ]

    # Nobody wrote an article about dogs: the assistant knows nothing, and a person answers.
    unknown = await say("Kann ich meinen Hund mitbringen?")
    assert unknown["message"]["text"].startswith("Das weiß ich nicht.")
    (question,) = unknown["proposals"]
    opened = (await confirmed(question)).payload
    assert opened["result"] == {"number": 1}
    (ticket,) = (await staff(TICKETS)).payload["nodes"]
    assert ticket["subject"] == "Kann ich meinen Hund mitbringen?"
    await reply(staff, ticket, "Gern, wenn er nicht mitsingt.")
    await run_due_jobs(runtime)
    texts = [text_of(each) for each in mails(settings) if each["To"] == "mara@example.com"]
    assert len([each for each in texts if "Gern, wenn er nicht mitsingt." in each]) == 1
