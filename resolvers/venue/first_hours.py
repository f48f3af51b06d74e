"""The opening hours that a venue has from its registration on, until somebody sets others."""

from collections.abc import Mapping
from typing import Final

from domain.core.local_time import LocalTime
from domain.venue.hours import LocalInterval, Weekday
from kit.scope import Scope
from models.venue.hours import WeekdayHours, as_pairs
from resolvers.accounts.hooks import TENANT_REGISTERED, TenantRegistered
from resolvers.core.hooks import Handler

FIRST_HOURS: Final = (LocalInterval(LocalTime(9 * 60), LocalTime(21 * 60)),)


async def _open_daily(scope: Scope, registered: TenantRegistered) -> None:
    pairs = as_pairs(FIRST_HOURS)
    for day in Weekday:
        scope.add(WeekdayHours(tenant_id=registered.tenant.id, weekday=day.value, minutes=pairs))


TENANT_HANDLERS: Final[Mapping[str, Handler[TenantRegistered]]] = {TENANT_REGISTERED: _open_daily}
