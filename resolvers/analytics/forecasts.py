"""Forecasts the demand for a venue or a room, each once a day."""

import asyncio
from dataclasses import asdict, replace
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.analytics.demand import MAX_DAYS
from domain.analytics.forecast_models import ModelName
from domain.analytics.forecasts import DemandForecast, ForecastPoint, InsufficientData, forecast
from domain.analytics.hints import DemandHints
from domain.core.ids import RoomId
from domain.core.refusals import Invalid
from domain.tenants.plans import Feature
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.advisory_locks import advisory_key
from kit.runtime import Runtime
from kit.scope import Scope
from models.analytics.forecasts import (
    StoredForecast,
    forecast_of,
    forecast_stored,
    rooms_asked_for,
)
from models.tenants import Tenant
from models.venue.rooms import Room
from resolvers.analytics import hints
from resolvers.analytics.demand import DemandFacts, load_demand, today_of
from resolvers.analytics.hints import HintFacts, load_hints
from resolvers.core.transactions import perform
from resolvers.tenants.features import check_feature
from resolvers.tenants.tenants import own_tenant
from resolvers.venue.rooms import visible_rooms

ROOMS_KEPT_FRESH: Final = timedelta(days=30)
"""How long a room's forecast is refitted at night after somebody had to wait for it."""

Forecast = DemandForecast | InsufficientData
Result = dict[str, Any]
"""What is stored: a ``forecast``, and for a venue its ``hints``."""


async def demand_forecast(
    scope: Scope,
    *,
    days: Annotated[int, Doc("The number of days, from today on: 1 to 84.")] = 28,
    room_id: Annotated[
        RoomId | None, Doc("The room whose demand to forecast; the whole venue by default.")
    ] = None,
) -> Forecast | None:
    """A forecast of the booked minutes by date of the venue, with an 80% band.

    It is made once a day, at night or when it is first requested. Null if there is no such room.
    The Professional and Enterprise plans include it.
    """
    tenant = await check_feature(scope, Feature.ANALYTICS)
    if not 1 <= days <= MAX_DAYS:
        raise Invalid(f"`days` must be 1 to {MAX_DAYS}; got {days}.", path=("days",))
    if room_id is not None and await _room(scope, room_id) is None:
        return None
    made = _from_json(await _result(scope, tenant, room_id))
    if isinstance(made, DemandForecast):
        return replace(made, points=made.points[:days])
    return made


async def demand_hints(scope: Scope) -> DemandHints | None:
    """What the last weeks suggest: quiet and full hours, staff, and prices, each with its evidence.

    Drawn once a day, with the forecast of the venue. The Professional and Enterprise plans include
    them.
    """
    tenant = await check_feature(scope, Feature.ANALYTICS)
    return hints.from_json((await _result(scope, tenant, None))["hints"])


async def make_forecast(
    runtime: Runtime, tenant_id: UUID, room_id: UUID | None, *, is_asked: bool
) -> Result:
    """Makes the forecast from today on of a room or a venue and stores it, unless it is stored.

    That of a venue comes with hints.
    """
    system = Actor(ActorKind.SYSTEM, tenant_id)
    # Others who want it meanwhile wait for this one.
    async with runtime.locks.all_of([advisory_key(tenant_id, "forecast", room_id)]):
        # Of its own, and closed before the fit: that takes longer than a connection should be kept.
        scope = Scope(runtime, system, Request(new_id()))
        try:
            tenant = await own_tenant(scope)
            today = today_of(tenant, scope.now())
            known = await scope.one(forecast_of(tenant_id, room_id))
            if known is not None and known.first_day >= today:
                return known.result
            facts = await load_demand(scope, tenant, room_id)
            for_hints = None if room_id else await load_hints(scope, tenant)
        finally:
            await scope.close()
        result = await asyncio.to_thread(_made, facts, for_hints)
        row = StoredForecast(
            tenant_id=tenant_id, room_id=room_id, first_day=today, asked_on=today, result=result
        )
        store = partial(_store, forecast_stored(row, is_asked=is_asked))
        await perform(runtime, system, Request(new_id()), store)
        return result


async def refit_forecasts(runtime: Runtime, tenant_id: UUID) -> None:
    """Makes today's forecasts of a venue, and of the rooms that are asked for."""
    await make_forecast(runtime, tenant_id, None, is_asked=False)
    scope = Scope(runtime, Actor(ActorKind.SYSTEM, tenant_id), Request(new_id()))
    try:
        today = today_of(await own_tenant(scope), scope.now())
        room_ids = await scope.all(rooms_asked_for(tenant_id, since=today - ROOMS_KEPT_FRESH))
    finally:
        await scope.close()
    for room_id in room_ids:
        await make_forecast(runtime, tenant_id, room_id, is_asked=False)


async def _result(scope: Scope, tenant: Tenant, room_id: UUID | None) -> Result:
    row = await scope.one(forecast_of(scope.tenant_id, room_id))
    if row is not None and row.first_day >= today_of(tenant, scope.now()):
        return row.result
    return await make_forecast(scope.runtime, scope.tenant_id, room_id, is_asked=True)


async def _room(scope: Scope, id: UUID) -> Room | None:
    return await scope.one(visible_rooms(scope).where(col(Room.id) == id))


def _made(facts: DemandFacts, for_hints: HintFacts | None) -> Result:
    demand = facts.demand()
    result = {"forecast": _as_json(forecast(demand))}
    if for_hints is not None:
        first = None if demand is None else demand.first
        result["hints"] = hints.as_json(for_hints.hints(facts.open_by_hour(), first))
    return result


async def _store(statement: Any, scope: Scope) -> None:
    await scope.run(statement)


def _as_json(made: Forecast) -> dict[str, Any]:
    values = asdict(made)
    for name in ("trained_from", "trained_until"):
        if name in values:
            values[name] = values[name].isoformat()
    for point in values.get("points", ()):
        point["date"] = point["date"].isoformat()
    return values


def _from_json(result: Result) -> Forecast:
    stored = result["forecast"]
    if "points" not in stored:
        return InsufficientData(**stored)
    days = {name: date.fromisoformat(stored[name]) for name in ("trained_from", "trained_until")}
    points = tuple(
        ForecastPoint(**{**point, "date": date.fromisoformat(point["date"])})
        for point in stored["points"]
    )
    model = ModelName(stored["model"])
    return DemandForecast(**{**stored, **days, "model": model, "points": points})
