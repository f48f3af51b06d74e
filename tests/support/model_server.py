"""A server that speaks OpenAI's Responses API with streaming, and answers by a script.

Each request takes the next answer of the script; the last one is repeated. An answer may be a
function of the request, so that it can obey what it reads there.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Any, Final

MODEL: Final = "scripted-1"
KEY: Final = "sk-a-key-that-nobody-should-see"
EVENTS: Final = {"Content-Type": "text/event-stream; charset=utf-8"}
JSON: Final = {"Content-Type": "application/json"}
USAGE: Final = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 150,
}


class Chaos(Enum):
    """What an answer does instead of sending more."""

    CUT = auto()
    """Closes the connection."""
    SILENCE = auto()
    """Sends nothing until the client closes the connection."""


Part = bytes | Chaos | asyncio.Event
"""Bytes are sent at once; an event is waited for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP."""

    parts: Iterable[Part]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: EVENTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; the names of its headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def items(self) -> Sequence[Mapping[str, Any]]:
        return list(self.body["input"])

    @property
    def outputs(self) -> Sequence[Any]:
        """What its tools have returned, in order."""
        return [json.loads(item["output"]) for item in self.items if "output" in item]

    @property
    def text(self) -> str:
        """All of it, as a model reads it."""
        return json.dumps(self.body, ensure_ascii=False)


Step = Answer | Callable[[Asked], Answer]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; arguments that are a text are sent as they are."""

    name: str
    arguments: Mapping[str, Any] | str = "{}"


_numbers = count(1)


def answer(*outputs: str | Call, **response: Any) -> Answer:
    """Returns a well-formed answer of texts and calls; ``response`` replaces fields of its end."""
    return Answer(sse(*events_of(*outputs, **response)))


def events_of(*outputs: str | Call, **response: Any) -> Sequence[Mapping[str, Any]]:
    """Returns the events of an answer as the API sends them: a text arrives word by word."""
    number = next(_numbers)
    whole: dict[str, Any] = {
        "id": f"resp_{number}",
        "object": "response",
        "model": MODEL,
        "created_at": 1,
    }
    whole |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": whole | {"status": "in_progress", "output": []}}
    ]
    items = [_item(output, f"{number}_{index}") for index, output in enumerate(outputs)]
    for index, (output, item) in enumerate(zip(outputs, items, strict=True)):
        where = {"output_index": index, "item_id": item["id"]}
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        if isinstance(output, str):
            events += [
                {"type": "response.output_text.delta", "delta": word, "logprobs": []}
                | where
                | {"content_index": 0}
                for word in re.findall(r"\S+\s*|\s+", output)
            ]
        else:
            done = {"type": "response.function_call_arguments.done", "name": output.name}
            events.append(done | where | {"arguments": item["arguments"]})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    end = whole | {"status": "completed", "output": items, "usage": USAGE} | response
    events.append({"type": f"response.{end['status']}", "response": end})
    return [each | {"sequence_number": index} for index, each in enumerate(events)]


def sse(*events: Mapping[str, Any]) -> Sequence[bytes]:
    return [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]


def refusal(status: int, code: str, message: str = "No.", **headers: str) -> Answer:
    """Returns an error as the API answers it."""
    error = {"error": {"code": code, "type": code, "param": None, "message": message}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer([json.dumps(error).encode()], status, JSON | named)


def _item(output: str | Call, number: str) -> dict[str, Any]:
    if isinstance(output, str):
        part = {"type": "output_text", "text": output, "annotations": []}
        item = {"type": "message", "role": "assistant", "content": [part]}
        return item | {"id": f"msg_{number}", "status": "completed"}
    given = output.arguments
    arguments = given if isinstance(given, str) else json.dumps(given)
    item = {"type": "function_call", "call_id": f"call_{number}", "name": output.name}
    return item | {"arguments": arguments, "id": f"fc_{number}", "status": "completed"}


@dataclass
class ModelServer:
    """What was asked, and what is answered."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has closed a connection."""
    _script: Iterator[Step] = field(default_factory=lambda: iter(()))
    _last: Step = field(default_factory=lambda: answer("Hello."))

    def plays(self, *steps: Step) -> None:
        """Answers by a script from now on."""
        self.asked.clear()
        self._script, self._last = iter(steps), steps[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (asked := await _read(reader)) is not None:
                self.asked.append(asked)
                step = next(self._script, self._last)
                if not await _send(step(asked) if callable(step) else step, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client has given up, which is for it to decide.
        finally:
            self.left.set()
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Asked(first.split()[1], headers, json.loads(body))


async def _send(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Sends an answer in chunks, and returns whether the connection can be used further."""
    lines = [f"{name}: {value}" for name, value in answer.headers.items()]
    head = [f"HTTP/1.1 {answer.status} X", *lines, "Transfer-Encoding: chunked", "", ""]
    writer.write("\r\n".join(head).encode())
    for part in answer.parts:
        match part:
            case bytes():
                writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                await writer.drain()
            case asyncio.Event():
                await part.wait()
            case Chaos.CUT:
                return False
            case Chaos.SILENCE:
                await reader.read()
                return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """Runs a server at a free port of 127.0.0.1."""
    serving = ModelServer()
    server = await asyncio.start_server(serving.serve, "127.0.0.1", 0)
    serving.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield serving
    finally:
        server.close()
