"""The table of phrases: how people ask for bookings, and what is to be understood.

A line is a phrase, what is expected, and where it differs the locale, the time and the opening
hours: `book friday 7pm for 4 | date=2026-12-04 start=19:00 party=4 | en-US open=06:00-23:00`. What
isn't named must be missing. Alternatives are separated by bars without spaces.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from domain.assistant.phrases.parsing import parse
from domain.assistant.phrases.requests import (
    DateRange,
    NamedRoom,
    ParsedRequest,
    RemarkCode,
    Situation,
)
from domain.core.local_time import LocalTime
from domain.venue.hours import LocalInterval

TABLES: Final = Path(__file__).parents[1] / "domain" / "assistant" / "phrases"
BERLIN: Final = ZoneInfo("Europe/Berlin")
ROOMS: Final = (NamedRoom("Disco Den", "Karaoke"), NamedRoom("Blue Room", "VIP"))
# A Wednesday.
NOW: Final = "2026-12-02T10:00"
OPEN: Final = "14:00-26:00"
SHOWN_GAPS: Final = (RemarkCode.PAST, RemarkCode.NO_SUCH_DATE, RemarkCode.SKIPPED_TIME)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A line of the table."""

    text: str
    language: str
    expected: Mapping[str, str]
    situation: Situation

    @property
    def parsed(self) -> ParsedRequest:
        return parse(self.text, self.situation)

    @property
    def is_right(self) -> bool:
        parsed = self.parsed
        return parsed.language == self.language and found(parsed) == self.expected


def phrases(language: str) -> list[Phrase]:
    """Returns the phrases of a language."""
    lines = (TABLES / f"{language}.txt").read_text("utf-8").splitlines()
    return [_phrase(language, *line.split(" | ")) for line in lines]


def situation(locale: str | None = None, now: str = NOW, hours: str = OPEN) -> Situation:
    """Returns where and when a phrase is written: in Berlin, at a venue open daily."""
    opens, closes = map(LocalTime.parse, hours.split("-"))
    opened = (LocalInterval(opens, closes),)
    at = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    return Situation(at, BERLIN, lambda _: opened, locale, ROOMS)


def found(parsed: ParsedRequest) -> dict[str, str]:
    """Returns what was understood in the words of the table."""
    return dict(_found(parsed))


def _found(parsed: ParsedRequest) -> Iterator[tuple[str, str]]:
    remarks = {each.code for each in (*parsed.missing, *parsed.doubts)}
    readings = parsed.alternatives
    if RemarkCode.REPEATED_TIME in remarks or parsed.dates is None:
        dates = [_span(each.dates) for each in readings if each.dates]
    else:
        dates = [_span(parsed.dates)]
    if RemarkCode.REPEATED_TIME not in remarks:
        dates = sorted(set(dates))
    starts = {str(each.start) for each in readings if each.start}
    if parsed.start:
        starts = {str(parsed.start)}
    hours, budget = parsed.hours, parsed.budget
    gaps = [str(each) for each in SHOWN_GAPS if each in remarks]
    yield from (
        (name, str(value))
        for name, value in {
            "date": "|".join(dates),
            "start": "|".join(sorted(starts)),
            "hours": hours and f"{hours.from_}-{hours.until}",
            "min": parsed.duration_minutes,
            "party": parsed.party_size,
            "room": parsed.room_name,
            "category": parsed.category,
            "budget": budget and f"{budget.amount}{budget.currency_code or ''}",
            "zone": parsed.time_zone,
            "gap": "".join(gaps),
        }.items()
        if value
    )


def _span(dates: DateRange) -> str:
    first, last = dates.first, dates.last
    return str(first) if first == last else f"{first}..{last}"


def _phrase(language: str, text: str, expected: str, given: str = "") -> Phrase:
    settings = dict(re.findall(r"(now|open)=(\S+)", given))
    locale = next((each for each in given.split() if "=" not in each), language)
    values = re.findall(r"([a-z]+)=(.*?)(?= [a-z]+=|$)", expected)
    return Phrase(
        text,
        language,
        {name: "|".join(sorted(value.split("|"))) for name, value in values},
        situation(locale, settings.get("now", NOW), settings.get("open", OPEN)),
    )
