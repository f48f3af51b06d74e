"""A turn: the rounds of a model and its calls of tools, from a person's message to the answer.

No transaction is open while a model answers. Whatever goes wrong, the answer is stored with what
there is of it and a sentence that says so, and the conversation goes on.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Final, cast

import structlog

from domain.assistant.citations import AnswerText, Source
from domain.assistant.conversations import (
    MAX_ANSWER_LENGTH,
    MAX_CALLS,
    MAX_OUTPUT_TOKENS,
    MAX_ROUNDS,
    ROUND_SECONDS,
    TURN_SECONDS,
)
from domain.assistant.conversations import MessageOutcome as M
from domain.assistant.instructions import instructions
from domain.assistant.recital import Recital
from domain.assistant.wording import failure_text
from integrations.assistant.protocol import (
    AssistantMessage,
    Finished,
    Item,
    LanguageModel,
    ModelAnswerInvalid,
    ModelAnswerTooLong,
    ModelBusy,
    ModelError,
    ModelRequest,
    ModelTimeout,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
)
from kit.actor import Actor
from permissions.policy import is_guest
from resolvers.accounts.authentication import actor_of_creator
from resolvers.assistant.live_messages import LiveMessage, LiveMessages
from resolvers.assistant.toolbox import TOOLS
from resolvers.assistant.tools import Caller, call_tool, failure

ANSWER_POINTS: Final = 20
"""The points of a round of a model."""
_FAILURES: Final[Mapping[type[ModelError], M]] = {
    ModelTimeout: M.TIMED_OUT,
    ModelBusy: M.BUSY,
    ModelAnswerInvalid: M.INVALID,
    ModelAnswerTooLong: M.TOO_LONG,
}
_NO_MORE: Final = failure("TOO_MANY_CALLS", "No more calls: answer with what you have.")

log = structlog.get_logger(__name__)


class _Stopped(Exception):
    def __init__(self, outcome: M) -> None:
        self.outcome = outcome


@dataclass(slots=True)
class Turn:
    """What one turn has come to; ``charge`` charges points to the caller."""

    caller: Caller
    live: LiveMessage
    answer: AnswerText
    charge: Callable[[int], object]
    items: list[Item]
    tools: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage = Usage(0, 0)
    model: str = ""
    outcome: M = M.ANSWERING
    latency_ms: int = 0

    @classmethod
    def of(
        cls,
        caller: Caller,
        live: LiveMessage,
        *,
        history: Sequence[Item],
        known: dict[str, Source],
        text: str,
        charge: Callable[[int], object],
    ) -> "Turn":
        return cls(caller, live, AnswerText(known), charge, [*history, UserMessage(text)])

    async def run(self) -> None:
        """Runs the turn to its end, within a minute. Raises nothing but CancelledError."""
        began = perf_counter()
        model = cast("LanguageModel", self.caller.runtime.services[LanguageModel])
        self.model = model.model
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._rounds(model)
            self.outcome = M.ANSWERED
        except _Stopped as stopped:
            self.outcome = stopped.outcome
        except TimeoutError:
            self.outcome = M.TIMED_OUT
        except ModelError as error:
            self.outcome = _FAILURES.get(type(error), M.UNAVAILABLE)
            log.warning(
                "assistant.failed", reason=type(error).__name__, request=self.caller.request.id
            )
        except asyncio.CancelledError:
            self.outcome = M.UNAVAILABLE
            raise
        except Exception:
            self.outcome = M.UNAVAILABLE
            log.exception("assistant.crashed", request=self.caller.request.id)
        finally:
            self.latency_ms = int((perf_counter() - began) * 1000)
            self._show(self.answer.end())
            if self.outcome is not M.ANSWERED:
                pause = "\n\n" if self.answer.length else ""
                self._write(pause + failure_text(self.outcome, self.caller.locale))

    # ------------------------------------------------------------------ rounds

    async def _rounds(self, model: LanguageModel) -> None:
        left = MAX_CALLS
        for _ in range(MAX_ROUNDS):
            calls = await self._round(model, may_call=left > 0)
            if not calls:
                if not self.answer.length:
                    raise _Stopped(M.INVALID)
                return
            if left <= 0:
                break
            for call in calls:
                self.items.append(call)
                printed = await self._called(call) if left > 0 else _NO_MORE.printed()
                self.items.append(ToolResult(call.id, printed))
                left -= 1
        raise _Stopped(M.TOO_MANY_CALLS)

    async def _round(self, model: LanguageModel, *, may_call: bool) -> list[ToolCall]:
        """Runs one round; returns the calls that the model wants."""
        caller = self.caller
        now = caller.runtime.clock().astimezone(caller.zone)
        declared = [each.declared for each in TOOLS.values() if each.is_for(caller.actor)]
        request = ModelRequest(
            instructions(
                caller.tenant.name,
                who=_described(caller.actor),
                locale=caller.locale,
                now=now,
                currency_code=caller.tenant.currency_code,
            ),
            tuple(self.items),
            declared if may_call else [],
            caller.locale,
            now,
            MAX_OUTPUT_TOKENS,
        )
        recital = Recital(request.instructions)
        self.charge(ANSWER_POINTS)
        calls: list[ToolCall] = []
        before = self.answer.length
        async with asyncio.timeout(ROUND_SECONDS), aclosing(_events(model, request)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        if recital.has_begun(text):
                            raise _Stopped(M.INVALID)
                        if self.answer.length == before and before:
                            self._write("\n")
                        self._write(text)
                    case ToolCall():
                        calls.append(event)
                        if len(calls) > 2 * MAX_CALLS:
                            raise _Stopped(M.TOO_MANY_CALLS)
                    case Finished(usage, name):
                        self.model = name or self.model
                        self.usage = Usage(
                            self.usage.input_tokens + usage.input_tokens,
                            self.usage.output_tokens + usage.output_tokens,
                        )
                        return self._with_text(before, calls)
        raise ModelError("the answer has no end")

    def _with_text(self, before: int, calls: list[ToolCall]) -> list[ToolCall]:
        """Adds what was written in a round to what the model reads in the next one."""
        if calls and self.answer.length > before:
            self.items.append(AssistantMessage(self.live.text_from(before)))
        return calls

    def _write(self, text: str) -> None:
        if self.answer.length + len(text) > MAX_ANSWER_LENGTH and self.outcome is M.ANSWERING:
            self._show(self.answer.feed(text[: MAX_ANSWER_LENGTH - self.answer.length]))
            raise _Stopped(M.TOO_LONG)
        self._show(self.answer.feed(text))

    def _show(self, text: str) -> None:
        if text:
            messages = cast("LiveMessages", self.caller.runtime.services[LiveMessages])
            messages.add(self.live, text)

    # ------------------------------------------------------------------ tools

    async def _called(self, call: ToolCall) -> str:
        """Runs a call with the caller's permissions of now; returns the result as JSON."""
        began = perf_counter()
        self.caller = replace(self.caller, actor=await self._actor_now())
        if (spec := TOOLS.get(call.name)) is not None:
            self.charge(spec.points)
        try:
            result = await call_tool(TOOLS, self.caller, call.name, call.arguments)
        except Exception:
            log.exception("assistant.tool_failed", tool=call.name, request=self.caller.request.id)
            result = failure("INTERNAL", "This can't be looked up now.")
        self.answer.known.update({each.id: each for each in result.sources})
        self.tools.append(
            {
                "name": call.name if call.name in TOOLS else "unknown",
                "ok": not result.is_error,
                "ms": int((perf_counter() - began) * 1000),
            }
        )
        return result.printed()

    async def _actor_now(self) -> Actor:
        """Returns the caller with the role of now. Stops the turn if their account was closed."""
        caller = self.caller
        if caller.actor.user_id is None:
            return caller.actor
        async with caller.reading() as scope:
            found = await actor_of_creator(scope, caller.actor.user_id, None)
        if found is None:
            raise _Stopped(M.ENDED)
        return replace(found, session_id=caller.actor.session_id)


async def _events(model: LanguageModel, request: ModelRequest) -> Any:
    events = model.respond(request)
    try:
        async for event in events:
            yield event
    finally:
        if (close := getattr(events, "aclose", None)) is not None:
            await close()


def _described(actor: Actor) -> str:
    if is_guest(actor):
        return "a guest, who has no account"
    return (
        "a customer" if actor.own_id is not None or actor.role == "customer" else "one of the team"
    )
