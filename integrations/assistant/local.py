"""A language model that is none: it answers by rules, without a key or a network.

It understands less than a model does, and says so. The same conversation always gets the same
answer, by the same tools, so that everything can be tried without a provider.
"""

import json
from collections.abc import AsyncIterator
from typing import Final

from integrations.assistant.local_answers import next_step
from integrations.assistant.local_steps import Call
from integrations.assistant.protocol import (
    Finished,
    ModelEvent,
    ModelRequest,
    Provider,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
)

_PIECE: Final = 24


class LocalModel:
    """Answers in English, German, Spanish and French by the rules of this server."""

    provider = Provider.LOCAL
    model = "local"

    async def respond(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Streams a text in pieces, or one call of a tool, then Finished. Costs no tokens."""
        step = next_step(request)
        if isinstance(step, Call):
            made = sum(isinstance(each, ToolResult) for each in request.items)
            # As the letters that they are: escaped ones are six times as long.
            arguments = json.dumps(step.arguments, ensure_ascii=False)
            yield ToolCall(f"local_{made + 1}", step.name, arguments)
        else:
            for start in range(0, len(step), _PIECE):
                yield TextDelta(step[start : start + _PIECE])
        yield Finished(Usage(input_tokens=0, output_tokens=0), self.model)

    async def close(self) -> None:
        """Has nothing to close."""
