"""Reads what hints are drawn from, and stores hints with the forecast of the day."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col

from domain.analytics.cells import HOURS, Cells
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
from domain.analytics.open_time import ByHour
from domain.analytics.spans import DateSpan
from domain.core.ids import RoomId
from domain.core.local_time import midnight, zone
from domain.core.money import Money
from domain.venue.hours import Weekday
from kit.scope import Scope
from models.analytics.hints import booked_between, earned_by_week
from models.tenants import Tenant
from models.venue.rooms import Room, rooms_in_use
from resolvers.analytics.demand import today_of
from resolvers.venue.rooms import visible_rooms


@dataclass(frozen=True, slots=True)
class HintFacts:
    """What was read for hints; ``hints`` computes from it, without the database."""

    _span: DateSpan
    _booked: Sequence[Any]
    _earned: Sequence[Any]
    _rates: Mapping[RoomId, Money]

    def hints(self, open_by_hour: Mapping[date, ByHour], first: date | None) -> DemandHints:
        """Returns the hints for a venue whose rooms are open so many minutes together.

        Before the ``first`` booked date the venue took no bookings: that it was empty says nothing.
        """
        booked = dict(self._booked)
        hours = (
            HourOfDate(day, hour, minutes, booked.get(number * HOURS + hour + 1, 0))
            for number, day in enumerate(self._span.dates())
            if first is not None and day >= first
            for hour, minutes in enumerate(open_by_hour[day])
        )
        weeks = (RoomWeek(RoomId(room_id), *rest) for room_id, *rest in self._earned)
        return DemandHints(hour_hints(hours), tuple(price_hints(weeks, self._rates)))


async def load_hints(scope: Scope, tenant: Tenant) -> HintFacts:
    """Reads the weeks before today."""
    local = zone(tenant.time_zone)
    today = today_of(tenant, scope.now())
    span = DateSpan(today - timedelta(weeks=HINT_WEEKS), today)
    weeks = [midnight(today - timedelta(weeks=week), local) for week in range(PRICE_WEEKS, -1, -1)]
    rooms = await scope.all(rooms_in_use(scope.tenant_id))
    return HintFacts(
        span,
        await scope.rows(booked_between(scope.tenant_id, Cells.of(span, local).bounds)),
        await scope.rows(earned_by_week(scope.tenant_id, weeks)),
        {RoomId(room.id): rate for room in rooms if (rate := room.hourly_rate)},
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
