"""Conversations over HTTP with the local assistant, by the real tools."""

from typing import Any, Final, cast

import pytest_asyncio

from domain.venue.hours import Weekday
from integrations.assistant.local import LocalModel
from integrations.assistant.protocol import LanguageModel
from kit.runtime import Runtime
from tests.support.client import Answer, Api
from tests.support.factories import Venue, make_venue

SEND: Final = """
    mutation ($input: SendMessageInput!) {
      sendMessage(input: $input) {
        conversation { id }
        message { text outcome provider parts { citations { id label objectId } } }
        proposals { id kind startsAt room { name } }
        guestToken
        userErrors { code message }
      }
    }
"""
CONFIRM: Final = """
    mutation ($id: ID!, $input: ConfirmProposalInput! = {}) {
      confirmProposal(id: $id, input: $input) {
        result {
          ... on Booking { status partySize }
          ... on GuestConfirmation { booking { status nextStep } }
        }
        userErrors { code path message }
      }
    }
"""
WRITE: Final = """
    mutation ($input: CreateArticleInput!) {
      createArticle(input: $input) { article { id } userErrors { code } }
    }
"""
ARTICLE: Final = "query ($id: ID!) { node(id: $id) { ... on Article { title } } }"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    """Open from 14:00 to 02:00 every day."""
    # The app's own dictionary.
    cast("dict[type, object]", runtime.services)[LanguageModel] = LocalModel()
    return await make_venue(
        runtime, hours={each: [(840, 1560)] for each in Weekday}, min_notice_minutes=0
    )


async def send(api: Api, message: str, token: str | None = None, **given: object) -> Answer:
    return await api(SEND, {"input": {"message": message, **given}}, token=token)


def text_of(answer: Answer) -> Any:
    return answer.payload["message"]["text"]


def citations_of(answer: Answer) -> list[Any]:
    parts = answer.payload["message"]["parts"]
    return [each for part in parts for each in part["citations"]]


def cited(answer: Answer) -> list[str]:
    return [each["id"] for each in citations_of(answer)]


async def test_a_guest_asks_in_german_and_confirms_what_is_proposed(api: Api, venue: Venue) -> None:
    begun = await send(
        api,
        "Ein Raum für zwei nächsten Freitagabend, zwei Stunden",
        subdomain=venue.tenant.subdomain,
        locale="de",
    )
    code = begun.payload["guestToken"]
    known = {"conversationId": begun.payload["conversation"]["id"], "guestToken": code}

    offered = await send(api, "der zweite", **known)
    proposed = await send(api, "die erste bitte", **known)
    (proposal,) = proposed.payload["proposals"]
    guest = {"customer": {"name": "Mia", "email": "mia@example.com"}, "guestToken": code}
    confirmed = await api(CONFIRM, {"id": proposal["id"], "input": guest})

    assert begun.payload["message"]["provider"] == "LOCAL"
    assert text_of(begun).splitlines()[1:3] == ["1. Fr., 5. März", "2. Fr., 12. März"]
    assert cited(offered)[0].endswith("/2027-03-12T18:00/120")
    assert text_of(offered).startswith("Diese Zeiten sind frei:\n1. ")
    assert "[[" not in text_of(offered)
    assert proposal["startsAt"] == "2027-03-12T17:00:00Z"
    assert text_of(proposed).startswith("Ich habe es vorbereitet: Room ")
    assert confirmed.payload["result"]["booking"] == {"status": "HELD", "nextStep": "CONFIRM"}


async def test_a_customer_books_moves_and_cancels_by_words(api: Api, venue: Venue) -> None:
    token = venue.guest.token
    booked = await send(api, "Book Room 1 tomorrow at 8 for three", token)
    (proposal,) = booked.payload["proposals"]
    confirmed = await api(CONFIRM, {"id": proposal["id"]}, token=token)

    moved = await send(api, "please move my booking to Thursday at 9pm", token)
    cancelled = await send(api, "Cancel my booking", token)
    listed = await send(api, "¿Cuáles son mis reservas?", token)

    assert confirmed.payload["result"] == {"status": "CONFIRMED", "partySize": 3}
    assert [each["startsAt"] for each in booked.payload["proposals"]] == ["2027-03-02T19:00:00Z"]
    assert [(each["kind"], each["startsAt"]) for each in moved.payload["proposals"]] == [
        ("RESCHEDULE", "2027-03-04T20:00:00Z")
    ]
    assert [each["kind"] for each in cancelled.payload["proposals"]] == ["CANCELLATION"]
    assert text_of(listed).startswith("Estas son las reservas:\n- ")


async def test_what_is_written_down_answers_everybody_and_a_draft_nobody(
    api: Api, venue: Venue
) -> None:
    for title, body, published in (
        ("Parking", "Two places for cars are behind the house.", True),
        ("Dogs", "Dogs may come from next year on.", False),
    ):
        written = {"title": title, "body": body, "locale": "en", "published": published}
        assert (await api(WRITE, {"input": written}, token=venue.manager.token)).refusals == []
    guest = {"subdomain": venue.tenant.subdomain, "locale": "en"}
    # The team sends no messages to itself.
    people = [
        (None, guest, ["TICKET"]),
        (venue.guest.token, {}, ["TICKET"]),
        (venue.staff.token, {}, []),
    ]

    for token, given, proposed in people:
        known = await send(api, "Where can I park my car?", token, **given)
        unknown = await send(api, "May I bring my dogs?", token, **given)

        assert text_of(known) == "Parking: Two places for cars are behind the house."
        (citation,) = citations_of(known)
        assert (citation["id"][:8], citation["label"]) == ("article:", "Parking")
        if token is not None:
            node = await api(ARTICLE, {"id": citation["objectId"]}, token=token)
            assert node.payload == {"title": "Parking"}
        assert known.payload["proposals"] == []
        assert text_of(unknown).startswith("I don't know that.")
        assert [each["kind"] for each in unknown.payload["proposals"]] == proposed


async def test_what_no_rule_answers_becomes_a_ticket_in_any_script_and_of_many_lines(
    api: Api, venue: Venue
) -> None:
    answer = await send(api, "Помогите!\n\n" + "Где моя куртка? " * 120, venue.guest.token)

    assert [each["kind"] for each in answer.payload["proposals"]] == ["TICKET"]


async def test_a_refusal_names_what_the_confirmation_was_given(api: Api, venue: Venue) -> None:
    token = venue.staff.token
    answer = await send(api, "Book Room 1 tomorrow at 8 for three", token)
    (proposal,) = answer.payload["proposals"]
    given = [
        {"customer": {"name": ""}},
        {"customer": {"name": "Mia", "email": "mia"}},
        {"customerId": proposal["id"]},
    ]

    refused = [
        await api(CONFIRM, {"id": proposal["id"], "input": each}, token=token) for each in given
    ]

    assert [each.payload["userErrors"][0]["path"] for each in refused] == [
        ["input", "customer", "name"],
        ["input", "customer", "email"],
        ["input", "customerId"],
    ]


async def test_a_code_that_is_made_up_begins_no_conversation(api: Api, venue: Venue) -> None:
    for tenant in (venue.tenant.id.hex, "0" * 32):
        refused = await send(api, "hello", guestToken=f"{tenant}.{'a' * 43}")

        assert refused.refusals == ["INVALID_CREDENTIALS"]
