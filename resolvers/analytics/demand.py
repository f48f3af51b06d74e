"""Reads what forecasts of demand are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.analytics.capacity import OpenRoom, capacity_of
from domain.analytics.demand import MAX_DAYS, TRAINING_DAYS, Booked, Demand, demand_of
from domain.analytics.public_holidays import country_of, public_holidays
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import midnight, zone
from domain.venue.hours import HoursFacts
from kit.scope import Scope
from models.analytics.forecasts import booked_minutes
from models.core.filters import DateTimeRange
from models.tenants import Tenant
from models.venue.hours import Blackout, blackouts_for, blackouts_of, blackouts_within
from models.venue.opening_hours import HOURS
from models.venue.rooms import Room, rooms_in_use
from resolvers.venue.hours import hours_facts


@dataclass(frozen=True, slots=True)
class DemandFacts:
    """What was read for a forecast; ``demand`` computes from it, without the database."""

    today: date
    _zone: ZoneInfo
    _days: Sequence[date]
    _booked: Sequence[Any]
    _hours: Mapping[RoomId, HoursFacts]
    _blackouts: Sequence[Blackout]

    def demand(self) -> Demand | None:
        """Returns the demand up to yesterday; None if nothing was booked until then."""
        country = country_of(self._zone.key)
        years = tuple(range(self._days[0].year, self._days[-1].year + 2))
        return demand_of(
            # Numbers begin at 1.
            (Booked(self._days[number - 1], *rest) for number, *rest in self._booked),
            today=self.today,
            capacity=capacity_of(self.rooms(), self._days[MAX_DAYS:], self._zone),
            holidays=public_holidays(country, years),
        )

    def rooms(self) -> list[OpenRoom]:
        """Returns the opening hours and blackouts of the rooms in use."""
        return [
            (
                hours,
                [
                    Interval(each.starts_at, each.ends_at)
                    for each in self._blackouts
                    if each.room_id in (None, room_id)
                ],
            )
            for room_id, hours in self._hours.items()
        ]


def local_date(tenant: Tenant, now: datetime) -> date:
    """Returns the venue's date at an instant."""
    return now.astimezone(zone(tenant.time_zone)).date()


async def load_demand(scope: Scope, tenant: Tenant, room: Room | None) -> DemandFacts:
    """Reads the demand for a room, or for the venue."""
    local = zone(tenant.time_zone)
    today = local_date(tenant, scope.now())
    days = [today + timedelta(days=day) for day in range(-TRAINING_DAYS - MAX_DAYS, MAX_DAYS)]
    midnights = [midnight(day, local) for day in (*days, days[-1] + timedelta(days=1))]
    room_id = None if room is None else room.id
    booked = await scope.rows(booked_minutes(scope.tenant_id, room_id, midnights))
    rooms = [room] if room else await scope.all(rooms_in_use(scope.tenant_id))
    room_ids = [RoomId(each.id) for each in rooms]
    weekdays, exceptions = await scope.fetch_batch(
        HOURS,
        tenant_id=scope.tenant_id,
        room_ids=room_ids,
        first_day=days[0],
        last_day=days[-1],
    )
    span = DateTimeRange(gte=midnights[MAX_DAYS], lt=midnights[-1])
    blackouts = blackouts_within(blackouts_for(blackouts_of(scope.tenant_id), room_ids), span)
    return DemandFacts(
        today,
        local,
        days,
        booked,
        hours_facts(room_ids, weekdays, exceptions),
        await scope.all(blackouts),
    )
