"""The protocol of language models, and of the models that turn texts into vectors.

ModelError
├── ModelTimeout          no answer, or no more of it, in the time for it
├── ModelBusy             too many requests; repeat it later
├── ModelUnavailable      a failure at the provider, a cut stream, or no connection
├── ModelAnswerInvalid    an answer that can't be read, or an empty one
└── ModelAnswerTooLong    more than a client reads of one answer

A client repeats nothing by itself once a part of an answer has been returned.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.assistant.conversations import Provider as Provider


class ModelError(Exception):
    """A request to a model failed; the text is for the log, not for people who chat."""


class ModelTimeout(ModelError):
    """The model didn't begin its answer, or didn't go on with it, in time."""


class ModelBusy(ModelError):
    """The provider refuses requests for now."""

    def __init__(self, text: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class ModelUnavailable(ModelError):
    """The provider failed, can't be reached, or ended a stream before its end."""


class ModelAnswerInvalid(ModelError):
    """The answer can't be read, or has neither text nor a call of a tool."""


class ModelAnswerTooLong(ModelError):
    """The answer is longer than a client reads."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call; ``parameters`` is a strict JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the person wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """What the assistant answered before, with its markers of citations."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool; ``arguments`` is JSON as the model wrote it, which may be malformed."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call returned, as JSON. It is data, whatever it says."""

    call_id: str
    content: str


Item = UserMessage | AssistantMessage | ToolCall | ToolResult
"""An entry of a conversation. Each call stands before its result."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request for one round of a conversation: a text, calls of tools, or both.

    ``now`` is in the time zone of the venue. ``locale`` is a language tag such as ``de-CH``.
    """

    instructions: str
    items: Sequence[Item]
    tools: Sequence[Tool]
    locale: str
    now: datetime
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A further part of the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens that a round was charged for."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a round; ``model`` is the name that the provider gives for what answered."""

    usage: Usage
    model: str


ModelEvent = TextDelta | ToolCall | Finished


class LanguageModel(Protocol):
    """Answers one round of a conversation at a time."""

    @property
    def provider(self) -> Provider:
        """Who answers."""

    @property
    def model(self) -> str:
        """The name of the model, by which prices are found."""

    def respond(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Streams texts and complete calls of tools, then Finished. Raises ModelError.

        Closing the iterator ends the request.
        """

    async def close(self) -> None:
        """Closes connections."""


class Embeddings(Protocol):
    """Turns texts into vectors whose closeness is that of their meanings."""

    @property
    def model(self) -> str:
        """The name of the model; vectors of different models can't be compared."""

    @property
    def dimensions(self) -> int:
        """The number of dimensions of its vectors."""

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Returns a vector for each text, in order. Raises ModelError."""

    async def close(self) -> None:
        """Closes connections."""
