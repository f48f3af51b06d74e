"""The statement that stores a new series with its bookings, and counts them for the plan.

It returns the counter of the plan, or no row if its limit would be exceeded: then nothing is
stored. Parameters: the columns of ``BookingSeries``, as ``series_rrule``; those of ``Booking``,
and for those in ``EACH`` a list with a value of each booking, as ``each_id``; what they count for,
as ``meter``, ``period_start``, ``limit`` and ``number``.
"""

from typing import Any, Final

from sqlalchemy import Integer, Text, bindparam, cast, column, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from kit.postgres.statements import PreparedStatement, parameters
from models.bookings.bookings import Booking
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
    counted = counted_more(number=bindparam("number", type_=Integer())).cte("counted")
    series, booking = parameters(BookingSeries, prefix="series_"), parameters(Booking)
    added = (
        insert(BookingSeries)
        .from_select(
            list(series),
            select(*series.values()).select_from(counted),
        )
        .cte("added")
    )
    kinds = {name: _kind(booking, name) for name in EACH}
    each = (
        func.unnest(
            *(
                bindparam(f"each_{name}", type_=ARRAY(kind, dimensions=1))
                for name, kind in kinds.items()
            )
        )
        .table_valued(*(column(name, kind) for name, kind in kinds.items()))
        .render_derived(name="each")
    )
    values: dict[str, Any] = {
        **booking,
        **{name: each.c[name] for name in EACH if name in booking},
        "occupied": func.tstzrange(each.c.occupied_from, each.c.occupied_to),
        "seat_numbers": cast(each.c.seat_numbers, booking["seat_numbers"].type),
    }
    booked = insert(Booking).from_select(
        list(values), select(*values.values()).select_from(each).join(counted, true())
    )
    return select(counted.c.used).add_cte(added, booked.cte("booked"))


def _kind(booking: dict[str, Any], name: str) -> Any:
    if name in ("price_lines", "price_sums"):
        return JSONB(none_as_null=True)
    if name == "seat_numbers":
        # As text, as ``stored_seats`` gives it: a list of lists would be flattened.
        return Text()
    return booking[name].type if name in booking else INSTANT


STORE_SERIES: Final = PreparedStatement(_stored())
