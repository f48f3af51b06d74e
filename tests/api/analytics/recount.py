"""Figures counted anew, by SQL over bookings, minute by minute, with PostgreSQL's own clocks.

It shares nothing with the code under test but the definitions in docs/analytics.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg

DAY: Final = timedelta(days=1)
Key = tuple[Any, ...]

_COUNTS: Final = "status IN ('pending', 'confirmed', 'checked_in', 'completed', 'no_show')"
# Of each booking that counts, or is cancelled: where it starts on the venue's clock.
_BOOKINGS: Final = f"""
    SELECT *, starts_at AT TIME ZONE $2 AS local, {_COUNTS} AS counts,
           customer_id IS NOT NULL AND NOT EXISTS (
               SELECT FROM bookings AS other
               WHERE other.tenant_id = $1 AND other.customer_id = bookings.customer_id
                     AND other.{_COUNTS}
                     AND (other.starts_at, other.id) < (bookings.starts_at, bookings.id)
           ) AS is_first
    FROM bookings WHERE tenant_id = $1 AND ({_COUNTS} OR status = 'cancelled')
"""
_STARTED: Final = """
    SELECT {key} AS key, count(*) FILTER (WHERE counts) AS bookings,
           count(*) FILTER (WHERE NOT counts) AS cancelled,
           count(*) FILTER (WHERE status = 'no_show') AS no_shows,
           count(*) FILTER (WHERE status = 'completed') AS completed,
           sum(price_minor) FILTER (WHERE counts AND currency_code = $5) AS value,
           count(price_minor) FILTER (WHERE counts AND currency_code = $5) AS priced,
           percentile_cont(0.5) WITHIN GROUP (
               ORDER BY floor(extract(epoch FROM starts_at - created_at) / 60)
           ) FILTER (WHERE counts) AS lead,
           count(DISTINCT customer_id) FILTER (WHERE counts) AS customers,
           count(*) FILTER (WHERE counts AND is_first) AS new
    FROM ({bookings}) AS booking
    WHERE local >= $3 AND local < $4 AND ($6::uuid[] IS NULL OR room_id = ANY ($6))
    GROUP BY 1
"""
_MINUTES: Final = """
    SELECT {key} AS key, count(*) AS minutes
    FROM (
        SELECT room_id, at AT TIME ZONE $2 AS local
        FROM ({bookings}) AS booking,
             generate_series(starts_at, ends_at - interval '1 minute', interval '1 minute') AS at
        WHERE counts
    ) AS minutes
    WHERE local >= $3 AND local < $4 AND ($5::uuid[] IS NULL OR room_id = ANY ($5))
    GROUP BY 1
"""
_REVENUE: Final = """
    SELECT {key} AS key, sum(amount_minor) AS revenue
    FROM (
        SELECT amount_minor, room_id, at AT TIME ZONE $2 AS local
        FROM ledger_entries AS entry JOIN bookings ON bookings.id = booking_id
        WHERE entry.tenant_id = $1 AND account IN ('received', 'refunded')
              AND entry.currency_code = $5
    ) AS paid
    WHERE local >= $3 AND local < $4 AND ($6::uuid[] IS NULL OR room_id = ANY ($6))
    GROUP BY 1
"""
KEYS: Final = {
    "total": "ARRAY['']",
    "HOUR": "ARRAY[local::date::text, extract(hour FROM local)::text]",
    "DAY": "ARRAY[local::date::text]",
    "WEEK": "ARRAY[greatest(date_trunc('week', local), $3)::date::text]",
    "MONTH": "ARRAY[greatest(date_trunc('month', local), $3)::date::text]",
    "room": "ARRAY[room_id::text]",
    "weekday": "ARRAY[extract(isodow FROM local)::text, extract(hour FROM local)::text]",
}


@dataclass
class Figures:
    """What is counted of a part of a span."""

    bookings: int = 0
    cancelled: int = 0
    noShows: int = 0  # noqa: N815 - as in the API
    completed: int = 0
    bookedMinutes: int = 0  # noqa: N815
    openMinutes: int = 0  # noqa: N815
    bookedValue: int = 0  # noqa: N815
    averageValue: int | None = None  # noqa: N815
    revenue: int = 0
    medianLeadMinutes: int | None = None  # noqa: N815
    newCustomers: int = 0  # noqa: N815
    returningCustomers: int = 0  # noqa: N815


@dataclass
class Opening:
    """What the test knows of when rooms were open, in minutes since local midnight.

    ``weeks`` are the venue's plans from a date on, ``own`` those of rooms that have their own.
    """

    weeks: Sequence[tuple[date, Sequence[Sequence[tuple[int, int]]]]]
    own: Mapping[Any, Sequence[Sequence[tuple[int, int]]]] = field(default_factory=dict)
    exceptions: Mapping[tuple[Any, date], Sequence[tuple[int, int]]] = field(default_factory=dict)
    blackouts: Sequence[tuple[Any, datetime, datetime]] = ()
    archived: Mapping[Any, date] = field(default_factory=dict)

    def hours(self, room: Any, day: date) -> Sequence[tuple[int, int]]:
        for key in ((room, day), (None, day)):
            if key in self.exceptions:
                return self.exceptions[key]
        if room in self.own:
            return self.own[room][day.weekday()]
        plan = [week for since, week in self.weeks if since <= day][-1]
        return plan[day.weekday()]

    def is_open(self, room: Any, at: datetime, local: datetime) -> bool:
        day, minute = local.date(), local.hour * 60 + local.minute
        if room in self.archived and day >= self.archived[room]:
            return False
        if any(r in (None, room) and start <= at < end for r, start, end in self.blackouts):
            return False
        return any(o <= minute < c for o, c in self.hours(room, day)) or any(
            o <= minute + 24 * 60 < c for o, c in self.hours(room, day - DAY)
        )


async def recounted(
    admin: asyncpg.Connection,
    tenant: Any,
    span: tuple[date, date],
    *,
    rooms: Sequence[Any] | None,
) -> Mapping[str, Mapping[Key, Figures]]:
    """Returns the figures of a span but for open minutes, by the names of KEYS."""
    start, end = (datetime(day.year, day.month, day.day) for day in span)  # noqa: DTZ001 - local
    found: dict[str, dict[Key, Figures]] = {}
    for name, key in KEYS.items():
        figures: defaultdict[Key, Figures] = defaultdict(Figures)
        place = (tenant.id, tenant.time_zone, start, end)
        sql = _STARTED.format(key=key, bookings=_BOOKINGS)
        for row in await admin.fetch(sql, *place, tenant.currency_code, rooms):
            each = figures[tuple(row["key"])]
            each.bookings, each.cancelled = row["bookings"], row["cancelled"]
            each.noShows, each.completed = row["no_shows"], row["completed"]
            each.bookedValue = int(row["value"] or 0)
            if row["priced"]:
                # Half up: prices aren't negative.
                each.averageValue = int(each.bookedValue / row["priced"] + 0.5)
            each.medianLeadMinutes = None if row["lead"] is None else int(row["lead"] // 1)
            each.newCustomers = row["new"]
            each.returningCustomers = row["customers"] - row["new"]
        sql = _MINUTES.format(key=key, bookings=_BOOKINGS)
        for row in await admin.fetch(sql, *place, rooms):
            figures[tuple(row["key"])].bookedMinutes = row["minutes"]
        sql = _REVENUE.format(key=key)
        for row in await admin.fetch(sql, *place, tenant.currency_code, rooms):
            figures[tuple(row["key"])].revenue = int(row["revenue"])
        found[name] = figures
    return found


def open_counted(
    span: tuple[date, date], zone: ZoneInfo, rooms: Iterable[Any], opening: Opening
) -> Mapping[Any, Counter[tuple[date, int]]]:
    """Returns the open minutes of each room of a span, by local date and hour."""
    found: dict[Any, Counter[tuple[date, int]]] = {room: Counter() for room in rooms}
    for at, local in _minutes(span, zone):
        for room, counted in found.items():
            if opening.is_open(room, at, local):
                counted[local.date(), local.hour] += 1
    return found


def grouped(
    span: tuple[date, date], opened: Mapping[Any, Counter[tuple[date, int]]]
) -> Mapping[str, Counter[Key]]:
    """Opens minutes by the names of KEYS."""
    found: dict[str, Counter[Key]] = {name: Counter() for name in KEYS}
    for room, counted in opened.items():
        for (day, hour), minutes in counted.items():
            keys = {
                "total": ("",),
                "HOUR": (str(day), str(hour)),
                "DAY": (str(day),),
                "WEEK": (str(max(day - day.weekday() * DAY, span[0])),),
                "MONTH": (str(max(day.replace(day=1), span[0])),),
                "room": (str(room),),
                "weekday": (str(day.isoweekday()), str(hour)),
            }
            for name, key in keys.items():
                found[name][key] += minutes
    return found


def _minutes(span: tuple[date, date], zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    at = datetime(span[0].year, span[0].month, span[0].day, tzinfo=zone).astimezone(UTC)
    while (local := at.astimezone(zone)).date() < span[1]:
        yield at, local
        at += timedelta(minutes=1)
