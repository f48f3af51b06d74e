"""A language model that answers what a test has written down."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import orjson

from integrations.assistant.protocol import (
    Finished,
    LanguageModel,
    ModelEvent,
    ModelRequest,
    Provider,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
)
from kit.runtime import Runtime

Step = ModelEvent | Exception | asyncio.Event


class ScriptedModel:
    """Answers each request with the next round; a step that is an event is waited for."""

    def __init__(self, provider: Provider = Provider.OPENAI) -> None:
        self.provider = provider
        self.model = "scripted"
        self.rounds: list[Sequence[Step]] = []
        self.asked: list[ModelRequest] = []

    def plays(self, *rounds: Sequence[Step]) -> None:
        self.rounds += rounds

    def result(self, number: int = -1) -> Any:
        """The results of tools that the last request had."""
        results = [each for each in self.asked[-1].items if isinstance(each, ToolResult)]
        return orjson.loads(results[number].content)

    async def respond(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.asked.append(request)
        for step in self.rounds.pop(0) if self.rounds else says("Hello!"):
            match step:
                case Exception():
                    raise step
                case asyncio.Event():
                    await step.wait()
                case _:
                    yield step

    async def close(self) -> None:
        pass


def scripted(runtime: Runtime) -> ScriptedModel:
    """Makes a runtime ask a scripted model."""
    model = ScriptedModel()
    # The app's own dictionary.
    cast("dict[type, object]", runtime.services)[LanguageModel] = model
    return model


def says(*texts: str, tokens: int = 100) -> list[Step]:
    """Returns a round that writes a text."""
    return [*map(TextDelta, texts), Finished(Usage(tokens, len(texts)), "scripted")]


def calls(name: str, **arguments: object) -> list[Step]:
    """Returns a round that calls a tool."""
    written = orjson.dumps(arguments).decode()
    return [ToolCall("call", name, written), Finished(Usage(100, 10), "scripted")]
