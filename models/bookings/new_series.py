"""The statements that store a new series with its bookings, and count them for the plan.

Parameters of both: the columns of ``BookingSeries``, as ``series_rrule``; those of ``Booking``, and
for those in ``EACH`` a list with a value of each booking, as ``each_id``; what they count for, as
``meter``, ``period_start``, ``limit`` and ``number``.
"""

from typing import Any, Final

from sqlalchemy import Integer, Text, Uuid, bindparam, cast, column, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from kit.postgres.statements import NOT_SHOWN, PreparedStatement, parameters
from models.audit.log import log_inserts
from models.bookings.bookings import Booking
from models.bookings.new_bookings import (
    CLAIMED,
    CLAIMING,
    StoringStatement,
    kept_result,
    still_decided,
    undone_if_uncounted,
)
from models.bookings.series import BookingSeries
from models.core.base import INSTANT
from models.tenants import counted_more

EACH: Final = (
    "id",
    "reference",
    "starts_at",
    "ends_at",
    "occupied_from",
    "occupied_to",
    "price_lines",
    "price_minor",
    "price_sums",
    "original_starts_at",
    "approval_expires_at",
    "release_at",
    "seat_numbers",
)
"""What differs from one booking of a series to the next."""


def _stored() -> Any:
    counted = _counted()
    booked = insert(Booking).from_select(*_bookings(after=counted)).cte("booked")
    added = insert(BookingSeries).from_select(*_series(counted)).cte("added")
    return select(counted.c.used).add_cte(added, booked)


def _stored_at_once(*, keeps_result: bool) -> Any:
    spaces = bindparam("spaces", type_=ARRAY(Uuid()))
    claim = func.claim_times(*CLAIMING, spaces, _each("occupied_from"), _each("occupied_to"))
    claimed = (
        select(*claim.table_valued(*CLAIMED, name="claim").c)
        .cte("claimed")
        .prefix_with("MATERIALIZED")
    )
    names, series = _series(claimed)
    added = (
        insert(BookingSeries)
        .from_select(names, series.where(still_decided(claimed)))
        .returning(*BookingSeries.__table__.c)  # type: ignore[attr-defined]
        .cte("added")
    )
    booked = (
        insert(Booking)
        .from_select(*_bookings(after=added))
        .returning(*Booking.__table__.c)  # type: ignore[attr-defined]
        .cte("booked")
    )
    id = select(bindparam("id", type_=Uuid())).select_from(added).scalar_subquery()
    undone = undone_if_uncounted(id, _counted(added))
    entries, origin = log_inserts(added)
    stored = select(*claimed.c, id.label("id"), undone.label("undone"), NOT_SHOWN)
    stored = stored.add_cte(booked, origin.cte("origin"), entries.cte("logged"))
    return stored.add_cte(kept_result(added).cte("kept")) if keeps_result else stored


def _counted(after: Any = None) -> Any:
    return counted_more(after, number=bindparam("number", type_=Integer())).cte("counted")


def _series(after: Any) -> tuple[list[str], Any]:
    series = parameters(BookingSeries, prefix="series_")
    return list(series), select(*series.values()).select_from(after)


def _bookings(after: Any) -> tuple[list[str], Any]:
    booking = parameters(Booking)
    each = (
        func.unnest(*map(_each, EACH))
        .table_valued(*(column(name, _kind(name)) for name in EACH))
        .render_derived(name="each")
    )
    values: dict[str, Any] = {
        **booking,
        **{name: each.c[name] for name in EACH if name in booking},
        "occupied": func.tstzrange(each.c.occupied_from, each.c.occupied_to),
        "seat_numbers": cast(each.c.seat_numbers, booking["seat_numbers"].type),
    }
    return list(values), select(*values.values()).select_from(each).join(after, true())


def _each(name: str) -> Any:
    return bindparam(f"each_{name}", type_=ARRAY(_kind(name), dimensions=1))


def _kind(name: str) -> Any:
    if name in ("price_lines", "price_sums"):
        return JSONB(none_as_null=True)
    if name == "seat_numbers":
        # As text, as ``stored_seats`` gives it: a list of lists would be flattened.
        return Text()
    columns = Booking.__table__.c  # type: ignore[attr-defined]
    return columns[name].type if name in columns else INSTANT


STORE_SERIES: Final = PreparedStatement(_stored())
"""Returns the counter of the plan; no row, and nothing is stored, if that would be too much."""

_SHOWN: Final = {Booking.__tablename__: "booked", BookingSeries.__tablename__: "added"}
STORE_SERIES_AT_ONCE: Final = StoringStatement(
    *(
        PreparedStatement(_stored_at_once(keeps_result=keeps_result), stores=_SHOWN)
        for keeps_result in (True, False)
    )
)
"""Takes its locks and stores all that follows from a series, as those of ``new_bookings`` do.

``id`` is that of the booking to show; the log's parameters have an entry for each booking.
"""
