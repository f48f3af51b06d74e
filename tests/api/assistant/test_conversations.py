"""Conversations with the assistant over HTTP, with a model that a test has written down."""

from asyncio import Event, create_task, gather, sleep
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from domain.tenants.plans import PlanCode
from integrations.assistant.protocol import (
    AssistantMessage,
    ModelBusy,
    TextDelta,
    ToolCall,
    UserMessage,
)
from jobs.purge import purge_expired
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.assistant.conversations import Conversation
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.scripted_model import ScriptedModel, calls, says, scripted

TUESDAY: Final = MONDAY_MORNING + timedelta(days=1)
SEND: Final = """
    mutation ($input: SendMessageInput!) {
      sendMessage(input: $input) {
        conversation { id title locale messages { nodes { role text } } }
        message {
          id text outcome provider model
          parts { text isGuess citations { id kind label objectId at } }
        }
        proposals { id kind state summary price { amount } startsAt room { name } }
        guestToken
        replayed
        userErrors {
          code message path
          ... on AssistantBudgetError { used limit freesAt }
        }
      }
    }
"""
CONFIRM: Final = """
    mutation ($id: ID!, $input: ConfirmProposalInput! = {}) {
      confirmProposal(id: $id, input: $input) {
        result {
          ... on Booking { reference status customer { name } }
          ... on GuestConfirmation { token booking { status nextStep } }
          ... on Ticket { subject customer { name } conversation { title } }
          ... on GuestTicketConfirmation { number }
        }
        proposal { state decidedAt }
        userErrors { code message path ... on ProposalClosedError { state } }
      }
    }
"""

USAGE: Final = """
    {
      assistantUsage(span: { from: "2027-03-01", until: "2027-03-03" }) {
        answers inputTokens cost
        days { day model outputTokens }
        budget { usedToday dailyTokens }
      }
    }
"""
OFF: Final = """
    mutation ($version: Int!) {
      updateTenantSettings(version: $version, input: { allowsAssistant: false }) {
        userErrors { code }
      }
    }
"""
RATE: Final = """
    mutation ($id: ID!) {
      rateMessage(id: $id, input: { helpful: false, note: "No" }) {
        message { isHelpful } userErrors { code }
      }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


@pytest.fixture
def model(runtime: Runtime) -> ScriptedModel:
    return scripted(runtime)


async def send(api: Api, message: str, token: str | None, **given: object) -> Answer:
    return await api(SEND, {"input": {"message": message, **given}}, token=token)


def slot(venue: Venue, at: str = "2027-03-02T19:00", minutes: int = 60) -> str:
    return f"slot:{venue.rooms[0].id}/{at}/{minutes}"


def propose(venue: Venue, **given: object) -> list[Any]:
    booking = {"room_id": venue.rooms[0].id, "start": "2027-03-02T19:00", "duration_minutes": 60}
    return calls("propose_booking", **booking, **given)


async def test_an_answer_cites_what_was_looked_up(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    model.plays(
        calls("find_free_times", date_from="2027-03-02", time_from="19:00"),
        says("Room 1 is free at 1", "9:00[[", slot(venue), "]]. Maybe at 20:00.[[slot:made-up]]"),
    )

    answer = await send(api, "What is free on Tuesday evening?", venue.staff.token, locale="de")

    message = answer.payload["message"]
    assert message["text"] == "Room 1 is free at 19:00. Maybe at 20:00."
    assert message["outcome"] == "ANSWERED"
    sure, guess = message["parts"]
    assert (sure["isGuess"], guess["isGuess"]) == (False, True)
    assert sure["citations"] == [
        {
            "id": slot(venue),
            "kind": "slot",
            "label": "Room 1, 2027-03-02 19:00",
            "objectId": api_id(venue.rooms[0]),
            "at": 23,
        }
    ]
    found = model.result()["slots"][0]
    assert found["room"] == "Room 1" and found["start"] == "2027-03-02T19:00"
    assert found["price"] == "40.00 EUR"
    assert model.asked[0].now.isoformat() == "2027-03-01T10:00:00+01:00"
    assert model.asked[0].locale == "de"


async def test_a_conversation_goes_on_with_what_was_said_but_for_contact_data(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    model.plays(says("Hello!"), says("At 19:00."))

    first = await send(api, "I am mia@example.com, +49 170 1234567", venue.guest.token)
    id = first.payload["conversation"]["id"]
    second = await send(api, "And?", venue.guest.token, conversationId=id)

    assert model.asked[0].items[-1] == UserMessage("I am mia@example.com, +49 170 1234567")
    assert model.asked[1].items == (
        UserMessage("I am [e-mail], [phone]"),
        AssistantMessage("Hello!"),
        UserMessage("And?"),
    )
    conversation = second.payload["conversation"]
    assert conversation["title"] == "I am [e-mail], [phone]"
    assert [each["text"] for each in conversation["messages"]["nodes"]] == [
        "At 19:00.",
        "And?",
        "Hello!",
        "I am [e-mail], [phone]",
    ]


async def test_a_customer_books_what_was_proposed_once(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    model.plays(propose(venue), says("Shall I?"))
    sent = await send(api, "Book Room 1", venue.guest.token)
    (proposal,) = sent.payload["proposals"]
    nothing = await api("{ bookings { totalCount } }", token=venue.guest.token)

    first, second = await gather(
        *(api(CONFIRM, {"id": proposal["id"]}, token=venue.guest.token) for _ in range(2))
    )

    assert proposal["state"] == "PROPOSED"
    assert proposal["summary"] == "Room 1, 19:00–20:00 on Tuesday 2 March 2027"  # noqa: RUF001
    assert proposal["price"] == {"amount": "40.00"}
    assert nothing.payload["totalCount"] == 0
    assert first.refusals == second.refusals == []
    assert first.payload["result"] == second.payload["result"]
    assert first.payload["result"]["status"] == "CONFIRMED"
    assert second.payload["proposal"]["state"] == "CONFIRMED"
    booked = await api("{ bookings { totalCount } }", token=venue.staff.token)
    assert booked.payload["totalCount"] == 1


async def test_a_proposal_is_refused_like_the_change_itself(
    api: Api, runtime: Runtime, venue: Venue, model: ScriptedModel, clock: StoppedClock
) -> None:
    model.plays(propose(venue), says("Shall I?"), propose(venue), says("It is taken."))
    sent = await send(api, "Book Room 1", venue.guest.token)
    (proposal,) = sent.payload["proposals"]
    await make_booking(runtime, venue, TUESDAY + timedelta(hours=9))

    taken = await api(CONFIRM, {"id": proposal["id"]}, token=venue.guest.token)
    others = await api(CONFIRM, {"id": proposal["id"]}, token=venue.staff.token)
    clock.advance(minutes=10)
    late = await api(CONFIRM, {"id": proposal["id"]}, token=venue.guest.token)
    again = await send(api, "Book Room 1", venue.guest.token)

    assert taken.refusals == ["SLOT_TAKEN"]
    assert others.refusals == ["NOT_FOUND"]
    assert late.payload["userErrors"][0]["state"] == "EXPIRED"
    assert again.payload["proposals"] == []
    assert model.result()["error"]["code"] == "SLOT_TAKEN"


async def test_the_team_moves_and_cancels_a_booking_by_its_reference(
    api: Api, runtime: Runtime, venue: Venue, model: ScriptedModel
) -> None:
    made = await make_booking(runtime, venue, TUESDAY + timedelta(hours=9), reference="AAAA-1111")
    model.plays(
        calls("my_bookings", search="aaaa1111"),
        calls("propose_reschedule", reference="AAAA-1111", start="2027-03-02T20:00"),
        calls("propose_cancellation", reference="AAAA-1111", reason="Rain"),
        says("Which one?"),
    )
    sent = await send(api, "Move or cancel it", venue.staff.token)
    move, cancel = sent.payload["proposals"]

    moved = await api(CONFIRM, {"id": move["id"]}, token=venue.staff.token)
    stale = await api(CONFIRM, {"id": cancel["id"]}, token=venue.staff.token)

    assert model.result(0)["bookings"][0]["id"] == "booking:AAAA-1111"
    assert "note" not in model.result(0)["bookings"][0]
    assert (move["startsAt"], cancel["startsAt"]) == (
        "2027-03-02T19:00:00Z",
        "2027-03-02T18:00:00Z",
    )
    assert moved.payload["result"]["reference"] == made.reference
    assert stale.refusals == ["STALE_VERSION"]


async def test_a_guest_talks_by_a_code_and_books_by_mail(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    model.plays(calls("venue_facts"), calls("my_bookings"), says("From 00:00."))
    model.plays(propose(venue), says("Shall I?"))
    begun = await send(api, "When are you open?", None, subdomain=venue.tenant.subdomain)
    code = begun.payload["guestToken"]
    id = begun.payload["conversation"]["id"]
    sent = await send(api, "Book it", None, conversationId=id, guestToken=code)
    (proposal,) = sent.payload["proposals"]
    guest = {"customer": {"name": "Mia", "email": "mia@example.com"}, "guestToken": code}

    without = await send(api, "Hello?", None, conversationId=id)
    stranger = await api(CONFIRM, {"id": proposal["id"]}, token=venue.guest.token)
    first = await api(CONFIRM, {"id": proposal["id"], "input": guest})
    second = await api(CONFIRM, {"id": proposal["id"], "input": guest})
    read = await api(
        "query ($id: ID!, $code: String) { conversation(id: $id, guestToken: $code)"
        "{ messages { totalCount } } }",
        {"id": id, "code": code},
    )

    names = {each.name for each in model.asked[0].tools}
    assert names >= {"find_free_times", "venue_facts", "propose_booking"}
    assert names.isdisjoint({"my_bookings", "analytics_summary", "explain_slot"})
    assert sent.payload["guestToken"] is None
    assert without.codes == ["UNAUTHENTICATED"]
    assert stranger.refusals == ["NOT_FOUND"]
    assert first.payload["result"]["booking"] == {"status": "HELD", "nextStep": "CONFIRM"}
    assert first.payload["result"]["booking"] == second.payload["result"]["booking"]
    assert read.payload["messages"]["totalCount"] == 4


async def test_what_nobody_knows_becomes_a_ticket_that_knows_its_conversation(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    ticket = calls("propose_ticket", subject="Dogs", text="May I bring one?")
    model.plays(ticket, says("Shall I ask?"), ticket, says("Shall I ask?"))
    own = await send(api, "Dogs?", venue.guest.token)
    guests = await send(api, "Dogs?", None, subdomain=venue.tenant.subdomain)
    guest = {
        "customer": {"name": "Mia", "email": "mia@example.com"},
        "guestToken": guests.payload["guestToken"],
    }

    asked = await api(CONFIRM, {"id": own.payload["proposals"][0]["id"]}, token=venue.guest.token)
    (proposal,) = guests.payload["proposals"]
    first, second = [await api(CONFIRM, {"id": proposal["id"], "input": guest}) for _ in range(2)]
    seen = await api(
        "{ tickets { nodes { number conversation { title messages { totalCount } } } } }",
        token=venue.staff.token,
    )

    assert own.payload["proposals"][0]["summary"] == "Dogs"
    assert asked.partial["confirmProposal"]["result"]["subject"] == "Dogs"
    assert first.payload["result"] == second.payload["result"] == {"number": 2}
    conversation = {"title": "Dogs?", "messages": {"totalCount": 2}}
    assert seen.payload["nodes"] == [
        {"number": 2, "conversation": conversation},
        {"number": 1, "conversation": conversation},
    ]


async def test_times_are_suggested_with_reasons(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    model.plays(
        calls("suggest_times", date_from="2027-03-02", time_from="19:00", time_until="20:00"),
        says("Here."),
    )

    await send(api, "What do you suggest?", None, subdomain=venue.tenant.subdomain)

    best = model.result()["slots"][0]
    assert best["start"] in ("2027-03-02T19:00", "2027-03-02T19:30", "2027-03-02T20:00")
    assert best["reasons"] and best["price"] == "40.00 EUR"


async def test_whatever_a_model_does_wrong_the_conversation_goes_on(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    endless = [calls("venue_facts")] * 20
    model.plays(
        [ToolCall("1", "drop_tables", "{}"), *calls("find_free_times", date_from="soon")],
        [TextDelta("One moment."), ToolCall("1", "venue_facts", "{not json"), *says(" ")],
        says("Nothing."),
    )
    model.plays([TextDelta("It is"), ModelBusy("no")], says(), says("x" * 9_000), *endless)

    wrong = await send(api, "1", venue.staff.token)
    id = wrong.payload["conversation"]["id"]
    errors = [model.result(number)["error"]["code"] for number in range(3)]
    cut, empty, long, loop = [
        (await send(api, text, venue.staff.token, conversationId=id)).payload["message"]
        for text in ("2", "3", "4", "5")
    ]

    assert errors == ["UNKNOWN_TOOL", "INVALID", "INVALID"]
    assert wrong.payload["message"]["outcome"] == "ANSWERED"
    assert cut["outcome"] == "BUSY" and cut["text"].startswith("It is\n\nI have too many")
    assert empty["outcome"] == "INVALID" and empty["text"].startswith("I found no answer")
    assert long["outcome"] == "TOO_LONG" and len(long["text"]) < 8_100
    assert loop["outcome"] == "TOO_MANY_CALLS"
    assert sum(isinstance(each, ToolCall) for each in model.asked[-1].items) == 8


async def test_a_key_answers_once(api: Api, venue: Venue, model: ScriptedModel) -> None:
    model.plays(says("Hello!"))
    given = {"idempotencyKey": "once"}

    first = await send(api, "Hi", venue.staff.token, **given)
    second = await send(api, "Hi", venue.staff.token, **given)
    other = await send(api, "Bye", venue.staff.token, **given)

    assert second.payload["replayed"] and not first.payload["replayed"]
    assert second.payload["message"] == first.payload["message"]
    assert other.refusals == ["IDEMPOTENCY_KEY_REUSED"]


async def test_an_answer_is_written_at_a_time(api: Api, venue: Venue, model: ScriptedModel) -> None:
    rest = Event()
    model.plays(says("Hello!"), [TextDelta("One"), rest, *says(" moment.")])
    begun = await send(api, "Hi", venue.staff.token)
    id = begun.payload["conversation"]["id"]
    slow = create_task(send(api, "Go on", venue.staff.token, conversationId=id))
    while len(model.asked) < 2:  # noqa: ASYNC110
        await sleep(0.01)

    busy = await send(api, "Faster", venue.staff.token, conversationId=id)
    rest.set()

    assert busy.refusals == ["CONVERSATION_BUSY"]
    assert (await slow).payload["message"]["text"] == "One moment."


async def test_tokens_are_counted_by_day_and_their_budget_kept(
    api: Api, venue: Venue, model: ScriptedModel, clock: StoppedClock
) -> None:
    model.plays(says("Much.", tokens=3_000_000), says("More.", tokens=2_000_000))

    await send(api, "1", venue.guest.token)
    customer = await send(api, "2", venue.guest.token)
    team = await send(api, "3", venue.staff.token)
    over = await send(api, "4", venue.staff.token)
    usage = await api(USAGE, token=venue.manager.token)

    (refused,) = customer.payload["userErrors"]
    assert refused["code"] == "ASSISTANT_BUDGET_REACHED"
    assert (refused["used"], refused["limit"]) == (3_000_001, 2_500_000)
    assert refused["freesAt"] == "2027-03-01T23:00:00Z"
    assert team.refusals == [] and over.refusals == ["ASSISTANT_BUDGET_REACHED"]
    assert usage.payload == {
        "answers": 2,
        "inputTokens": 5_000_000,
        "cost": "0.000000",
        "days": [{"day": "2027-03-01", "model": "scripted", "outputTokens": 2}],
        "budget": {"usedToday": 5_000_002, "dailyTokens": 5_000_000},
    }


async def test_a_venue_turns_its_assistant_off(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    off = await api(OFF, {"version": venue.tenant.version}, token=venue.owner.token)

    refused = await send(api, "Hi", venue.staff.token)
    guest = await send(api, "Hi", None, subdomain=venue.tenant.subdomain)

    assert off.refusals == []
    assert refused.refusals == guest.refusals == ["ASSISTANT_UNAVAILABLE"]


async def test_a_plan_without_the_assistant_says_so_to_its_own_people(
    api: Api, runtime: Runtime, model: ScriptedModel
) -> None:
    small = await make_venue(runtime, plan=PlanCode.STARTER)

    team = await send(api, "Hi", small.staff.token)
    guest = await send(api, "Hi", None, subdomain=small.tenant.subdomain)

    assert team.refusals == ["FEATURE_NOT_INCLUDED"]
    assert guest.refusals == ["ASSISTANT_UNAVAILABLE"]


async def test_a_rating_is_for_ones_own_answers_and_all_is_forgotten_after_90_days(
    api: Api,
    runtime: Runtime,
    relay: Database,
    venue: Venue,
    model: ScriptedModel,
    clock: StoppedClock,
) -> None:
    model.plays(propose(venue), says("Hello!"))
    sent = await send(api, "Hi", venue.staff.token)
    id = sent.payload["message"]["id"]

    rated = await api(RATE, {"id": id}, token=venue.staff.token)
    others = await api(RATE, {"id": id}, token=venue.manager.token)
    clock.advance(days=91)
    await purge_expired(runtime, relay)
    async with relay.session(writes=False) as session:
        left = await session.scalar(select(func.count(col(Conversation.id))))

    assert rated.payload["message"] == {"isHelpful": False}
    assert others.refusals == ["NOT_FOUND"]
    assert left == 0


async def test_articles_are_searched_for_guests_too(
    api: Api, venue: Venue, model: ScriptedModel
) -> None:
    model.plays(calls("search_articles", query="May I bring a dog?"), says("I don't know."))

    await send(api, "Dogs?", None, subdomain=venue.tenant.subdomain)

    assert model.result() == {"articles": [], "citations": []}
