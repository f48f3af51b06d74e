"""Statements that store a new booking or a change whole: after their locks, with all that follows.

They return one row: the ``version`` of the calendar once the locks were taken, whether the
idempotency key ``is_known``, whether the time ``is_taken``, and the ``id`` of the booking. There is
no id, and nothing is stored, if the key is known, the version isn't ``known_version``, the time is
taken, the address of a customer to add is another's by now, or a booking to change isn't as of
``version_before`` and ``link_version_before``, or takes other spaces than ``spaces_before``. If the
limit of a plan is reached, they raise ``UNDONE``.

Parameters: the columns of ``Booking``, those of ``log_inserts``, and ``known_version``;
``key_lock``, ``calendar_lock`` and ``locks``, taken in this order; ``mutation``, ``key``,
``input_hash`` and ``kept_rows`` of the idempotency key, or None (``StoringStatement``); what it
counts for, as ``meter``, ``period_start`` and ``limit``; and the columns of a new ``Customer``, as
``customer_name``. Of a change, ``wanted`` is the time that has to be free, or None; ``spaces`` are
those of which it is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    func,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, insert
from sqlmodel import col

from kit.postgres.statements import NOT_SHOWN, PreparedStatement, parameters
from models.audit.log import log_inserts
from models.bookings.bookings import Booking
from models.core.base import INSTANT
from models.core.idempotency import IdempotentResult
from models.customers.customers import ONE_PER_ADDRESS, Customer
from models.tenants import counted_more

UNDONE: Final = "BB001"
"""The SQLSTATE of a change that undoes itself."""

_KEY: Final = bindparam("key", type_=Text())
_MUTATION: Final = bindparam("mutation", type_=Text())
_ACTOR: Final = bindparam("actor_id", type_=Uuid())
# ``held_from`` is forgotten after a day, whatever the version is: it stays as it is stored.
_CHANGED: Final = (
    "room_id",
    "also_room_ids",
    "space_ids",
    "customer_id",
    "contact_name",
    "contact_phone",
    "status",
    "starts_at",
    "ends_at",
    "occupied",
    "hold_expires_at",
    "approval_expires_at",
    "release_at",
    "party_size",
    "note",
    "price_lines",
    "price_minor",
    "price_sums",
    "coupon_id",
    "earliest_start",
    "was_confirmed",
    "guest_confirmed_at",
    "version",
    "link_version",
    "updated_at",
)


CLAIMING: Final = (
    bindparam("tenant_id", type_=Uuid()),
    bindparam("key_lock", type_=BigInteger()),
    bindparam("calendar_lock", type_=BigInteger()),
    bindparam("locks", type_=ARRAY(BigInteger())),
    _ACTOR,
    _MUTATION,
    _KEY,
)
CLAIMED: Final = (
    column("version", BigInteger()),
    column("is_known", Boolean()),
    column("is_taken", Boolean()),
)


def _claim_of_spaces(wanted: str) -> Any:
    spaces = bindparam("spaces", type_=ARRAY(Uuid()))
    return func.claim_calendar(*CLAIMING, spaces, bindparam(wanted, type_=TSTZRANGE()))


def _claim_of_seats() -> Any:
    return func.claim_seats(
        *CLAIMING,
        bindparam("room_id", type_=Uuid()),
        bindparam("seats", type_=Integer()),
        bindparam("party_size", type_=Integer()),
        bindparam("occupied", type_=TSTZRANGE()),
    )


def _stored(
    *,
    is_counted: bool,
    adds_customer: bool = False,
    changed: Sequence[str] = (),
    of_seats: bool = False,
    keeps_result: bool = True,
) -> Any:
    new = parameters(Booking)
    claiming = _claim_of_spaces("wanted" if changed else "occupied")
    returned: tuple[Any, ...] = CLAIMED
    if of_seats:
        seat_numbers = column("seat_numbers", new["seat_numbers"].type)
        claiming, returned = _claim_of_seats(), (*CLAIMED, seat_numbers)
    claim = claiming.table_valued(*returned, name="claim")
    claimed = select(*claim.c).cte("claimed").prefix_with("MATERIALIZED")
    if of_seats:
        new["seat_numbers"] = claimed.c.seat_numbers
    is_decided = still_decided(claimed)
    decided = select(*new.values()).select_from(claimed).where(is_decided)
    if adds_customer:
        added = _added(claimed, is_decided).cte("added")
        decided = select(*new.values()).select_from(added)
        if of_seats:
            decided = decided.join(claimed, true())
    written = insert(Booking).from_select(list(new), decided)
    if changed:
        # No UPDATE: that might look for the row before the claim has set the tenant.
        written = written.on_conflict_do_update(
            constraint=Booking.__table__.primary_key,  # type: ignore[attr-defined]
            set_={name: written.excluded[name] for name in changed},
            where=and_(
                col(Booking.version) == bindparam("version_before", type_=Integer()),
                col(Booking.link_version) == bindparam("link_version_before", type_=Integer()),
                col(Booking.space_ids).is_not_distinct_from(
                    bindparam("spaces_before", type_=ARRAY(Uuid()))
                ),
            ),
        )
    booked = written.returning(*Booking.__table__.c).cte("booked")  # type: ignore[attr-defined]
    id = select(booked.c.id).scalar_subquery()
    undone: Any = null()
    if is_counted:
        undone = undone_if_uncounted(id, counted_more(booked).cte("counted"))
    entries, origin = log_inserts(booked)
    stored = select(*claimed.c, id.label("id"), undone.label("undone"), NOT_SHOWN)
    stored = stored.add_cte(origin.cte("origin"), entries.cte("logged"))
    return stored.add_cte(kept_result(booked).cte("kept")) if keeps_result else stored


def undone_if_uncounted(id: Any, counted: Any) -> Any:
    """Returns what undoes the statement if it stores an ``id`` without having ``counted`` it."""
    used = select(counted.c.used).scalar_subquery()
    is_over = and_(id.is_not(None), used.is_(None))
    return case((is_over, func.undo_change("limit", type_=Boolean())))


def still_decided(claimed: Any) -> Any:
    """Returns the condition that what was decided by the known facts may be stored."""
    return and_(
        claimed.c.version == bindparam("known_version", type_=BigInteger()),
        ~claimed.c.is_known,
        ~claimed.c.is_taken,
    )


def _added(claimed: Any, is_decided: Any) -> Any:
    new = parameters(Customer, prefix="customer_")
    return (
        insert(Customer)
        .from_select(list(new), select(*new.values()).select_from(claimed).where(is_decided))
        .on_conflict_do_nothing(constraint=ONE_PER_ADDRESS)
        .returning(col(Customer.id))
    )


def kept_result(stored: Any) -> Any:
    """Keeps the result under the idempotency key if ``stored``, a part of it, returns a row."""
    kept: dict[str, Any] = {
        "tenant_id": bindparam("tenant_id", type_=Uuid()),
        "actor_id": _ACTOR,
        "mutation": _MUTATION,
        "key": _KEY,
        "input_hash": bindparam("input_hash", type_=LargeBinary()),
        "rows": bindparam("kept_rows", type_=JSONB(none_as_null=True)),
        "created_at": bindparam("at", type_=INSTANT),
    }
    values = select(*kept.values()).select_from(stored)
    return insert(IdempotentResult).from_select(list(kept), values)


@dataclass(frozen=True, slots=True, eq=False)
class StoringStatement:
    """What stores a change with an idempotency key, and what stores one without.

    The latter has no part that would keep the result: beginning one takes PostgreSQL some 3% to 7%
    of the whole statement.
    """

    with_key: PreparedStatement
    without_key: PreparedStatement


def _storing(
    *,
    is_counted: bool,
    adds_customer: bool = False,
    changed: Sequence[str] = (),
    of_seats: bool = False,
) -> StoringStatement:
    # No statement sees the customer that another part of it adds: such a booking isn't shown.
    stores = None if adds_customer else {Booking.__tablename__: "booked"}
    return StoringStatement(
        *(
            PreparedStatement(
                _stored(
                    is_counted=is_counted,
                    adds_customer=adds_customer,
                    changed=changed,
                    of_seats=of_seats,
                    keeps_result=keeps_result,
                ),
                stores=stores,
            )
            for keeps_result in (True, False)
        )
    )


STORE_BOOKING: Final = _storing(is_counted=True)
STORE_BOOKING_AND_CUSTOMER: Final = _storing(is_counted=True, adds_customer=True)
STORE_HOLD: Final = _storing(is_counted=False)
# The same of rooms whose seats are booked: these statements pick the seats. Parameter: ``seats``.
OF_SEATS: Final = {
    STORE_BOOKING: _storing(is_counted=True, of_seats=True),
    STORE_BOOKING_AND_CUSTOMER: _storing(is_counted=True, adds_customer=True, of_seats=True),
    STORE_HOLD: _storing(is_counted=False, of_seats=True),
}
CHANGE_BOOKING: Final = _storing(is_counted=False, changed=_CHANGED)
_BOOKED: Final = (*_CHANGED, "held_from")
BOOK_HOLD: Final = _storing(is_counted=True, changed=_BOOKED)
BOOK_HOLD_AND_CUSTOMER: Final = _storing(is_counted=True, adds_customer=True, changed=_BOOKED)
