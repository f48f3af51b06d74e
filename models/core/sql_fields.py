"""Values as SQL shows them: what properties of rows, and functions of them, give in Python."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.money import currencies_with_digits
from kit.graphql.field_sources import Value, Values
from models.audit import log
from models.core.zone_clocks import utc_offset, wall_clock
from models.tenants import Tenant


def status(scope: Any, booking: Any) -> ColumnElement[str]:
    """A hold past its time is expired."""
    is_stale = and_(booking.status == Status.HELD.value, booking.hold_expires_at <= scope.now())
    return case((is_stale, literal(Status.EXPIRED.value)), else_=booking.status)


def time_zone(scope: Any, _: Any) -> ColumnElement[str]:
    """The venue's; it depends on no row, so PostgreSQL looks it up once."""
    zone = select(col(Tenant.time_zone)).where(col(Tenant.id) == scope.tenant_id)
    return zone.scalar_subquery()


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


def hourly_rate(_: Any, room: Any) -> Value:
    """A room's, where it has one."""
    return money(room.hourly_rate_minor, room.currency_code)


def breakdown(_: Any, booking: Any) -> Value:
    """A booking's price, line by line."""
    currency_code = booking.currency_code
    total = money(booking.price_minor, currency_code)
    nothing = money(literal(0, BigInteger), currency_code)
    lines = func.jsonb_array_elements(booking.price_lines).table_valued(
        column("line", JSONB()), with_ordinality="n", name="lines"
    )
    lines = lines.render_derived()
    return Value(
        present=and_(booking.price_lines.is_not(None), booking.price_minor.is_not(None)),
        lines=Values(lines, _price_line(lines.c.line, currency_code), lines.c.n),
        subtotal=total,
        discount=nothing,
        tax=nothing,
        total=total,
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
    )


def money(minor: ColumnElement[Any], currency_code: ColumnElement[str]) -> Value:
    """An exact amount, with as many digits as its currency has; null without an amount."""
    amount = case(
        (currency_code.in_(currencies_with_digits(0)), cast(minor, Text)),
        (currency_code.in_(currencies_with_digits(3)), cast(minor * _exactly("0.001"), Text)),
        else_=cast(minor * _exactly("0.01"), Text),
    )
    return Value(present=minor.is_not(None), amount=amount, currency_code=currency_code)


def _text(line: ColumnElement[Any], key: str) -> ColumnElement[str]:
    return cast(line.op("->>")(key), Text)


def _exactly(decimal: str) -> ColumnElement[Any]:
    return literal_column(decimal)


def itself(_: Any, row: Any) -> Any:
    """The same row, as another type shows it."""
    return row


def event_cursor(scope: Any, _: Any) -> ColumnElement[str]:
    """The end of the log in the snapshot of the statement: what ``encode_cursor`` gives of it."""
    end = log.end(scope.tenant_id).subquery("log_end")
    packed: ColumnElement[Any] = func.uuid_send(scope.tenant_id, type_=LargeBinary())
    for part in (end.c.generation, end.c.xid, end.c.position):
        packed = packed.concat(func.int8send(part, type_=LargeBinary()))
    text = func.translate(func.encode(packed, "base64"), "+/", "-_")
    return select(text).select_from(end).scalar_subquery()
