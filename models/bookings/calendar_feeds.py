"""Calendar feeds, and the bookings that they show."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    Select,
    UniqueConstraint,
    Uuid,
    and_,
    any_,
    case,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import Field, Relationship, col

from domain.accounts.users import Role
from domain.bookings.calendar_feeds import SHOWN, FeedDetail
from domain.core.intervals import Interval
from domain.core.log_events import EventType
from kit.actor import Actor
from kit.postgres.statements import PreparedStatement
from models.accounts.users import User
from models.audit.log import end
from models.bookings.bookings import Booking
from models.bookings.room_names import other_rooms
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.customers.customers import Customer
from models.venue.rooms import Room

_CHANGING: Final = tuple(
    each
    for each in EventType
    if each.startswith(("BOOKING_", "ROOM_", "CUSTOMER", "TENANT_"))
    # Feeds show no holds, of which there are many.
    and each is not EventType.BOOKING_HELD
)
"""The events after which a feed may show something else."""


class CalendarFeed(TenantRow, Logged, table=True):
    """A feed of a room's or a customer's bookings, or of all, stored by the hash of its secret."""

    LOGGED: ClassVar = ("room_id", "customer_id", "detail", "revoked_at")

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        refers_to("rooms", "room_id"),
        refers_to("customers", "customer_id"),
        refers_to("users", "created_by_id"),
        refers_to("api_keys", "created_by_key_id"),
        UniqueConstraint("tenant_id", "secret_hash"),
        Index(None, "tenant_id", "created_at", "id"),
        CheckConstraint(one_of("detail", FeedDetail), name="detail"),
        CheckConstraint("room_id IS NULL OR customer_id IS NULL", name="subject"),
        CheckConstraint("(created_by_id IS NULL) <> (created_by_key_id IS NULL)", name="creator"),
    )

    room_id: UUID | None = None
    customer_id: UUID | None = None
    detail: str
    secret_hash: bytes
    created_by_id: UUID | None = None
    created_by_key_id: UUID | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)

    room: Room | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "CalendarFeed.room_id", "lazy": "raise"}
    )
    customer: Customer | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "CalendarFeed.customer_id", "lazy": "raise"}
    )
    created_by: User | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "CalendarFeed.created_by_id", "lazy": "raise"}
    )

    def is_owned_by(self, actor: Actor) -> bool:
        return self.created_by_id is not None and self.created_by_id == actor.user_id


def calendar_feeds_of(tenant_id: UUID) -> Select[CalendarFeed]:
    return select(CalendarFeed).where(col(CalendarFeed.tenant_id) == tenant_id)


def open_feed_with(tenant_id: UUID, secret_hash: bytes) -> Select[CalendarFeed]:
    """Selects the feed of a secret, unless it is revoked."""
    return calendar_feeds_of(tenant_id).where(
        col(CalendarFeed.secret_hash) == secret_hash, col(CalendarFeed.revoked_at).is_(None)
    )


def open_feeds_counted(tenant_id: UUID, *, customer_user_id: UUID | None) -> Select[int]:
    """Counts the feeds that aren't revoked: a customer's own, or those of the venue's team."""
    customers = select(col(User.id)).where(
        col(User.tenant_id) == tenant_id, col(User.role) == Role.CUSTOMER.value
    )
    creator = func.coalesce(col(CalendarFeed.created_by_id), col(CalendarFeed.created_by_key_id))
    return select(func.count()).where(
        col(CalendarFeed.tenant_id) == tenant_id,
        col(CalendarFeed.revoked_at).is_(None),
        creator.not_in(customers) if customer_user_id is None else creator == customer_user_id,
    )


def last_change(tenant_id: UUID) -> Select[int, int, int]:
    """Selects the place in the log of the last change after which a feed may show something else.

    Below the log's horizon, so that a change that is committed late has a later place.
    """
    return end(tenant_id, types=_CHANGING)


def at_room(room: Room) -> ColumnElement[bool]:
    """The condition of a booking that it is of a room, or takes time of one of its parts."""
    spaces: Any = Booking.space_ids
    return or_(
        col(Booking.room_id) == room.id,
        literal(room.id, Uuid()) == any_(col(Booking.also_room_ids)),
        spaces.overlap(literal(room.spaces, ARRAY(Uuid()))),
        and_(spaces.is_(None), col(Booking.room_id).in_(room.spaces)),
    )


def feed_times(bookings: Select[Booking], window: Interval, *, limit: int) -> PreparedStatement:
    """Selects the times of those of some bookings that a feed shows, the latest ones."""
    return PreparedStatement(_shown(bookings, window, limit=limit))


def feed_entries(bookings: Select[Booking], window: Interval, *, limit: int) -> PreparedStatement:
    """Selects the same with what a feed shows of each."""
    room = aliased(Room)
    shown = _shown(
        bookings,
        window,
        (
            col(Booking.status),
            col(Booking.updated_at),
            col(Booking.reference),
            col(Booking.party_size),
            col(Booking.note),
            # The subquery costs more than all the rest.
            case(
                (col(Booking.also_room_ids).is_(None), col(room.name)),
                else_=func.concat_ws(", ", col(room.name), other_rooms()),
            ).label("rooms"),
            func.coalesce(col(Booking.contact_name), col(Customer.name)).label("customer"),
        ),
        limit=limit,
    )
    return PreparedStatement(
        shown.join(
            room,
            and_(
                col(room.tenant_id) == col(Booking.tenant_id), col(room.id) == col(Booking.room_id)
            ),
        ).outerjoin(
            Customer,
            and_(
                col(Customer.tenant_id) == col(Booking.tenant_id),
                col(Customer.id) == col(Booking.customer_id),
            ),
        )
    )


def _shown(
    bookings: Select[Booking], window: Interval, also: Iterable[Any] = (), *, limit: int
) -> Any:
    columns = (Booking.id, Booking.starts_at, Booking.ends_at, Booking.version)
    return (
        bookings.with_only_columns(*map(col, columns), *also)
        .where(
            col(Booking.status).in_([each.value for each in SHOWN]),
            col(Booking.starts_at) >= window.start,
            col(Booking.starts_at) < window.end,
        )
        .order_by(col(Booking.starts_at).desc(), col(Booking.id).desc())
        .limit(limit)
    )
