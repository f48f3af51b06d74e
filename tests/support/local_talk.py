"""Conversations with the local assistant, with tools that return what a test gives."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from integrations.assistant.local import LocalModel
from integrations.assistant.protocol import (
    AssistantMessage,
    Finished,
    Item,
    ModelRequest,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    UserMessage,
)

# A Wednesday.
NOW: Final = datetime(2026, 12, 2, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
TOOLS: Final = [
    "find_free_times",
    "suggest_times",
    "explain_slot",
    "my_bookings",
    "get_quote",
    "search_articles",
    "venue_facts",
    "analytics_summary",
    "propose_booking",
    "propose_reschedule",
    "propose_cancellation",
    "propose_ticket",
]
FACTS: Final = {
    "venue": {"name": "Boom", "time_zone": "Europe/Berlin", "currency": "EUR"},
    "hours": [
        {"id": f"hours:2026-12-0{day}", "date": f"2026-12-0{day}", "open": ["14:00-26:00"]}
        for day in range(2, 9)
    ],
    "rooms": [
        {
            "id": "room:1",
            "room_id": "1",
            "name": "Blue Room",
            "capacity": 8,
            "hourly_rate": "38.00 EUR",
        },
        {
            "id": "room:2",
            "room_id": "2",
            "name": "Disco Den",
            "capacity": 12,
            "hourly_rate": "48.00 EUR",
        },
    ],
    "policies": [],
}
SLOTS: Final = [
    {
        "id": "slot:2/2026-12-11T19:00/60",
        "room": "Disco Den",
        "room_id": "2",
        "start": "2026-12-11T19:00",
        "end": "2026-12-11T20:00",
        "price": "48.00 EUR",
        "reasons": [],
    },
    {
        "id": "slot:1/2026-12-11T20:00/60",
        "room": "Blue Room",
        "room_id": "1",
        "start": "2026-12-11T20:00",
        "end": "2026-12-11T21:00",
        "price": "38.00 EUR",
        "reasons": [],
    },
]
BOOKING: Final = {
    "id": "booking:D967-HBX2",
    "reference": "D967-HBX2",
    "status": "CONFIRMED",
    "room": "Blue Room",
    "start": "2026-12-05T20:00",
    "end": "2026-12-05T21:00",
    "party_size": 4,
    "price": "38.00 EUR",
    "customer": None,
}
OTHER: Final = BOOKING | {"id": "booking:K2M4-PQ7Z", "reference": "K2M4-PQ7Z"}


def proposal(kind: str, start: str = "2026-12-11T20:00") -> dict[str, Any]:
    summary = {"text": "Blue Room, 20:00–21:00", "start": start, "end": start}  # noqa: RUF001
    return {
        "proposal": {"id": "proposal:9", "kind": kind, "summary": summary, "price": "38.00 EUR"}
    }


@dataclass
class Conversation:
    """A conversation in which the tools return what is given, and remember their arguments."""

    results: Mapping[str, Any]
    locale: str = "en"
    tools: list[str] = field(default_factory=lambda: TOOLS)
    items: list[Item] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def says(self, text: str) -> str:
        """Returns the answer to a message. Later rounds see messages only, without calls."""
        self.calls = []
        before = [*self.items, UserMessage(text)]
        answer, items = "", list(before)
        for _ in range(9):
            answer = ""
            made = []
            async for event in LocalModel().respond(self.request(items)):
                match event:
                    case TextDelta(piece):
                        answer += piece
                    case ToolCall():
                        made.append(event)
                    case Finished():
                        pass
            for call in made:
                self.calls.append((call.name, json.loads(call.arguments)))
                result = {**self.results[call.name], "citations": []}
                items += [call, ToolResult(call.id, json.dumps(result))]
            if not made:
                break
        self.items = [*before, AssistantMessage(re.sub(r"\[\[.*?\]\]", "", answer))]
        return answer

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]

    def request(self, items: list[Item]) -> ModelRequest:
        tools = [Tool(name, name, {}) for name in self.tools]
        return ModelRequest("", items, tools, self.locale, NOW, 1_000)
