"""Scalars: how values look on the wire, and what is accepted."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from sqlalchemy import ColumnElement, Text, case, cast, func
from sqlalchemy.dialects.postgresql import TIMESTAMP
from strawberry.types.scalar import ScalarDefinition

from domain.core.local_time import LocalTime, RRule, TimeZone, zone
from domain.core.money import CURRENCY_CODES, CurrencyCode
from domain.core.percents import Percent
from domain.core.refusals import Refusal
from kit.events.event_cursors import EventCursor
from kit.graphql.input_errors import printed

Decimal = NewType("Decimal", str)
JSON = NewType("JSON", object)

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    # The digits of other scripts are digits to Python, and to no other reader of RFC 3339.
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Within these bounds no calendar arithmetic overflows, and no real request needs others.
_EARLIEST, _LATEST = 1970, 2200


def _refused(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _refused(f"{name} cannot represent a non string value: {printed(value)}")
    return value


def parse_date_time(value: object) -> datetime:
    """An RFC 3339 instant with its offset, cut to milliseconds."""
    return _instant(_text(value, "DateTime"))


# Calendars request the same week again and again. Only valid texts are kept, and these are short.
@lru_cache(1_000)
def _instant(text: str) -> datetime:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise _refused(
            "DateTime is an RFC 3339 instant with an offset, such as '2027-01-04T18:00:00Z'."
        )
    *fields, fraction, sign, hours, minutes = match.groups()
    try:
        local = datetime(*map(int, fields), tzinfo=UTC)  # type: ignore[arg-type,misc]
        if not _EARLIEST <= local.year < _LATEST:
            raise ValueError
        if sign and (int(hours) > 23 or int(minutes) > 59):
            raise ValueError
    except ValueError as error:
        raise _refused(f"DateTime is a real instant between {_EARLIEST} and {_LATEST}.") from error
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    instant = local - offset if sign != "-" else local + offset
    return instant + timedelta(milliseconds=int((fraction or "0").ljust(3, "0")[:3]))


def print_date_time(value: datetime) -> str:
    """UTC with a Z; no fraction, or exactly three digits."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds")
    fraction = text[19:23]
    return f"{text[:19]}{'' if fraction == '.000' else fraction}Z"


def parse_date(value: object) -> date:
    text = _text(value, "Date")
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        day = date.fromisoformat(text)
        if not _EARLIEST <= day.year < _LATEST:
            raise ValueError
    except ValueError as error:
        raise _refused("Date is a calendar date, such as '2027-01-04'.") from error
    return day


def parse_local_time(value: object) -> LocalTime:
    try:
        return LocalTime.parse(_text(value, "LocalTime"))
    except Refusal as error:
        raise _refused(error.message) from error


def parse_percent(value: object) -> Percent:
    try:
        return Percent.parse(_text(value, "Percentage"))
    except Refusal as error:
        raise _refused(error.message) from error


def parse_time_zone(value: object) -> str:
    try:
        return zone(_text(value, "TimeZone")).key
    except Refusal as error:
        raise _refused(error.message) from error


def parse_currency(value: object) -> str:
    text = _text(value, "CurrencyCode")
    if text not in CURRENCY_CODES:
        raise _refused("CurrencyCode is an ISO 4217 code in use, such as 'USD'.")
    return text


def _text_of(name: str) -> Callable[[object], str]:
    return lambda value: _text(value, name)


def _literal_of(parse: Callable[[object], Any]) -> Callable[..., Any]:
    """The same for a literal of a document; what is refused there has its place."""

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node, extensions=error.extensions) from error

    return parse_literal


def _scalar(
    name: str,
    description: str,
    parse: Callable[[object], Any],
    serialize: Callable[[Any], Any] = str,
    url: str | None = None,
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name,
        description=description,
        parse_value=parse,
        parse_literal=_literal_of(parse),
        serialize=serialize,
        specified_by_url=url,
    )


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    datetime: _scalar(
        "DateTime",
        "An instant in RFC 3339 format. Results are always in UTC, such as "
        "'2027-01-04T18:00:00Z'; inputs may have any UTC offset, but must have one.",
        parse_date_time,
        print_date_time,
        "https://datatracker.ietf.org/doc/html/rfc3339",
    ),
    date: _scalar(
        "Date",
        "A calendar date without a time zone, such as '2027-01-04'.",
        parse_date,
        date.isoformat,
    ),
    LocalTime: _scalar(
        "LocalTime",
        "A local time of day as 'HH:MM'. '24:00' to '30:00' are times of the next day, "
        "for closing after midnight.",
        parse_local_time,
    ),
    TimeZone: _scalar(
        "TimeZone", "The IANA name of a time zone, such as 'America/New_York'.", parse_time_zone
    ),
    CurrencyCode: _scalar(
        "CurrencyCode", "The ISO 4217 code of a currency, such as 'USD'.", parse_currency
    ),
    Percent: _scalar(
        "Percentage",
        "A percentage from 0 to 100 as a decimal string, such as '19' or '8.875'.",
        parse_percent,
    ),
    Decimal: _scalar(
        "Decimal", "An exact decimal number as a string, such as '29.00'.", _text_of("Decimal")
    ),
    EventCursor: _scalar(
        "EventCursor",
        "An opaque position in the tenant's event log, from which a subscription can resume.",
        _text_of("EventCursor"),
    ),
    RRule: _scalar(
        "RRule",
        "A recurrence rule of RFC 5545 without DTSTART, such as 'FREQ=WEEKLY;BYDAY=TU;COUNT=10'. "
        "FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, and COUNT or UNTIL is required; INTERVAL, "
        "BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST are supported. At most 366 occurrences "
        "within 24 months.",
        _text_of("RRule"),
        url="https://datatracker.ietf.org/doc/html/rfc5545#section-3.3.10",
    ),
    JSON: _scalar("JSON", "Any JSON value.", lambda value: value, lambda value: value),
}


# ------------------------------------------------------------------------------ in SQL


def _instant_in_sql(value: ColumnElement[Any]) -> ColumnElement[str]:
    utc = func.timezone("UTC", value)
    # A quarter of the time that a pattern takes; a page of bookings has hundreds of them.
    whole = func.replace(cast(utc, Text), " ", "T", type_=Text()).concat("Z")
    is_whole = cast(value, TIMESTAMP(timezone=True, precision=0)) == value
    pattern = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
    return case((is_whole, whole), else_=func.to_char(utc, pattern, type_=Text()))


def _as_it_is(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return value


IN_SQL: Final[Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[Any]]]] = {
    "DateTime": _instant_in_sql,
    **dict.fromkeys(
        (
            "Boolean",
            "CurrencyCode",
            "Date",
            "Decimal",
            "EventCursor",
            "ID",
            "Int",
            "LocalTime",
            "Percentage",
            "RRule",
            "String",
            "TimeZone",
        ),
        _as_it_is,
    ),
}
"""How PostgreSQL prints a scalar just as it is serialised here."""
