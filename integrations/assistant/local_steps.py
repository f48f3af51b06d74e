"""The steps of the local assistant, and what one is decided by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

from integrations.assistant.local_dialogue import Called, Dialogue
from integrations.assistant.local_texts import Words


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool."""

    name: str
    arguments: Mapping[str, Any]


Step = Call | str
"""A call of a tool, or the text of an answer with the markers of its citations."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the next step is decided by; ``done`` are the calls since the last message."""

    dialogue: Dialogue
    words: Words
    facts: Mapping[str, Any]
    tools: Collection[str]
    done: Sequence[Called]
    today: date

    def results(self, name: str) -> list[Mapping[str, Any]]:
        """Returns what the calls of a tool returned, in order."""
        return [each.content for each in self.done if each.name == name]

    def result(self, name: str) -> Mapping[str, Any] | None:
        """Returns what the last call of a tool returned; None if there was none."""
        return next(iter(self.results(name)[::-1]), None)

    def with_facts(self, facts: Mapping[str, Any]) -> Self:
        """Returns the same with what is known of the venue in other days."""
        return replace(self, facts=facts)

    def listed(self, key: str, lines: Sequence[str], *, then: str | None = None) -> str:
        """Returns lines under a text, and perhaps a question after them."""
        shown = [self.words.text(key), *lines]
        return "\n".join([*shown, self.words.text(then)] if then else shown)
