"""Reads what hints are drawn from, and stores hints with the forecast of the day."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col

from domain.analytics.capacity import OpenRoom, open_minutes_between
from domain.analytics.hints import (
    HINT_WEEKS,
    PRICE_WEEKS,
    DemandHints,
    HourHint,
    HourOfDate,
    PriceHint,
    RoomWeek,
    hour_hints,
    price_hints,
)
from domain.core.ids import RoomId
from domain.core.local_time import midnight, zone
from domain.core.money import Money
from domain.venue.hours import Weekday
from kit.scope import Scope
from models.analytics.hints import booked_between, earned_by_week
from models.tenants import Tenant
from models.venue.rooms import Room, rooms_in_use
from resolvers.analytics.demand import local_date
from resolvers.venue.rooms import visible_rooms


@dataclass(frozen=True, slots=True)
class HintFacts:
    """What was read for hints; ``hints`` computes from it, without the database."""

    _zone: ZoneInfo
    _edges: Sequence[datetime]
    _booked: Sequence[Any]
    _earned: Sequence[Any]
    _rates: Mapping[RoomId, Money]

    def hints(self, rooms: Sequence[OpenRoom]) -> DemandHints:
        """Returns the hints for the venue with these rooms."""
        opened = open_minutes_between(rooms, self._edges, self._zone)
        booked = dict(self._booked)
        hours = (
            HourOfDate(self._edges[index], minutes, booked.get(index + 1, 0))
            for index, minutes in enumerate(opened)
        )
        weeks = (RoomWeek(RoomId(room_id), *rest) for room_id, *rest in self._earned)
        return DemandHints(hour_hints(hours, self._zone), tuple(price_hints(weeks, self._rates)))


async def load_hints(scope: Scope, tenant: Tenant) -> HintFacts:
    """Reads the weeks before today."""
    local = zone(tenant.time_zone)
    today = local_date(tenant, scope.now())
    midnights = [
        midnight(today - timedelta(days=day), local) for day in range(7 * HINT_WEEKS, -1, -1)
    ]
    edges = [
        begins + timedelta(hours=hour)
        for begins, ends in pairwise(midnights)
        # The last hour of a date is shorter where the clock changes by half an hour.
        for hour in range(-(-(ends - begins) // timedelta(hours=1)))
    ]
    edges.append(midnights[-1])
    weeks = [midnight(today - timedelta(weeks=week), local) for week in range(PRICE_WEEKS, -1, -1)]
    rooms = await scope.all(rooms_in_use(scope.tenant_id))
    rates = {RoomId(room.id): rate for room in rooms if (rate := room.hourly_rate)}
    return HintFacts(
        local,
        edges,
        await scope.rows(booked_between(scope.tenant_id, edges)),
        await scope.rows(earned_by_week(scope.tenant_id, weeks)),
        rates,
    )


async def room_of(scope: Scope, hint: PriceHint) -> Room:
    """The room."""

    async def load(room_ids: list[RoomId]) -> list[Room]:
        found = await scope.all(visible_rooms(scope).where(col(Room.id).in_(room_ids)))
        rooms = {room.id: room for room in found}
        return [rooms[room_id] for room_id in room_ids]

    return await scope.loaders.batch("rooms of hints", load, hint.room_id)


def as_json(hints: DemandHints) -> dict[str, Any]:
    """Returns hints in the form that is stored."""
    return {
        "staffing": [asdict(each) for each in hints.staffing],
        "prices": [{**asdict(each), "room_id": str(each.room_id)} for each in hints.prices],
    }


def from_json(stored: Mapping[str, Any]) -> DemandHints:
    """Returns stored hints."""
    return DemandHints(
        tuple(
            HourHint(**{**each, "weekday": Weekday(each["weekday"])}) for each in stored["staffing"]
        ),
        tuple(_price_hint(each) for each in stored["prices"]),
    )


def _price_hint(stored: Mapping[str, Any]) -> PriceHint:
    money = {name: Money(**each) for name, each in stored.items() if isinstance(each, dict)}
    return PriceHint(**{**stored, **money, "room_id": RoomId(UUID(stored["room_id"]))})
