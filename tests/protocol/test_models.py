"""The client of language models, against npm's aimock, another server of OpenAI's API."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import httpx
import pytest
import pytest_asyncio

from integrations.assistant.openai import OpenAIModel
from integrations.assistant.protocol import (
    Finished,
    ModelAnswerInvalid,
    ModelBusy,
    ModelError,
    ModelEvent,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
)
from tests.protocol.node_kit import Kit

FREE_TIMES: Final = Tool(
    "find_free_times",
    "Finds free times.",
    {
        "type": "object",
        "properties": {"date_from": {"type": "string"}},
        "required": ["date_from"],
        "additionalProperties": False,
    },
)
HELLO: Final = ModelRequest(
    instructions="You are the assistant of a venue.",
    items=[UserMessage("hello")],
    tools=[FREE_TIMES],
    locale="de",
    now=datetime(2027, 1, 4, 18, tzinfo=UTC),
    max_output_tokens=500,
)


@pytest_asyncio.fixture(scope="module")
async def aimock(kit: Kit) -> AsyncIterator[str]:
    async with kit.running("aimock.mjs") as output:
        yield await output.next()


@pytest_asyncio.fixture(scope="module")
async def model(aimock: str) -> AsyncIterator[OpenAIModel]:
    found = OpenAIModel(api_key="sk-1", model="m", base_url=f"{aimock}/v1")
    yield found
    await found.close()


async def answered(model: OpenAIModel, request: ModelRequest = HELLO) -> Sequence[ModelEvent]:
    return [event async for event in model.respond(request)]


async def test_a_text_is_streamed(model: OpenAIModel) -> None:
    *texts, finished = await answered(model)

    assert texts == [TextDelta(each) for each in "Zwölf 🎤!"]
    assert isinstance(finished, Finished)


async def test_a_tool_is_called_and_answered(model: OpenAIModel) -> None:
    question = UserMessage("Is Friday free?")

    call, _ = await answered(model, replace(HELLO, items=[question]))

    assert call == ToolCall("call_1", "find_free_times", '{"date_from": "2027-01-08"}')

    result = ToolResult("call_1", '{"slots": []}')
    *texts, finished = await answered(model, replace(HELLO, items=[question, call, result]))

    assert texts == [TextDelta(each) for each in "At seven."]
    assert finished == Finished(Usage(40, 5), "m")


@pytest.mark.parametrize(
    ("chaos", "kind"),
    [
        ({"dropRate": 1}, ModelUnavailable),
        ({"malformedRate": 1}, ModelAnswerInvalid),
        ({"disconnectRate": 1}, ModelUnavailable),
        ({"rateLimitRate": 1}, ModelBusy),
    ],
    ids=["drop", "malformed", "disconnect", "rate limit"],
)
async def test_chaos_is_told_apart(
    aimock: str, model: OpenAIModel, chaos: Mapping[str, float], kind: type[ModelError]
) -> None:
    async with httpx.AsyncClient(base_url=f"{aimock}/__aimock/") as control:
        (await control.post("chaos", json=chaos)).raise_for_status()
        try:
            with pytest.raises(ModelError) as raised:
                await answered(model)
        finally:
            (await control.delete("chaos")).raise_for_status()

    assert type(raised.value) is kind
    assert await answered(model)
