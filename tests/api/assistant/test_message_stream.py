"""Answers as they are written, over a WebSocket, also after a cut and from another process."""

from asyncio import Event, create_task, timeout
from typing import Any, Final

import pytest

from integrations.assistant.protocol import TextDelta
from kit.ids import new_id
from kit.runtime import Runtime
from resolvers.assistant.live_messages import LiveMessages
from tests.api.assistant.test_conversations import send
from tests.support.client import Api, Stream, live
from tests.support.factories import Venue, make_venue
from tests.support.scripted_model import ScriptedModel, says, scripted

STREAM: Final = """
    subscription ($id: ID!, $code: String, $after: EventCursor) {
      messageStreamed(conversationId: $id, guestToken: $code, after: $after) {
        __typename
        ... on MessageDelta { cursor messageId text }
        ... on MessageCompleted { cursor message { id text outcome } }
        ... on ResyncRequired { reason }
      }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


@pytest.fixture
def model(runtime: Runtime) -> ScriptedModel:
    return scripted(runtime)


async def event(stream: Stream) -> Any:
    return (await stream.next())["messageStreamed"]


async def text_of(stream: Stream, wanted: str) -> str:
    """Reads deltas until they have a text, and returns the cursor of the last one."""
    text = ""
    while text != wanted:
        delta = await event(stream)
        assert wanted.startswith(text + delta["text"]), delta
        text += delta["text"]
    return str(delta["cursor"])


async def test_a_cut_stream_goes_on_where_it_was(
    api: Api, server: str, venue: Venue, model: ScriptedModel
) -> None:
    rest, end = Event(), Event()
    model.plays(
        says("Hello!"), [TextDelta("Call me@x.org"), rest, TextDelta(" or"), end, *says(" not.")]
    )
    begun = await send(api, "Hi", venue.staff.token)
    id = begun.payload["conversation"]["id"]
    sent = create_task(send(api, "And?", venue.staff.token, conversationId=id))
    async with live(server, token=venue.staff.token) as client:
        first = await client.subscribe(STREAM, {"id": id})
        cursor = await text_of(first, "Call me@x.org")
        await client.stop(first)
        rest.set()
        late = await client.subscribe(STREAM, {"id": id})
        await text_of(late, "Call me@x.org or")
        second = await client.subscribe(STREAM, {"id": id, "after": cursor})
        await text_of(second, " or")
        end.set()
        # The last words may arrive with the whole answer.
        whole = await event(second)
        while whole["__typename"] != "MessageCompleted":
            whole = await event(second)
        other = await client.subscribe(STREAM, {"id": id, "after": "nonsense"})
        lost = await event(other)

    answer = (await sent).payload["message"]
    assert whole["message"] == {
        "id": answer["id"],
        "text": "Call [e-mail] or not.",
        "outcome": "ANSWERED",
    }
    assert lost == {"__typename": "ResyncRequired", "reason": "The cursor is unknown."}


async def test_a_guest_is_streamed_their_own_conversation_alone(
    api: Api, server: str, venue: Venue, model: ScriptedModel
) -> None:
    model.plays(says("Hello!"), says("Bye!"))
    begun = await send(api, "Hi", None, subdomain=venue.tenant.subdomain)
    id, code = begun.payload["conversation"]["id"], begun.payload["guestToken"]
    async with live(server) as client, live(server, token=venue.staff.token) as staff:
        refused = await (await staff.subscribe(STREAM, {"id": id})).errors()
        stream = await client.subscribe(STREAM, {"id": id, "code": code})
        sent = create_task(send(api, "And?", None, conversationId=id, guestToken=code))

        events = [await event(stream)]
        while events[-1]["__typename"] != "MessageCompleted":
            events.append(await event(stream))

    assert refused[0]["message"] == "There is no such conversation."
    assert events[-1]["message"]["text"] == "Bye!"
    assert (await sent).refusals == []


async def test_other_processes_hear_of_an_answer() -> None:
    here, there = LiveMessages(), LiveMessages()
    conversation_id, heard = new_id(), Event()

    async def publish(_: str, message: str) -> None:
        there.hear(message)
        heard.set()

    running = create_task(here.run(publish))
    with there.listening(conversation_id) as changed:
        answer = here.begin(conversation_id, new_id())
        here.add(answer, "ä" * 5_000)
        here.add(answer, "!")
        await heard.wait()
        known = there.of(conversation_id)
        assert known is not None and known.text_from(4_999) == "ä!"
        assert changed.is_set()
        heard.clear()
        here.finish(answer)
        async with timeout(5):
            await heard.wait()

    assert there.of(conversation_id) is None
    running.cancel()
