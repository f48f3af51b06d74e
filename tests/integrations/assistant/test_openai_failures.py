"""Broken providers: each failure is an error of the protocol, soon and in bounded memory."""

import asyncio
import gzip
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from integrations.assistant.openai import OpenAIModel
from integrations.assistant.openai_client import TimeLimits
from integrations.assistant.protocol import (
    ModelAnswerInvalid,
    ModelAnswerTooLong,
    ModelBusy,
    ModelError,
    ModelRequest,
    ModelTimeout,
    ModelUnavailable,
    TextDelta,
    UserMessage,
)
from tests.support.model_server import (
    EVENTS,
    JSON,
    KEY,
    Answer,
    Chaos,
    ModelServer,
    Part,
    answer,
    events_of,
    refusal,
    sse,
)

QUESTION: Final = ModelRequest(
    instructions="You are the assistant of a venue.",
    items=[UserMessage("Is Friday free?")],
    tools=[],
    locale="en",
    now=datetime(2027, 1, 4, 18, tzinfo=UTC),
    max_output_tokens=500,
)
CREATED, *MIDDLE, COMPLETED = events_of("It is free.")
FEW: Final = [*sse(CREATED, MIDDLE[0], MIDDLE[1])]
SHORT: Final = TimeLimits(connect=1, first_event=0.3, next_event=0.3, answer=0.6)


async def failing(model: OpenAIModel) -> ModelError:
    with pytest.raises(ModelError) as raised:
        async for _ in model.respond(QUESTION):
            pass
    return raised.value


def ending(**response: Any) -> Answer:
    end = COMPLETED["response"] | response
    return Answer(sse(CREATED, {"type": "response.completed", "response": end}))


BROKEN: Final[Mapping[str, tuple[Answer, type[ModelError]]]] = {
    "cut before a word": (Answer([Chaos.CUT]), ModelUnavailable),
    "cut after a word": (Answer([*FEW, Chaos.CUT]), ModelUnavailable),
    "cut within an event": (Answer([*FEW, b'data: {"type": "resp', Chaos.CUT]), ModelUnavailable),
    "ended after a word": (Answer(FEW), ModelUnavailable),
    "done after a word": (Answer([*FEW, b"data: [DONE]\n\n"]), ModelUnavailable),
    "nothing at all": (Answer([]), ModelUnavailable),
    "malformed JSON": (Answer([*FEW, b'data: {"type": "response.output\n\n']), ModelAnswerInvalid),
    "malformed UTF-8": (Answer([*FEW, b'data: {"type": "\xff"}\n\n']), ModelAnswerInvalid),
    "malformed events": (Answer([b"this is no event\n\n{}\n\n"]), ModelUnavailable),
    "too deep JSON": (Answer([b"data: " + b"[" * 100_000 + b"\n\n"]), ModelAnswerInvalid),
    "a page instead of events": (
        Answer([b"<html>Please log in</html>"], 200, {"Content-Type": "text/html"}),
        ModelAnswerInvalid,
    ),
    "JSON instead of events": (
        Answer([json.dumps(COMPLETED["response"]).encode()], 200, JSON),
        ModelAnswerInvalid,
    ),
    "compressed": (
        Answer([gzip.compress(sse(CREATED)[0])], 200, EVENTS | {"Content-Encoding": "gzip"}),
        ModelAnswerInvalid,
    ),
    "empty": (ending(output=[]), ModelAnswerInvalid),
    "blank": (answer(" \n "), ModelAnswerInvalid),
    "no output": (ending(output=None), ModelAnswerInvalid),
    "odd output": (ending(output=[None]), ModelAnswerInvalid),
    "no end": (
        Answer(sse(CREATED, {"type": "response.completed", "response": None})),
        ModelAnswerInvalid,
    ),
    "a text that is a number": (
        Answer(sse(CREATED, {"type": "response.output_text.delta", "delta": 7})),
        ModelAnswerInvalid,
    ),
    "a call without arguments": (
        ending(output=[{"type": "function_call", "call_id": "a", "name": "b"}]),
        ModelAnswerInvalid,
    ),
    "a call whose id is a list": (
        ending(output=[{"type": "function_call", "call_id": [], "name": "b", "arguments": ""}]),
        ModelAnswerInvalid,
    ),
    "filtered": (
        Answer(sse(*events_of(status="incomplete"))),
        ModelAnswerInvalid,
    ),
    "failed in the middle": (
        Answer([*FEW, *sse({"type": "response.failed", "response": {"error": None}})]),
        ModelUnavailable,
    ),
    "an error in the middle": (
        Answer([*FEW, *sse({"type": "error", "code": "server_error", "message": KEY})]),
        ModelUnavailable,
    ),
    "an error object": (
        Answer([*FEW, b'data: {"error": {"message": "no", "code": "server_error"}}\n\n']),
        ModelUnavailable,
    ),
    "busy in the middle": (
        Answer(
            [
                *FEW,
                *sse(
                    {
                        "type": "response.failed",
                        "response": {"error": {"code": "rate_limit_exceeded", "message": "no"}},
                    }
                ),
            ]
        ),
        ModelBusy,
    ),
    "redirected": (
        Answer([], 307, {"Location": "http://127.0.0.1:9/v1/responses"}),
        ModelUnavailable,
    ),
    "a wrong key": (refusal(401, "invalid_api_key", f"Incorrect API key: {KEY}"), ModelUnavailable),
    "an unknown model": (refusal(404, "model_not_found"), ModelUnavailable),
    "too long a request": (refusal(400, "context_length_exceeded"), ModelUnavailable),
    "no credit": (refusal(429, "insufficient_quota"), ModelUnavailable),
    "a long error": (
        Answer([b"x" * 1_000_000] * 3, 400, {"Content-Type": "text/plain"}),
        ModelAnswerTooLong,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_answers_are_told_apart(
    server: ModelServer, model: OpenAIModel, name: str
) -> None:
    broken, kind = BROKEN[name]
    server.plays(broken, answer("It is free."))

    error = await failing(model)

    assert type(error) is kind
    assert KEY not in f"{error!r} {error.__cause__!r}"
    # Nothing is repeated once the provider has begun to answer, or refuses the request itself.
    assert len(server.asked) == 1
    first, *_ = [event async for event in model.respond(QUESTION)]
    assert first == TextDelta("It ")


async def test_what_was_said_before_a_cut_was_streamed(
    server: ModelServer, model: OpenAIModel
) -> None:
    server.plays(Answer([*FEW, Chaos.CUT]))
    events = model.respond(QUESTION)

    assert await anext(events) == TextDelta("It ")
    with pytest.raises(ModelUnavailable):
        await anext(events)


@pytest.mark.parametrize(
    "parts",
    [[], FEW, [*FEW, b'data: {"type": "resp']],
    ids=["at once", "after a word", "within an event"],
)
async def test_silence_ends_in_time(server: ModelServer, parts: list[Part]) -> None:
    server.plays(Answer([*parts, Chaos.SILENCE]))
    model = OpenAIModel(api_key=KEY, model="gpt-6-luna", base_url=server.url, limits=SHORT)

    assert type(await failing(model)) is ModelTimeout
    await model.close()


async def test_a_server_that_never_comes_to_the_point_is_left(server: ModelServer) -> None:
    def endless() -> Iterator[Part]:
        yield from FEW
        while True:
            yield b": still here\n\n" * 100

    server.plays(Answer(endless()))
    model = OpenAIModel(api_key=KEY, model="gpt-6-luna", base_url=server.url, limits=SHORT)

    # After the time for an event, or when there are too many bytes without one.
    assert type(await failing(model)) in {ModelTimeout, ModelAnswerTooLong}
    await model.close()


async def test_no_server_is_unavailable() -> None:
    model = OpenAIModel(api_key=KEY, model="gpt-6-luna", base_url="http://127.0.0.1:9/v1")

    assert type(await failing(model)) is ModelUnavailable
    await model.close()


@pytest.mark.parametrize("lines", [1, 1000], ids=["one event", "many events"])
async def test_ten_megabytes_are_cut_off_while_they_arrive(
    server: ModelServer, model: OpenAIModel, lines: int
) -> None:
    sent = 0

    def huge() -> Iterator[Part]:
        nonlocal sent
        yield from FEW
        block = b"x" * 10_000
        head, tail = b'data: {"type":"response.output_text.delta","delta":"', b'"}\n\n'
        for number in range(1000):
            yield (head if number % (1000 // lines) == 0 else b"") + block
            sent += len(block)
            if (number + 1) % (1000 // lines) == 0:
                yield tail

    server.plays(Answer(huge()))

    assert type(await failing(model)) is ModelAnswerTooLong
    # The rest is what sockets hold.
    assert sent < 9_000_000


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (refusal(429, "rate_limit_exceeded", Retry_After="0"), ModelBusy),
        (refusal(500, "server_error", Retry_After="0"), ModelUnavailable),
        (
            Answer(
                [b"<h1>Bad gateway</h1>"], 502, {"Content-Type": "text/html", "Retry-After": "0"}
            ),
            ModelUnavailable,
        ),
    ],
    ids=["429", "500", "502"],
)
async def test_a_busy_provider_is_asked_three_times(
    server: ModelServer, model: OpenAIModel, refused: Answer, kind: type[ModelError]
) -> None:
    server.plays(refused, refused, answer("It is free."))
    first, *_ = [event async for event in model.respond(QUESTION)]
    assert first == TextDelta("It ") and len(server.asked) == 3

    server.plays(refused)
    assert type(await failing(model)) is kind
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("700", 700), ("Fri, 01 Jan 2100 00:00:00 GMT", 1_000_000_000)],
    ids=["seconds", "date"],
)
async def test_who_asks_for_more_patience_than_there_is_is_not_asked_again(
    server: ModelServer, model: OpenAIModel, retry_after: str, seconds: float
) -> None:
    server.plays(refusal(429, "rate_limit_exceeded", Retry_After=retry_after))

    error = await failing(model)

    assert isinstance(error, ModelBusy) and error.retry_after_seconds is not None
    assert error.retry_after_seconds >= seconds
    assert len(server.asked) == 1


async def test_who_stops_listening_ends_the_request(
    server: ModelServer, model: OpenAIModel
) -> None:
    server.plays(Answer([*FEW, Chaos.SILENCE]))
    events = model.respond(QUESTION)
    assert await anext(events) == TextDelta("It ")
    server.left.clear()

    await events.aclose()

    await asyncio.wait_for(server.left.wait(), 10)


async def test_neither_the_key_nor_the_conversation_is_logged(
    server: ModelServer, model: OpenAIModel, caplog: pytest.LogCaptureFixture
) -> None:
    server.plays(refusal(500, "server_error", f"{KEY} asked: Is Friday free?", Retry_After="0"))

    with caplog.at_level(logging.DEBUG):
        error = await failing(model)

    assert str(error) == "the provider answers 500, code server_error"
    assert caplog.text and KEY not in caplog.text and "Friday" not in caplog.text
