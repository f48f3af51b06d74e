"""The client of OpenAI's Responses API, against a server that speaks it."""

from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from integrations.assistant.openai import OpenAIModel
from integrations.assistant.protocol import (
    AssistantMessage,
    Finished,
    ModelEvent,
    ModelRequest,
    Provider,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
)
from tests.support.model_server import (
    KEY,
    MODEL,
    Answer,
    Call,
    ModelServer,
    answer,
    events_of,
    sse,
)

LOOK_UP: Final = Tool(
    "find_free_times",
    "Finds free times.",
    {
        "type": "object",
        "properties": {"date": {"type": "string"}},
        "required": ["date"],
        "additionalProperties": False,
    },
)
QUESTION: Final = ModelRequest(
    instructions="You are the assistant of a venue.",
    items=[UserMessage("Is Friday free?")],
    tools=[LOOK_UP],
    locale="en",
    now=datetime(2027, 1, 4, 18, tzinfo=UTC),
    max_output_tokens=500,
)


async def answered(model: OpenAIModel, request: ModelRequest = QUESTION) -> Sequence[ModelEvent]:
    """Returns the events of an answer, as the assistant reads it: it leaves at the end."""
    events: list[ModelEvent] = []
    async with aclosing(model.respond(request)) as answering:
        async for event in answering:
            events.append(event)
            if isinstance(event, Finished):
                return events
    raise AssertionError("an answer without its end")


async def test_a_text_arrives_in_parts(server: ModelServer, model: OpenAIModel) -> None:
    server.plays(answer("Friday is free."))

    assert await answered(model) == [
        TextDelta("Friday "),
        TextDelta("is "),
        TextDelta("free."),
        Finished(Usage(120, 30), MODEL),
    ]
    assert model.provider is Provider.OPENAI


async def test_calls_of_tools_are_complete(server: ModelServer, model: OpenAIModel) -> None:
    server.plays(
        answer("Let me see.", Call("find_free_times", {"date": "2027-01-08"}), Call("odd", "{nope"))
    )

    events = await answered(model)

    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [(call.name, call.arguments) for call in calls] == [
        ("find_free_times", '{"date": "2027-01-08"}'),
        ("odd", "{nope"),
    ]
    assert len({call.id for call in calls}) == 2


async def test_what_is_sent_is_the_conversation_and_the_tools(
    server: ModelServer, model: OpenAIModel
) -> None:
    server.plays(answer("At seven."))
    request = ModelRequest(
        instructions="Be brief.",
        items=[
            UserMessage("Is Friday free?"),
            ToolCall("call_1", "find_free_times", "{}"),
            ToolResult("call_1", '{"slots": []}'),
            AssistantMessage("It isn't."),
            UserMessage("And Saturday?"),
        ],
        tools=[LOOK_UP],
        locale="en",
        now=QUESTION.now,
        max_output_tokens=300,
    )

    await answered(model, request)

    (asked,) = server.asked
    assert asked.path == "/v1/responses"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.body == {
        "model": "gpt-6-luna",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Is Friday free?"},
            {
                "type": "function_call",
                "call_id": "call_1",
                "name": "find_free_times",
                "arguments": "{}",
            },
            {"type": "function_call_output", "call_id": "call_1", "output": '{"slots": []}'},
            {"role": "assistant", "content": "It isn't."},
            {"role": "user", "content": "And Saturday?"},
        ],
        "tools": [
            {
                "type": "function",
                "name": "find_free_times",
                "description": "Finds free times.",
                "parameters": LOOK_UP.parameters,
                "strict": True,
            }
        ],
        "max_output_tokens": 300,
        "store": False,
        "stream": True,
    }


async def test_a_connection_serves_further_rounds(server: ModelServer, model: OpenAIModel) -> None:
    server.plays(answer("Yes."))
    await answered(model)
    connections = server.connections

    for _ in range(3):
        await answered(model)

    assert (len(server.asked), server.connections) == (4, connections)


async def test_a_character_that_was_divided_is_joined(
    server: ModelServer, model: OpenAIModel
) -> None:
    first, *others = events_of("x")
    halves = ["Zwölf \ud83c", "\udfa4 and \0half \ud83c"]
    deltas = [{"type": "response.output_text.delta", "delta": each} for each in halves]
    server.plays(Answer(sse(first, *deltas, others[-1])))

    *texts, _ = await answered(model)

    assert texts == [TextDelta("Zwölf "), TextDelta("🎤 and half "), TextDelta("�")]


async def test_a_server_that_counts_no_tokens_is_estimated(
    server: ModelServer, model: OpenAIModel
) -> None:
    server.plays(answer("12345678", usage=None), answer("1", usage={"input_tokens": -1}))

    *_, first = await answered(model)
    *_, second = await answered(model)

    assert isinstance(first, Finished) and isinstance(second, Finished)
    assert first.usage.output_tokens == 2 and second.usage.output_tokens == 1
    # A quarter of the characters that were sent.
    assert 50 < first.usage.input_tokens == second.usage.input_tokens < 150


async def test_what_is_only_at_the_end_is_found(server: ModelServer, model: OpenAIModel) -> None:
    created, *_, completed = events_of("Yes.", Call("find_free_times"))
    server.plays(Answer(sse(created, completed)))

    call, text, finished = await answered(model)

    assert isinstance(call, ToolCall) and text == TextDelta("Yes.")
    assert isinstance(finished, Finished)


async def test_events_of_later_versions_are_skipped(
    server: ModelServer, model: OpenAIModel
) -> None:
    created, *others = events_of("Yes.")
    unknown: list[dict[str, Any]] = [
        {"type": "response.dreaming.delta", "delta": "zzz"},
        {"type": "response.output_item.done", "item": {"type": "dream", "text": "zzz"}},
    ]
    odd = [b": still here\n\n", b"data: 5\n\n", b"data: [1]\n\n", b'data: {"no": "type"}\n\n']
    server.plays(Answer([*sse(created, *unknown), *odd, *sse(*others)]))

    assert (await answered(model))[:-1] == [TextDelta("Yes.")]


async def test_an_answer_that_reaches_its_limit_keeps_its_text(
    server: ModelServer, model: OpenAIModel
) -> None:
    cut = Call("find_free_times", '{"da')
    events = [
        each
        for each in events_of("It is", cut, status="incomplete")
        if each["type"] != "response.output_item.done"
    ]
    events[-1]["response"]["output"][1]["status"] = "incomplete"
    server.plays(Answer(sse(*events)))

    assert await answered(model) == [
        TextDelta("It "),
        TextDelta("is"),
        Finished(Usage(120, 30), MODEL),
    ]


async def test_a_name_of_a_model_is_a_name(server: ModelServer, model: OpenAIModel) -> None:
    server.plays(answer("Yes.", model="x" * 5000), answer("Yes.", model=None))

    assert [(await answered(model))[-1] for _ in range(2)] == [
        Finished(Usage(120, 30), "gpt-6-luna")
    ] * 2


def test_the_server_speaks_as_the_package_documents_it() -> None:
    documented: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)

    for event in events_of("Yes.", Call("find_free_times", {"date": "2027-01-08"})):
        assert documented.validate_python(event).type == event["type"]
