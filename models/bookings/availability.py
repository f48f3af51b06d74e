"""Prepared statements for everything that decides whether rooms are free.

Parameters: ``tenant_id``, ``room_ids``, ``first_day`` and ``last_day`` (both included), ``since``
and ``until``; ``space_ids`` are those of the rooms, ``earliest`` and ``latest`` the first and last
start of a booking that can matter, so that the index on ``starts_at`` drives. A slot has to be
clear of others from ``clear_from`` to ``clear_until``. Several have these of each in a list, beside
``wanted_spaces``.
"""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlmodel import col

from domain.bookings.lifecycle import OCCUPYING
from kit.postgres.json_batch import JsonBatch
from models.bookings.bookings import Booking
from models.bookings.price_rules import price_rules_of
from models.bookings.quotas import QUOTAS
from models.core.base import INSTANT
from models.tenants import Tenant
from models.venue.hours import Blackout, HoursException
from models.venue.opening_hours import (
    EXCEPTIONS,
    EXCEPTIONS_OF_ALL,
    FIRST_DAY,
    TENANT,
    WEEKDAYS,
    WEEKDAYS_OF_ALL,
    applies_to_rooms,
)
from models.venue.rooms import Room

_SINCE: Final = bindparam("since", type_=INSTANT)
_UNTIL: Final = bindparam("until", type_=INSTANT)
_SPACE_IDS: Final = bindparam("space_ids", type_=ARRAY(Uuid()))


_BLACKOUTS_OF_ALL: Final = select(
    col(Blackout.room_id), col(Blackout.starts_at), col(Blackout.ends_at)
).where(col(Blackout.tenant_id) == TENANT)
_BLACKOUTS: Final = _BLACKOUTS_OF_ALL.where(
    applies_to_rooms(Blackout.room_id),
    col(Blackout.ends_at) > _SINCE,
    col(Blackout.starts_at) < _UNTIL,
)


def _occupying(earliest: ColumnElement[Any], latest: ColumnElement[Any]) -> Any:
    """Selects what takes time, by the first and last start of a booking that can matter."""
    return select(
        col(Booking.room_id),
        col(Booking.space_ids),
        col(Booking.seat_numbers),
        col(Booking.id),
        col(Booking.status),
        col(Booking.customer_id),
        col(Booking.held_by_id),
        col(Booking.starts_at),
        col(Booking.ends_at),
        func.lower(col(Booking.occupied), type_=INSTANT).label("occupied_from"),
        func.upper(col(Booking.occupied), type_=INSTANT).label("occupied_to"),
        col(Booking.hold_expires_at),
    ).where(
        col(Booking.tenant_id) == TENANT,
        col(Booking.status).in_(sorted(OCCUPYING)),
        col(Booking.starts_at) > earliest,
        col(Booking.starts_at) < latest,
    )


_BOOKED: Final = _occupying(
    bindparam("earliest", type_=INSTANT), bindparam("latest", type_=INSTANT)
)


def _claimed(*more: ColumnElement[bool]) -> Select[Any]:
    """Selects bookings of the spaces, expired holds too, which give way to the next booking.

    Plain ones and others by an index each.
    """
    booked = _BOOKED.where(*more)
    spaces: Any = Booking.space_ids
    found = union_all(
        booked.where(spaces.is_(None), col(Booking.room_id) == any_(_SPACE_IDS)),
        booked.where(spaces.is_not(None), spaces.overlap(_SPACE_IDS)),
    ).subquery("claimed")
    return select(*found.c).order_by(found.c.starts_at)


_CLAIMS: Final = _claimed(col(Booking.ends_at) > _SINCE)

# Those that a booking of the time would overlap, including buffers: usually none.
_CLASHES: Final = _claimed(
    func.upper(col(Booking.occupied)) > bindparam("clear_from", type_=INSTANT),
    func.lower(col(Booking.occupied)) < bindparam("clear_until", type_=INSTANT),
)


def _clashes_of_several() -> Select[Any]:
    """Selects the same for several times of a space each, of which the parameters are lists."""
    wanted = (
        func.unnest(
            bindparam("wanted_spaces", type_=ARRAY(Uuid())),
            *(
                bindparam(name, type_=ARRAY(INSTANT))
                for name in ("all_earliest", "all_latest", "all_clear_from", "all_clear_until")
            ),
        )
        .table_valued(
            column("space_id", Uuid()),
            *(column(name, INSTANT) for name in ("earliest", "latest", "since", "until")),
        )
        .render_derived(name="wanted")
    )
    booked = _occupying(wanted.c.earliest, wanted.c.latest).where(
        func.upper(col(Booking.occupied)) > wanted.c.since,
        func.lower(col(Booking.occupied)) < wanted.c.until,
    )
    spaces: Any = Booking.space_ids
    of_space: Any = array([wanted.c.space_id])
    found = union_all(
        booked.where(spaces.is_(None), col(Booking.room_id) == wanted.c.space_id),
        booked.where(spaces.is_not(None), spaces.overlap(of_space)),
    ).lateral("claimed")
    return select(*found.c).distinct().select_from(wanted.join(found, true()))


_VENUE: Final = select(Tenant).where(col(Tenant.id) == TENANT)
_ROOM_IDS: Final = bindparam("room_ids", type_=ARRAY(Uuid()))
_THEIR_ROOMS: Final = (
    select(Room)
    .where(
        col(Room.tenant_id) == TENANT,
        or_(
            col(Room.id) == any_(_ROOM_IDS),
            and_(_ROOM_IDS.is_(None), col(Room.archived_at).is_(None)),
        ),
    )
    .order_by(col(Room.name_key), col(Room.id))
)

_ALL_ROOMS: Final = (
    select(Room).where(col(Room.tenant_id) == TENANT).order_by(col(Room.name_key), col(Room.id))
)
_MOST: Final = bindparam("most", type_=Integer())

_PRICE_RULES: Final = price_rules_of(TENANT)

# All that decides about a venue but its bookings, from ``since`` on: the tenant, its rooms by name,
# hours, exceptions from ``first_day`` on, blackouts, quotas, and price rules. Of each no more than
# ``most``.
FACTS: Final = (
    _VENUE,
    _ALL_ROOMS.limit(_MOST),
    WEEKDAYS_OF_ALL.limit(_MOST),
    EXCEPTIONS_OF_ALL.where(col(HoursException.date) >= FIRST_DAY).limit(_MOST),
    _BLACKOUTS_OF_ALL.where(col(Blackout.ends_at) > _SINCE).limit(_MOST),
    QUOTAS.limit(_MOST),
    _PRICE_RULES,
)
# The tenant, its rooms by name (the given ones, or else all that aren't archived) and price rules.
VENUE: Final = JsonBatch(_VENUE, _THEIR_ROOMS, _PRICE_RULES)
CALENDAR: Final = JsonBatch(WEEKDAYS, EXCEPTIONS, _BLACKOUTS, _CLAIMS)
# The same for one time only, without its surroundings, and for several times.
SLOT: Final = JsonBatch(WEEKDAYS, EXCEPTIONS, _BLACKOUTS, _CLASHES)
SLOTS: Final = JsonBatch(WEEKDAYS, EXCEPTIONS, _BLACKOUTS, _clashes_of_several())
