"""Conversations with the assistant: their messages, their limits, and what a model is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

KEPT_FOR: Final = timedelta(days=90)
"""How long conversations are kept after their last message."""

MAX_CALLS: Final = 8
"""How often the assistant looks something up for one answer."""
MAX_ROUNDS: Final = MAX_CALLS + 2
TURN_SECONDS: Final = 60.0
ROUND_SECONDS: Final = 30.0
MAX_ANSWER_LENGTH: Final = 8_000
MAX_OUTPUT_TOKENS: Final = 2_000
MAX_RESULT_LENGTH: Final = 6_000
"""How much of a tool's result a model is sent, in characters."""
MAX_ARGUMENTS_LENGTH: Final = 8_000
HISTORY_LENGTH: Final = 12_000
"""How much of a conversation a model is sent, in characters; the latest messages first."""
HISTORY_MESSAGES: Final = 20
TITLE_LENGTH: Final = 80
STALE_AFTER: Final = timedelta(seconds=2 * TURN_SECONDS)
"""After this time an answer that isn't complete will not be: its process has ended."""


class Provider(StrEnum):
    """Who answers: a model behind an API like OpenAI's, or the rules of this server."""

    OPENAI = "OPENAI"
    LOCAL = "LOCAL"


class MessageRole(StrEnum):
    """Who wrote a message."""

    USER = "USER"
    ASSISTANT = "ASSISTANT"


class MessageOutcome(StrEnum):
    """What became of an answer."""

    ANSWERING = "ANSWERING"
    ANSWERED = "ANSWERED"
    TIMED_OUT = "TIMED_OUT"
    BUSY = "BUSY"
    UNAVAILABLE = "UNAVAILABLE"
    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message as a model reads it later, with the markers of what it cites."""

    role: MessageRole
    text: str


def recent(messages: Sequence[PastMessage]) -> list[PastMessage]:
    """Returns the latest messages that a model is sent, in order, without empty ones."""
    kept: list[PastMessage] = []
    left = HISTORY_LENGTH
    for each in reversed([each for each in messages if each.text][-HISTORY_MESSAGES:]):
        left -= len(each.text)
        if left < 0:
            break
        kept.append(each)
    return kept[::-1]


def title_of(text: str) -> str:
    """Returns the first words of a message, by which a conversation is recognised in a list."""
    words = " ".join(text.split())
    if len(words) <= TITLE_LENGTH:
        return words
    return words[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"
