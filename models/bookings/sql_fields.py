"""Fields of bookings that are computed in SQL, with the same results as in Python."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Text,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from domain.bookings.lifecycle import Status
from kit.graphql.field_sources import Value, Values
from models.core.sql_fields import money
from models.core.zone_clocks import utc_offset, wall_clock
from models.venue.sql_fields import time_zone


def status(scope: Any, booking: Any) -> ColumnElement[str]:
    """A hold past its time is expired."""
    is_stale = and_(booking.status == Status.HELD.value, booking.hold_expires_at <= scope.now())
    return case((is_stale, literal(Status.EXPIRED.value)), else_=booking.status)


def seats(_: Any, booking: Any) -> ColumnElement[int]:
    """How many seats a booking takes; null: all of its room."""
    return func.cardinality(booking.seat_numbers)


def local(scope: Any, booking: Any) -> Value:
    """The venue's wall clock at the ends of a booking."""
    zone = time_zone(scope, booking)
    return Value(
        time_zone=zone,
        start=wall_clock(zone, booking.starts_at),
        end=wall_clock(zone, booking.ends_at),
        utc_offset_start=utc_offset(zone, booking.starts_at),
        utc_offset_end=utc_offset(zone, booking.ends_at),
    )


def breakdown(_: Any, booking: Any) -> Value:
    """A booking's price, line by line."""
    currency_code = booking.currency_code
    lines = func.jsonb_array_elements(booking.price_lines).table_valued(
        column("line", JSONB()), with_ordinality="n", name="lines"
    )
    lines = lines.render_derived()
    taxes = func.jsonb_array_elements(booking.price_sums.op("->")("taxes")).table_valued(
        column("tax", JSONB()), with_ordinality="n", name="taxes"
    )
    taxes = taxes.render_derived()

    def sum_of(name: str, otherwise: Any) -> Value:
        stored = cast(_text(booking.price_sums, name), BigInteger)
        return money(func.coalesce(stored, otherwise), currency_code)

    return Value(
        present=and_(booking.price_lines.is_not(None), booking.price_minor.is_not(None)),
        lines=Values(lines, _price_line(lines.c.line, currency_code), lines.c.n),
        subtotal=sum_of("subtotal_minor", booking.price_minor),
        discount=sum_of("discount_minor", 0),
        tax=sum_of("tax_minor", 0),
        total=money(booking.price_minor, currency_code),
        taxes=Values(taxes, _tax(taxes.c.tax, currency_code), taxes.c.n),
        taxes_included=func.coalesce(
            cast(_text(booking.price_sums, "taxes_included"), Boolean), false()
        ),
    )


def _price_line(line: ColumnElement[Any], currency_code: ColumnElement[str]) -> Value:
    start, end = _text(line, "start"), _text(line, "end")
    has_times = and_(start.is_not(None), end.is_not(None))
    return Value(
        label=_text(line, "label"),
        starts_at=case((has_times, cast(start, TIMESTAMP(timezone=True)))),
        ends_at=case((has_times, cast(end, TIMESTAMP(timezone=True)))),
        minutes=cast(_text(line, "minutes"), Integer),
        amount=money(cast(_text(line, "amount_minor"), BigInteger), currency_code),
        tax_rate=_text(line, "tax_rate"),
    )


def _tax(tax: ColumnElement[Any], currency_code: ColumnElement[str]) -> Value:
    return Value(
        rate=_text(tax, "rate"),
        net=money(cast(_text(tax, "net_minor"), BigInteger), currency_code),
        amount=money(cast(_text(tax, "amount_minor"), BigInteger), currency_code),
    )


def _text(line: ColumnElement[Any], key: str) -> ColumnElement[str]:
    return cast(line.op("->>")(key), Text)
