"""The rows of exports, in the order of an index, so that none has to be sorted first.

Each statement takes the tenant, a half-open range of instants and the rooms and categories to
restrict it to, None for all.
"""

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.payments.ledger import Account
from kit.actor import ActorKind
from kit.postgres.statements import PreparedStatement
from models.accounts.api_keys import ApiKey
from models.accounts.users import User
from models.audit.log import LogEntry
from models.bookings.bookings import Booking
from models.bookings.room_names import other_rooms
from models.core.base import INSTANT
from models.customers.customers import Customer
from models.payments.payments import LedgerEntry
from models.venue.rooms import Room

_TENANT: Final = bindparam("tenant_id", type_=Uuid())
_FROM: Final = bindparam("from_at", type_=INSTANT)
_UNTIL: Final = bindparam("until_at", type_=INSTANT)
_ROOMS: Final = cast(bindparam("room_ids", type_=ARRAY(Uuid())), ARRAY(Uuid()))
_CATEGORIES: Final = cast(bindparam("categories", type_=ARRAY(Text())), ARRAY(Text()))

_NEVER_BOOKED: Final = (Status.HELD.value, Status.EXPIRED.value)
_COUNTED: Final = ("pending", "confirmed", "checked_in", "completed", "no_show")


def _within(column: Any) -> ColumnElement[bool]:
    return and_(col(column) >= _FROM, col(column) < _UNTIL)


def _of_rooms() -> ColumnElement[bool]:
    """Returns the condition that a room of the booking is wanted, the first one or another."""
    other = aliased(Room)
    another = select(literal(1)).where(
        col(other.tenant_id) == col(Booking.tenant_id),
        col(other.id) == any_(col(Booking.also_room_ids)),
        _is_wanted(other),
    )
    return or_(
        _is_wanted(Room),
        and_(col(Booking.also_room_ids).is_not(None), another.correlate(Booking).exists()),
    )


def _is_wanted(room: Any) -> ColumnElement[bool]:
    return and_(
        or_(_ROOMS.is_(None), col(room.id) == any_(_ROOMS)),
        or_(_CATEGORIES.is_(None), col(room.category) == any_(_CATEGORIES)),
    )


def _same(one: Any, other: Any, id: Any, other_id: Any) -> ColumnElement[bool]:
    return and_(col(one.tenant_id) == col(other.tenant_id), col(id) == col(other_id))


_BOOKINGS: Final[Any] = (
    select(
        col(Booking.id),
        col(Booking.reference),
        col(Booking.status),
        col(Room.name).label("room"),
        col(Room.category),
        col(Booking.starts_at),
        col(Booking.ends_at),
        col(Booking.party_size),
        col(Booking.price_minor),
        col(Booking.currency_code),
        col(Booking.customer_id),
        func.coalesce(col(Booking.contact_name), col(Customer.name)).label("customer"),
        col(Customer.email),
        func.coalesce(col(Booking.contact_phone), col(Customer.phone)).label("phone"),
        col(Booking.note),
        col(Booking.created_at),
        case((col(Booking.also_room_ids).is_not(None), other_rooms())).label("also_rooms"),
    )
    .join(Room, _same(Booking, Room, Booking.room_id, Room.id))
    .outerjoin(Customer, _same(Booking, Customer, Booking.customer_id, Customer.id))
    .where(
        col(Booking.tenant_id) == _TENANT,
        _within(Booking.starts_at),
        col(Booking.status).not_in(_NEVER_BOOKED),
        _of_rooms(),
    )
    .order_by(col(Booking.starts_at), col(Booking.id))
)

_SALES: Final[Any] = (
    select(
        col(LedgerEntry.at),
        col(LedgerEntry.account),
        col(LedgerEntry.amount_minor),
        col(LedgerEntry.currency_code),
        col(Booking.reference),
        col(Booking.starts_at),
        col(Room.name).label("room"),
        col(Room.category),
        func.coalesce(col(Booking.contact_name), col(Customer.name)).label("customer"),
    )
    .join(Booking, _same(LedgerEntry, Booking, LedgerEntry.booking_id, Booking.id))
    .join(Room, _same(Booking, Room, Booking.room_id, Room.id))
    .outerjoin(Customer, _same(Booking, Customer, Booking.customer_id, Customer.id))
    .where(
        col(LedgerEntry.tenant_id) == _TENANT,
        col(LedgerEntry.account).in_([Account.RECEIVED.value, Account.REFUNDED.value]),
        _within(LedgerEntry.at),
        _of_rooms(),
    )
    .order_by(col(LedgerEntry.at), col(LedgerEntry.id))
)

_THEIRS: Final = (
    select(
        func.count().label("number"),
        func.min(col(Booking.starts_at)).label("first"),
        func.max(col(Booking.starts_at)).label("last"),
    )
    .where(
        col(Booking.tenant_id) == col(Customer.tenant_id),
        col(Booking.customer_id) == col(Customer.id),
        col(Booking.status).in_(_COUNTED),
    )
    .lateral("theirs")
)

_CUSTOMERS: Final = (
    select(
        col(Customer.id),
        col(Customer.name),
        col(Customer.email),
        col(Customer.phone),
        col(Customer.locale),
        col(Customer.notes),
        col(Customer.created_at),
        _THEIRS.c.number,
        _THEIRS.c.first,
        _THEIRS.c.last,
    )
    .join(_THEIRS, _TENANT.is_not(None))
    .where(col(Customer.tenant_id) == _TENANT, _within(Customer.created_at))
    .order_by(col(Customer.created_at), col(Customer.id))
)

_STAFF_ACTIONS: Final = (
    select(
        col(LogEntry.at),
        col(LogEntry.type),
        col(LogEntry.actor_kind),
        func.coalesce(col(User.name), col(ApiKey.name)).label("actor"),
        col(LogEntry.subject_type),
        col(LogEntry.subject_id),
        col(LogEntry.reason),
        col(LogEntry.before),
        col(LogEntry.after),
        col(LogEntry.request_id),
    )
    .outerjoin(User, _same(LogEntry, User, LogEntry.actor_id, User.id))
    .outerjoin(ApiKey, _same(LogEntry, ApiKey, LogEntry.actor_id, ApiKey.id))
    .where(
        col(LogEntry.tenant_id) == _TENANT,
        _within(LogEntry.at),
        col(LogEntry.actor_kind).in_([ActorKind.USER.value, ActorKind.API_KEY.value]),
    )
    .order_by(col(LogEntry.at), col(LogEntry.position))
)


class RowSource:
    """A statement for the rows of a kind, and one that counts them."""

    def __init__(self, statement: Any) -> None:
        self.rows: Final = PreparedStatement(statement)
        counted = statement.order_by(None).with_only_columns(func.count().cast(BigInteger))
        self.count: Final = PreparedStatement(counted)


BOOKINGS: Final = RowSource(_BOOKINGS)
SALES: Final = RowSource(_SALES)
CUSTOMERS: Final = RowSource(_CUSTOMERS)
STAFF_ACTIONS: Final = RowSource(_STAFF_ACTIONS)
