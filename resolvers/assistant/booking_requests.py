"""Requests for bookings as text: what a venue's callers ask for in their own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated

from typing_extensions import Doc

from domain.assistant.phrases.parsing import parse
from domain.assistant.phrases.remark_texts import remark_text
from domain.assistant.phrases.requests import (
    Budget,
    NamedRoom,
    ParsedRequest,
    Reading,
    Remark,
    RemarkCode,
    RequestConfidence,
    RequestPart,
    Situation,
)
from domain.assistant.wishes import PreferredHours
from domain.core.ids import RoomId
from domain.core.local_time import LocalTime, zone
from domain.core.text import PhraseText
from domain.venue.hours import LocalInterval
from kit.scope import Scope
from models.tenants import Tenant
from models.venue.rooms import Room
from resolvers.bookings.public_venue import public
from resolvers.bookings.venue_facts import VenueFacts, venue_facts
from resolvers.tenants.tenants import own_tenant

_TEXT = Annotated[
    PhraseText,
    Doc("The request in English, German, Spanish or French: at most 500 characters."),
]
_LOCALE = Annotated[
    str | None,
    Doc(
        "The language tag of the person, such as `en-GB`, which decides whether the day or the "
        "month comes first in `03/04`. The language of the text is recognised."
    ),
]


@dataclass(frozen=True, slots=True)
class RequestRemark:
    """A remark about a request, with its text."""

    part: RequestPart
    code: RemarkCode
    text: str


@dataclass(frozen=True, slots=True)
class RequestReading:
    """One way to read when a booking is to be."""

    first_date: date | None
    last_date: date | None
    start: LocalTime | None
    starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class ParsedBookingRequest:
    """A request for a booking, as it was understood."""

    language: str
    confidence: RequestConfidence
    first_date: date | None
    last_date: date | None
    start: LocalTime | None
    starts_at: datetime | None
    preferred_hours: PreferredHours | None
    duration_minutes: int | None
    party_size: int | None
    room: Room | None
    category: str | None
    budget: Budget | None
    named_time_zone: str | None
    missing: Sequence[RequestRemark]
    assumed: Sequence[RequestRemark]
    doubts: Sequence[RequestRemark]
    alternatives: Sequence[RequestReading]


async def parse_booking_request(
    scope: Scope, *, text: _TEXT, locale: _LOCALE = None
) -> ParsedBookingRequest:
    """Reads a request for a booking in natural language, without any language model.

    Nothing is guessed: a date that can be read in several ways is null, and all of them are
    `alternatives`. Opening hours decide whether 'half past seven' is in the morning or in the
    evening, if the venue is open at one of them only. Whether a room is free isn't checked: see
    `suggestTimes` and `availability`.
    """
    tenant, facts = await _venue(scope)
    situation = _situation(scope, tenant, facts, locale)
    return _shown(parse(text, situation), facts)


async def parse_booking_request_publicly(
    scope: Scope, venue: Tenant, *, text: _TEXT, locale: _LOCALE = None
) -> ParsedBookingRequest:
    """Reads a request for a booking in natural language, without any language model.

    A date that can be read in several ways is null, and all of them are `alternatives`.
    """
    return await parse_booking_request(public(scope, venue.id), text=text, locale=locale)


async def situation_of(scope: Scope, locale: str | None) -> Situation:
    """Returns where and when somebody writes to the scope's venue."""
    return _situation(scope, *await _venue(scope), locale)


async def _venue(scope: Scope) -> tuple[Tenant, VenueFacts | None]:
    """Returns the venue, and its facts unless they are too many to be kept."""
    facts, tenant = await venue_facts(scope), await own_tenant(scope)
    if facts is not None and facts.version < tenant.calendar_version:
        facts = await venue_facts(scope, at_least=tenant.calendar_version)
    return tenant, facts


def _situation(
    scope: Scope, tenant: Tenant, facts: VenueFacts | None, locale: str | None
) -> Situation:
    rooms = _rooms(facts)
    hours = [facts.rooms[id].hours for id in rooms] if facts else []

    @cache
    def opening_day(day: date) -> tuple[LocalInterval, ...]:
        return tuple({interval for each in hours for interval in each.opening_day(day)})

    named = [NamedRoom(room.name, room.category) for room in rooms.values()]
    return Situation(scope.now(), zone(tenant.time_zone), opening_day, locale, named)


def _rooms(facts: VenueFacts | None) -> Mapping[RoomId, Room]:
    every = facts.venue.rooms if facts else {}
    return {id: room for id, room in every.items() if room.archived_at is None}


def _shown(parsed: ParsedRequest, facts: VenueFacts | None) -> ParsedBookingRequest:
    room = next((each for each in _rooms(facts).values() if each.name == parsed.room_name), None)

    def texts(remarks: Sequence[Remark]) -> list[RequestRemark]:
        return [
            RequestRemark(each.part, each.code, remark_text(each, parsed.language))
            for each in remarks
        ]

    return ParsedBookingRequest(
        language=parsed.language,
        confidence=parsed.confidence,
        first_date=parsed.dates.first if parsed.dates else None,
        last_date=parsed.dates.last if parsed.dates else None,
        start=parsed.start,
        starts_at=parsed.starts_at,
        preferred_hours=parsed.hours,
        duration_minutes=parsed.duration_minutes,
        party_size=parsed.party_size,
        room=room,
        category=parsed.category,
        budget=parsed.budget,
        named_time_zone=parsed.time_zone,
        missing=texts(parsed.missing),
        assumed=texts(parsed.assumed),
        doubts=texts(parsed.doubts),
        alternatives=[_reading(each) for each in parsed.alternatives],
    )


def _reading(reading: Reading) -> RequestReading:
    dates = reading.dates
    return RequestReading(
        dates.first if dates else None,
        dates.last if dates else None,
        reading.start,
        reading.starts_at,
    )
