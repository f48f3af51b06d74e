"""Parses a text that asks for a booking, in any of the languages."""

import re
from collections.abc import Sequence
from typing import Final

from domain.assistant.phrases.amounts import find_budget, find_duration, find_party
from domain.assistant.phrases.clocks import find_part_of_day, find_time
from domain.assistant.phrases.dates import combined, find_dates
from domain.assistant.phrases.days import DateOrder, Days
from domain.assistant.phrases.english import ENGLISH
from domain.assistant.phrases.french import FRENCH
from domain.assistant.phrases.german import GERMAN
from domain.assistant.phrases.grammars import Grammar
from domain.assistant.phrases.requests import (
    NamedRoom,
    ParsedRequest,
    Remark,
    RemarkCode,
    RequestConfidence,
    RequestPart,
    Situation,
)
from domain.assistant.phrases.resolution import resolve
from domain.assistant.phrases.spanish import SPANISH
from domain.assistant.phrases.text import UnreadText, in_language, prepared
from domain.assistant.phrases.zones import find_zone
from domain.core.text import search_form

GRAMMARS: Final = {each.language: each for each in (ENGLISH, GERMAN, SPANISH, FRENCH)}

# Where English is written with the day first; elsewhere both orders are in use.
_DAY_FIRST: Final = frozenset({"GB", "IE", "AU", "NZ", "IN", "SG", "MT"})
_SUNDAY: Final = 6


def parse(text: str, situation: Situation) -> ParsedRequest:
    """Returns the request in a text, as far as it can be understood without guessing.

    A date that can be read in several ways is never chosen: all of them are returned as
    alternatives.
    """
    plain = prepared(text)
    grammar = GRAMMARS[language_of_text(plain, situation.locale)]
    unread = UnreadText(plain)
    room_name, category = _rooms(unread, situation.rooms)
    unread.text, was_corrected = in_language(unread.text, grammar)
    zone = find_zone(unread, text, grammar)
    budget = find_budget(unread, grammar)
    mentions = find_dates(unread, grammar, _days(situation, grammar))
    part = find_part_of_day(unread, grammar)
    time = find_time(unread, grammar, part)
    duration, duration_assumed = find_duration(unread, grammar)
    duration = duration or time.duration_minutes
    party, party_assumed = find_party(unread, grammar)

    is_cautious = bool(unread.take(grammar.compiled(grammar.cautions)))
    mention = combined(mentions, _days(situation, grammar))
    when = resolve(mention, time, zone, situation, is_all_read=not is_cautious)
    said = {
        RequestPart.DATE: bool(when.dates or when.has_dates),
        RequestPart.START: bool(when.start or when.hours or when.has_starts),
        RequestPart.DURATION: duration is not None,
        RequestPart.PARTY: party is not None,
    }
    is_understood = any(said.values()) or bool(room_name or category or budget or when.problem)
    if when.alternatives:
        confidence = RequestConfidence.AMBIGUOUS
    elif is_understood:
        confidence = RequestConfidence.CONFIDENT
    else:
        confidence = RequestConfidence.NOT_UNDERSTOOD
    assumed = list(when.assumed)
    if duration_assumed:
        assumed.append(Remark(RequestPart.DURATION, duration_assumed))
    if party_assumed:
        assumed.append(Remark(RequestPart.PARTY, party_assumed))
    if was_corrected and mentions:
        assumed.insert(0, Remark(RequestPart.DATE, RemarkCode.SPELLING))
    missing = [
        Remark(part, (part is RequestPart.DATE and when.problem) or RemarkCode.NOT_SAID)
        for part, is_said in said.items()
        if not is_said
    ]
    return ParsedRequest(
        language=grammar.language,
        confidence=confidence,
        dates=when.dates,
        start=when.start,
        starts_at=when.starts_at,
        hours=when.hours,
        duration_minutes=duration,
        party_size=party,
        room_name=room_name,
        category=category,
        budget=budget,
        time_zone=zone.name if zone else None,
        missing=tuple(missing),
        assumed=tuple(assumed),
        doubts=when.doubts,
        alternatives=when.alternatives,
    )


def language_of_text(plain: str, locale: str | None) -> str:
    """Returns the language most of whose words occur; the locale's one, if several do so."""
    words = re.findall(r"[a-z']+", plain)
    preferred = (locale or "").replace("_", "-").partition("-")[0].lower()

    def score(grammar: Grammar) -> tuple[int, bool, bool]:
        known = sum(word in grammar.words for word in words)
        return known, grammar.language == preferred, grammar is ENGLISH

    return max(GRAMMARS.values(), key=score).language


def _days(situation: Situation, grammar: Grammar) -> Days:
    today = situation.today
    is_english = grammar is ENGLISH
    return Days(
        today=today,
        order=_order(situation.locale, grammar),
        week_may_have_begun=is_english and today.weekday() == _SUNDAY,
        vague_days=grammar.vague_days,
    )


def _order(locale: str | None, grammar: Grammar) -> DateOrder | None:
    language, _, region = (locale or "").replace("_", "-").partition("-")
    region = region.rpartition("-")[2].upper()
    if region == "US":
        return DateOrder.MONTH_FIRST if grammar is ENGLISH else None
    if grammar is ENGLISH and language.lower() in ("", "en"):
        return DateOrder.DAY_FIRST if region in _DAY_FIRST else None
    return DateOrder.DAY_FIRST


def _rooms(text: UnreadText, rooms: Sequence[NamedRoom]) -> tuple[str | None, str | None]:
    """Returns the room and the category that the text names, as the venue writes them."""
    names = {search_form(each.name): each.name for each in rooms}
    categories = {search_form(each.category): each.category for each in rooms if each.category}
    return _named(text, names), _named(text, categories)


def _named(text: UnreadText, names: dict[str, str]) -> str | None:
    for name in sorted(names, key=len, reverse=True):
        if name and text.take(re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")):
            return names[name]
    return None
