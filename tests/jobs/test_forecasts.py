"""Forecasts are refitted in each venue's night, once, by a job."""

from datetime import UTC, datetime, timedelta

from domain.tenants.plans import PlanCode
from jobs.forecasts import find_old_forecasts
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.analytics.forecasts import StoredForecast, forecast_of
from resolvers.analytics.forecasts import make_forecast, refit_forecasts
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.demand import make_history
from tests.support.factories import Venue, make_venue
from tests.support.work import run_due_jobs

# 02:00 on Tuesday in Berlin, and 20:00 on Monday in New York, where it was 04:00 on MONDAY_MORNING.
NIGHT = datetime(2027, 3, 2, 1, 0, tzinfo=UTC)


async def stored(runtime: Runtime, venue: Venue, room: int | None = None) -> StoredForecast | None:
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    room_id = None if room is None else venue.rooms[room].id
    try:
        return await scope.one(forecast_of(venue.tenant.id, room_id))
    finally:
        await scope.close()


async def refit(runtime: Runtime, relay: Database) -> None:
    await find_old_forecasts(runtime, relay)
    await run_due_jobs(runtime)


async def test_forecasts_are_made_at_night(
    runtime: Runtime, relay: Database, clock: StoppedClock
) -> None:
    berlin = await make_venue(runtime)
    new_york = await make_venue(runtime, time_zone="America/New_York")
    starter = await make_venue(runtime, plan=PlanCode.STARTER)
    await make_history(runtime, berlin, MONDAY_MORNING, days=70)

    await refit(runtime, relay)
    at_ten = await stored(runtime, berlin)
    clock.now = NIGHT
    await refit(runtime, relay)

    made, of_monday = await stored(runtime, berlin), await stored(runtime, new_york)
    assert at_ten is None
    assert made is not None and made.first_day == NIGHT.date()
    assert made.result["forecast"]["points"][0]["date"] == "2027-03-02"
    assert of_monday is not None and of_monday.first_day == MONDAY_MORNING.date()
    assert await stored(runtime, starter) is None


async def test_a_job_that_runs_again_changes_nothing(
    runtime: Runtime, relay: Database, clock: StoppedClock
) -> None:
    clock.now = NIGHT
    venue = await make_venue(runtime)
    await make_history(runtime, venue, NIGHT, days=70)

    await refit(runtime, relay)
    first = await stored(runtime, venue)
    await make_history(runtime, venue, NIGHT + timedelta(hours=4), days=70)
    await refit_forecasts(runtime, venue.tenant.id)
    again = await stored(runtime, venue)

    assert first is not None and again is not None
    assert (again.id, again.result) == (first.id, first.result)


async def test_rooms_that_are_asked_for_are_refitted_for_thirty_days(
    runtime: Runtime, relay: Database, clock: StoppedClock
) -> None:
    clock.now = NIGHT
    venue = await make_venue(runtime)
    await make_history(runtime, venue, NIGHT, days=70)
    await make_forecast(runtime, venue.tenant.id, venue.rooms[0].id, is_asked=True)

    clock.advance(days=30)
    await refit(runtime, relay)
    after_thirty = await stored(runtime, venue, 0)
    clock.advance(days=1)
    await refit(runtime, relay)
    after_more = await stored(runtime, venue, 0)

    assert after_thirty is not None and after_more is not None
    assert after_thirty.first_day == after_more.first_day == NIGHT.date() + timedelta(days=30)
    assert await stored(runtime, venue, 1) is None
