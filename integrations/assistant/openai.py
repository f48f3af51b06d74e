"""Answers by a model behind OpenAI's Responses API, or a server that speaks it."""

import codecs
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from typing import Any, Final, assert_never

import orjson
from openai import OpenAIError
from openai.types.responses import (
    EasyInputMessageParam,
    FunctionToolParam,
    ResponseFunctionToolCallParam,
    ResponseInputItemParam,
)
from openai.types.responses.response_input_item_param import FunctionCallOutput

from integrations.assistant.openai_client import (
    MALFORMED,
    MAX_ANSWER_BYTES,
    Deadline,
    TimeLimits,
    client_of,
    failure_of,
    model_error,
    requested,
)
from integrations.assistant.protocol import (
    AssistantMessage,
    Finished,
    Item,
    ModelAnswerInvalid,
    ModelError,
    ModelEvent,
    ModelRequest,
    ModelUnavailable,
    Provider,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
)

LIMITS: Final = TimeLimits()
GRACE_SECONDS: Final = 0.5
# For servers that count no tokens: about right for English, and too many rather than none.
CHARACTERS_PER_TOKEN: Final = 4
MAX_TOKENS: Final = 10_000_000

_NAME: Final = re.compile(r"[\w.:/@-]{1,100}", re.ASCII)


class OpenAIModel:
    """A model that is reached with a key; nothing is stored at the provider."""

    provider = Provider.OPENAI

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        base_url: str,
        limits: TimeLimits = LIMITS,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.model = model
        self._limits = limits
        self._client = client_of(
            api_key=api_key,
            base_url=base_url,
            limits=limits,
            content_type="text/event-stream",
            max_answer_bytes=max_answer_bytes,
        )
        # Imported by its first use, which takes so long that it mustn't be in a request.
        self._responses = self._client.responses

    async def respond(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        deadline = Deadline(self._limits)
        body = {
            "input": [_item(item) for item in request.items],
            "tools": [_tool(tool) for tool in request.tools],
        }
        stream = await requested(
            lambda: self._responses.create(
                model=self.model,
                instructions=request.instructions,
                max_output_tokens=request.max_output_tokens,
                store=False,
                stream=True,
                # Sent as they are: the package would walk through every schema.
                extra_body=body,
            ),
            limits=self._limits,
            deadline=deadline,
        )
        answer = _Answer(self.model, request)
        try:
            while not answer.is_finished:
                async with deadline.within(self._limits.next_event):
                    event = await anext(stream, None)
                if event is None:
                    raise ModelUnavailable("a stream ended before its answer did")
                for found in answer.read(event):
                    if isinstance(found, Finished):
                        # Read to its end, the connection serves the next round too.
                        with suppress(ModelError, OpenAIError, *MALFORMED):
                            async with deadline.within(GRACE_SECONDS):
                                await anext(stream, None)
                    yield found
        except (OpenAIError, *MALFORMED) as failure:
            raise model_error(failure) from None
        finally:
            await stream.close()

    async def close(self) -> None:
        await self._client.close()


class _Answer:
    """What was read of an answer. Its texts are fit to be stored and sent."""

    def __init__(self, model: str, request: ModelRequest) -> None:
        self.is_finished = False
        self._model = model
        self._request = request
        self._text = codecs.getincrementaldecoder("utf-16-le")("replace")
        self._has_text = False
        self._calls: set[str] = set()
        self._characters = 0

    def read(self, event: Any) -> Iterable[ModelEvent]:
        """Returns what an event adds to the answer. Raises ModelError.

        Events of unknown types are skipped: later versions of the API may send more.
        """
        match getattr(event, "type", None):
            case "response.output_text.delta" | "response.refusal.delta":
                yield from self._more_text(event.delta)
            case "response.output_item.done":
                yield from self._calls_in([event.item])
            case "response.completed" | "response.incomplete":
                yield from self._rest(event.response)
            case "response.failed":
                raise failure_of(getattr(event.response.error, "code", None))
            case "error":
                raise failure_of(event.code)

    def _more_text(self, delta: object, *, final: bool = False) -> Iterable[TextDelta]:
        if not isinstance(delta, str):
            raise ModelAnswerInvalid("an answer has a text that isn't one")
        # Some servers divide a text in the middle of a character beyond 16 bits.
        text = self._text.decode(delta.encode("utf-16-le", "surrogatepass"), final)
        if text := text.replace("\0", ""):
            self._has_text = self._has_text or not text.isspace()
            self._characters += len(text)
            yield TextDelta(text)

    def _calls_in(self, items: Iterable[Any]) -> Iterable[ToolCall]:
        for item in items:
            if item.type != "function_call" or item.call_id in self._calls:
                continue
            if item.status == "incomplete":
                continue
            self._calls.add(item.call_id)
            call = ToolCall(*map(_clean, (item.call_id, item.name, item.arguments)))
            self._characters += len(call.name) + len(call.arguments)
            yield call

    def _rest(self, response: Any) -> Iterable[ModelEvent]:
        """Returns the end, after what the server hasn't streamed before."""
        yield from self._calls_in(response.output)
        if not self._has_text:
            for text in _texts(response.output):
                yield from self._more_text(text)
        yield from self._more_text("", final=True)
        if not self._has_text and not self._calls:
            raise ModelAnswerInvalid("an answer is empty")
        self.is_finished = True
        yield Finished(self._usage(response.usage), self._name(response.model))

    def _usage(self, usage: Any) -> Usage:
        return Usage(
            _count(usage, "input_tokens", else_by=_characters_of(self._request)),
            _count(usage, "output_tokens", else_by=self._characters),
        )

    def _name(self, name: object) -> str:
        return name if isinstance(name, str) and _NAME.fullmatch(name) else self._model


def _texts(items: Iterable[Any]) -> Iterable[object]:
    for item in items:
        if item.type == "message":
            for part in item.content:
                yield part.refusal if part.type == "refusal" else part.text


def _clean(text: object) -> str:
    """Returns a text of a call as it can be stored: without NUL and halves of characters."""
    if not isinstance(text, str):
        raise ModelAnswerInvalid("an answer has a call without a name, id or arguments")
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _count(usage: object, name: str, *, else_by: int) -> int:
    """Returns the tokens that a server has counted, or an estimate by characters."""
    count = getattr(usage, name, None)
    if type(count) is int and 0 < count <= MAX_TOKENS:
        return count
    return -(-else_by // CHARACTERS_PER_TOKEN)


def _characters_of(request: ModelRequest) -> int:
    sent = [*map(_item, request.items), *map(_tool, request.tools)]
    return len(request.instructions) + len(orjson.dumps(sent))


def _item(item: Item) -> ResponseInputItemParam:
    match item:
        case UserMessage(text):
            return EasyInputMessageParam(role="user", content=text)
        case AssistantMessage(text):
            return EasyInputMessageParam(role="assistant", content=text)
        case ToolCall():
            return ResponseFunctionToolCallParam(
                type="function_call", call_id=item.id, name=item.name, arguments=item.arguments
            )
        case ToolResult():
            return FunctionCallOutput(
                type="function_call_output", call_id=item.call_id, output=item.content
            )
        case _:
            assert_never(item)


def _tool(tool: Tool) -> FunctionToolParam:
    return FunctionToolParam(
        type="function",
        name=tool.name,
        description=tool.description,
        parameters=dict(tool.parameters),
        strict=True,
    )
