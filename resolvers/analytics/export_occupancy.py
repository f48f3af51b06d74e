"""The rows of occupancy exports: each room on each date, with its open and its booked minutes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from domain.analytics.day_figures import DayFigures
from domain.analytics.metrics import ratio
from domain.analytics.spans import DateSpan
from kit.scope import Scope
from models.analytics.exports import Export
from models.tenants import Tenant
from resolvers.analytics.day_figures import figures_of
from resolvers.analytics.open_time import KeptOpenTime, VenueOpenTime

# So that the bookings of a busy venue don't hold up the event loop for long.
DAYS_AT_ONCE: Final = 7


async def occupancy_rows(
    scope: Scope, tenant: Tenant, export: Export
) -> AsyncGenerator[Sequence[Any]]:
    """Yields the rows of dates on which a room was open or booked, in order, some at a time.

    The figures are those of ``analytics``, made from the bookings of this snapshot.
    """
    span = export.span
    assert span is not None
    # Not the process's: nobody asks for these dates again.
    kept = KeptOpenTime()
    first = span.from_
    while first < span.until:
        part = DateSpan(first, min(first + timedelta(days=DAYS_AT_ONCE), span.until))
        open_time = await kept.of(scope, tenant, part)
        figures = await figures_of(scope, tenant, part)
        yield await asyncio.to_thread(_rows, open_time, figures, export)
        first = part.until


def _rows(
    open_time: VenueOpenTime, figures: Mapping[date, DayFigures], export: Export
) -> list[Mapping[str, object]]:
    rooms = sorted(
        (
            room
            for room in open_time.rooms.values()
            if (export.room_ids is None or str(room.id) in export.room_ids)
            and (export.categories is None or room.category in export.categories)
        ),
        key=lambda room: (room.name_key, room.id),
    )
    rows: list[Mapping[str, object]] = []
    for day in open_time.span.dates():
        opened = open_time.by_room(day)
        booked = _booked(figures.get(day))
        for room in rooms:
            open_minutes, booked_minutes = opened.get(room.id, 0), booked.get(room.id, 0)
            if not (open_minutes or booked_minutes):
                continue
            occupancy = ratio(booked_minutes, open_minutes)
            row: dict[str, object] = {
                "date": day,
                "room": room.name,
                "category": room.category,
                "open_minutes": open_minutes,
                "booked_minutes": booked_minutes,
                "occupancy": None if occupancy is None else Decimal(f"{occupancy:.4f}"),
            }
            rows.append(row)
    return rows


def _booked(figures: DayFigures | None) -> Mapping[UUID, int]:
    return {} if figures is None else {id: s.booked_minutes for id, s in figures.rooms.items()}
