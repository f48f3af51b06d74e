"""What a conversation has come to: the intent, and what all messages together ask for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from domain.assistant.phrases.parsing import parse
from domain.assistant.phrases.requests import (
    NamedRoom,
    ParsedRequest,
    Reading,
    RequestConfidence,
    Situation,
)
from domain.core.local_time import LocalTime
from domain.core.refusals import Refusal
from domain.core.text import MAX_PHRASE_LENGTH
from domain.venue.hours import LocalInterval
from integrations.assistant.local_intents import (
    Intent,
    asks_what_is_free,
    choice_of,
    goes_on_from_before,
    intent_of,
    reference_in,
    references_in,
    wants_booking,
)
from integrations.assistant.local_texts import is_offer, is_proposal
from integrations.assistant.protocol import (
    AssistantMessage,
    ModelRequest,
    ToolCall,
    ToolResult,
    UserMessage,
)

# What an answer to a question goes on with, and what "and on Sunday?" does.
_ASKING: Final = (Intent.TIMES, Intent.MOVE, Intent.CANCEL, Intent.WHY, Intent.PRICE)
_CONTINUED: Final = (*_ASKING, Intent.HOURS, Intent.ARRIVALS, Intent.BOOKINGS)
_OF_BOOKINGS: Final = (Intent.MOVE, Intent.CANCEL)
_VAGUE: Final = (Intent.TIMES, Intent.QUESTION)


@dataclass(frozen=True, slots=True)
class Called:
    """A call of the current turn, and what it returned."""

    name: str
    content: Mapping[str, Any]

    @property
    def error(self) -> str | None:
        """Returns the message of an error."""
        error = self.content.get("error")
        return str(error.get("message", "")) if isinstance(error, dict) else None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a conversation has come to.

    ``question`` is the last message. ``is_offered`` if it answers an offer of times, of which
    ``choice`` is the chosen one, from 0 on; ``is_order`` if the person wants to book, rather than
    to know. ``reference`` is that of the booking that is talked about.
    """

    intent: Intent
    question: str
    request: ParsedRequest
    is_offered: bool
    is_order: bool
    choice: int | None
    reference: str | None


def dialogue(request: ModelRequest, facts: Mapping[str, Any]) -> Dialogue:
    """Returns what a conversation has come to, by what is known of the venue."""
    situation = _situation(request, facts)
    intent, known, answered = Intent.QUESTION, None, ""
    question, is_order, choice, reference = "", False, None, None
    for item in request.items:
        if isinstance(item, AssistantMessage):
            answered = item.text.strip()
        if not isinstance(item, UserMessage):
            continue
        language = known.language if known else request.locale
        locale = request.locale if request.locale.startswith(language) else language
        question = item.text.strip()
        parsed = parse(question[:MAX_PHRASE_LENGTH], replace(situation, locale=locale))
        is_understood = parsed.confidence is not RequestConfidence.NOT_UNDERSTOOD
        found = intent_of(question, asks_for_booking=is_understood)
        choice = choice_of(question)
        says_more = is_understood or choice is not None or reference_in(question) is not None
        # A question that says nothing of what was asked for is about something else.
        is_answer = says_more if question.endswith("?") or is_proposal(answered) else True
        goes_on = (
            (intent in _ASKING and (answered.endswith("?") or is_proposal(answered)) and is_answer)
            or (intent in _CONTINUED and goes_on_from_before(question))
        ) and found in (*_VAGUE, intent)
        if intent in _OF_BOOKINGS and asks_what_is_free(question):
            goes_on = False
        if known is not None and goes_on:
            if choice is not None and is_offer(answered):
                parsed = _without_ordinal(parsed, choice)
            known = _merged(known, parsed, choice)
            is_order = is_order or wants_booking(question)
            shown = references_in(answered) if intent in _OF_BOOKINGS else []
            reference = reference_in(question) or _meant(shown, choice) or reference
        else:
            intent, known, is_order = found, parsed, wants_booking(question)
            reference = reference_in(question)
    assert known is not None, "a conversation has a message"
    if intent is Intent.WHY and len(known.alternatives) == 1:
        # "Why not on Friday": the doubt about "not" is the question itself.
        known = _decided(known, known.alternatives[0])
    return Dialogue(
        intent,
        question,
        known,
        is_offered=is_offer(answered),
        is_order=is_order or choice is not None,
        choice=choice,
        reference=reference,
    )


def called(request: ModelRequest) -> list[Called]:
    """Returns the calls since the last message, with what they returned, in order."""
    names: dict[str, str] = {}
    found: list[Called] = []
    for item in request.items:
        match item:
            case UserMessage():
                found = []
            case ToolCall(id, name, _):
                names[id] = name
            case ToolResult(call_id, content):
                found.append(Called(names.get(call_id, ""), _read(content)))
            case _:
                pass
    return found


def _read(content: str) -> Mapping[str, Any]:
    try:
        read = json.loads(content)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"error": {"message": ""}}


def _situation(request: ModelRequest, facts: Mapping[str, Any]) -> Situation:
    hours: dict[date, list[LocalInterval]] = {}
    for each in facts.get("hours", []):
        day = date.fromisoformat(each["date"])
        hours.setdefault(day, []).extend(filter(None, map(_interval, each["open"])))
    weekdays = {day.weekday(): intervals for day, intervals in hours.items()}

    def opening_day(day: date) -> Sequence[LocalInterval]:
        return hours.get(day) or weekdays.get(day.weekday(), [])

    rooms = [NamedRoom(each["name"]) for each in facts.get("rooms", [])]
    zone: Any = request.now.tzinfo
    return Situation(request.now, zone, opening_day, request.locale, rooms)


def _interval(text: str) -> LocalInterval | None:
    opens, _, closes = text.partition("-")
    try:
        return LocalInterval(LocalTime.parse(opens), LocalTime.parse(closes))
    except Refusal:
        return None


def _merged(known: ParsedRequest, new: ParsedRequest, choice: int | None) -> ParsedRequest:
    """Returns what was known with what an answer says, which counts more."""
    alternatives = known.alternatives
    if choice is not None and choice < len(alternatives):
        known, new = _decided(known, alternatives[choice]), replace(new, dates=None, start=None)
    elif alternatives and (fit := [each for each in alternatives if _fits(each, new)]):
        known = _decided(known, fit[0]) if len(fit) == 1 else known
        # "In the evening" has decided about a time that was said before.
        new = replace(new, hours=None if known.start else new.hours, alternatives=())
    if new.dates or new.alternatives:
        known = replace(known, dates=None, starts_at=None, alternatives=())
    return replace(
        known,
        language=new.language if new.confidence is not _NOT_UNDERSTOOD else known.language,
        dates=new.dates or known.dates,
        start=None if new.hours else new.start or known.start,
        hours=new.hours or (None if new.start else known.hours),
        duration_minutes=new.duration_minutes or known.duration_minutes,
        party_size=new.party_size or known.party_size,
        room_name=new.room_name or known.room_name,
        budget=new.budget or known.budget,
        missing=new.missing if new.dates or not known.dates else (),
        doubts=new.doubts or known.doubts,
        alternatives=new.alternatives or known.alternatives,
    )


def _without_ordinal(new: ParsedRequest, choice: int) -> ParsedRequest:
    """Returns what a choice says else: "the first" is the first of the offers, not of a month."""
    if new.dates is None or new.dates.first.day != choice + 1:
        return new
    return replace(new, dates=None, starts_at=None)


def _meant(shown: Sequence[str], choice: int | None) -> str | None:
    """Returns the reference that is meant of those that an answer has shown."""
    if len(shown) == 1:
        return shown[0]
    return shown[choice] if choice is not None and choice < len(shown) else None


_NOT_UNDERSTOOD: Final = RequestConfidence.NOT_UNDERSTOOD


def _decided(known: ParsedRequest, reading: Reading) -> ParsedRequest:
    return replace(
        known,
        dates=reading.dates or known.dates,
        start=reading.start or known.start,
        alternatives=(),
        doubts=(),
    )


def _fits(reading: Reading, new: ParsedRequest) -> bool:
    if new.dates and reading.dates != new.dates:
        return False
    if new.start and reading.start != new.start:
        return False
    if new.hours and reading.start:
        return new.hours.from_ <= reading.start <= new.hours.until
    return bool(new.dates or new.start)
