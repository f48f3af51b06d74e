"""Reads what forecasts of demand are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.analytics.cells import local_date
from domain.analytics.demand import MAX_DAYS, TRAINING_DAYS, Booked, Demand, demand_of
from domain.analytics.open_time import ByHour
from domain.analytics.public_holidays import country_of, public_holidays
from domain.analytics.spans import DateSpan
from domain.core.local_time import midnight, zone
from kit.scope import Scope
from models.analytics.forecasts import booked_minutes
from models.tenants import Tenant
from resolvers.analytics.open_time import KeptOpenTime, VenueOpenTime


@dataclass(frozen=True, slots=True)
class DemandFacts:
    """What was read for a forecast; the rest is computed from it, without the database."""

    today: date
    _room_id: UUID | None
    _days: Sequence[date]
    _booked: Sequence[Any]
    _open: VenueOpenTime

    def demand(self) -> Demand | None:
        """Returns the demand up to yesterday; None if nothing was booked until then."""
        country = country_of(self._open.zone.key)
        years = tuple(range(self._days[0].year, self._days[-1].year + 2))
        return demand_of(
            # Numbers begin at 1.
            (Booked(self._days[number - 1], *rest) for number, *rest in self._booked),
            today=self.today,
            capacity={day: sum(hours) for day, hours in self.open_by_hour().items()},
            holidays=public_holidays(country, years),
        )

    def open_by_hour(self) -> Mapping[date, ByHour]:
        """Returns the open minutes of the room, or of all rooms, by date and hour."""
        rooms = None if self._room_id is None else frozenset({self._room_id})
        return self._open.minutes(rooms).by_date


def today_of(tenant: Tenant, now: datetime) -> date:
    """Returns the venue's date at an instant."""
    return local_date(now, zone(tenant.time_zone))


async def load_demand(scope: Scope, tenant: Tenant, room_id: UUID | None) -> DemandFacts:
    """Reads the demand for a room, or for the venue."""
    local = zone(tenant.time_zone)
    today = today_of(tenant, scope.now())
    days = [today + timedelta(days=day) for day in range(-TRAINING_DAYS - MAX_DAYS, MAX_DAYS + 1)]
    midnights = [midnight(day, local) for day in days]
    booked = await scope.rows(booked_minutes(scope.tenant_id, room_id, midnights))
    span = DateSpan(days[MAX_DAYS], days[-1])
    # Of its own: what is kept for analytics would have to make place for it.
    opened = await KeptOpenTime().of(scope, tenant, span)
    return DemandFacts(today, room_id, days, booked, opened)
