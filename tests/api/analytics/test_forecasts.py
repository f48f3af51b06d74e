"""The forecast of demand over the API."""

from datetime import timedelta

import pytest

from domain.bookings.lifecycle import Status
from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from resolvers.analytics.forecasts import make_forecast
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.demand import make_history
from tests.support.factories import Person, api_id, make_booking, make_venue

FORECAST = """
    query ($days: Int! = 28, $roomId: ID) {
      demandForecast(days: $days, roomId: $roomId) {
        ... on DemandForecast {
          model trainedFrom trainedUntil backtestWape baselineWape coverage
          points { date low expected high capacityMinutes reason }
        }
        ... on InsufficientData { weeksNeeded weeksSeen }
      }
    }
"""


async def ask(api: Api, by: Person, **given: object) -> Answer:
    return await api(FORECAST, given, token=by.token)


async def test_a_manager_sees_the_demand_of_the_days_to_come(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await make_history(runtime, venue, MONDAY_MORNING, days=70)
    earlier = MONDAY_MORNING - timedelta(hours=4)
    await make_history(runtime, venue, earlier, days=60, status=Status.CANCELLED)

    answer = await ask(api, venue.manager, days=7)

    forecast = answer.payload
    assert forecast["model"] == "seasonal_naive"
    assert (forecast["trainedFrom"], forecast["trainedUntil"]) == ("2026-12-21", "2027-02-28")
    assert (forecast["backtestWape"], forecast["coverage"]) == (0, 1)
    assert [point["expected"] for point in forecast["points"]] == [60] * 5 + [120] * 2
    # Two rooms that are always open.
    assert {point["capacityMinutes"] for point in forecast["points"]} == {2 * 24 * 60}
    assert forecast["points"][0]["date"] == "2027-03-01"


async def test_a_forecast_is_of_one_room(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await make_history(runtime, venue, MONDAY_MORNING, days=70)
    booked, idle = (api_id(room) for room in venue.rooms)

    of_booked = await ask(api, venue.owner, roomId=booked, days=1)
    of_idle = await ask(api, venue.owner, roomId=idle)

    (point,) = of_booked.payload["points"]
    assert (point["expected"], point["capacityMinutes"]) == (60, 24 * 60)
    assert of_idle.payload == {"weeksNeeded": 8, "weeksSeen": 0}


async def test_a_forecast_is_made_once_a_day(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    await make_history(runtime, venue, MONDAY_MORNING, days=70)

    first = await ask(api, venue.owner)
    # The four weeks before were booked at midday, too.
    await make_history(runtime, venue, MONDAY_MORNING + timedelta(hours=4), days=28, minutes=30)
    same_day = await ask(api, venue.owner)
    clock.advance(days=1)
    day_after = await make_forecast(runtime, venue.tenant.id, None, is_asked=True)

    assert same_day.payload == first.payload
    point = day_after["forecast"]["points"][0]
    assert point["date"] == "2027-03-02"
    assert point["expected"] != first.payload["points"][1]["expected"]


async def test_what_is_on_the_books_is_named_as_the_reason(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await make_history(runtime, venue, MONDAY_MORNING, days=70)
    # As it began, today had its usual booking and another one. What is made later doesn't count.
    midday = MONDAY_MORNING + timedelta(days=1, hours=4)
    await make_history(runtime, venue, midday, days=1, minutes=120)
    await make_booking(runtime, venue, MONDAY_MORNING + timedelta(days=1), minutes=600)

    answer = await ask(api, venue.owner, days=2)

    reasons = [point["reason"] for point in answer.payload["points"]]
    assert reasons[0] == "100% more is booked already than usual"


async def test_seven_weeks_are_too_little(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await make_history(runtime, venue, MONDAY_MORNING, days=55)

    answer = await ask(api, venue.owner)

    assert answer.payload == {"weeksNeeded": 8, "weeksSeen": 7}


@pytest.mark.parametrize("days", [0, 85])
async def test_more_days_than_the_limit_are_refused(api: Api, runtime: Runtime, days: int) -> None:
    venue = await make_venue(runtime)

    answer = await ask(api, venue.owner, days=days)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["message"] == f"`days` must be 1 to 84; got {days}."
    assert answer.errors[0]["extensions"]["argumentPath"] == ["days"]


async def test_a_room_of_another_venue_is_unknown(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)

    answer = await ask(api, venue.owner, roomId=api_id(other.rooms[0]))

    assert answer.data == {"demandForecast": None}


async def test_only_plans_with_analytics_have_forecasts(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER)

    refused = await ask(api, venue.owner)
    of_staff = await ask(api, (await make_venue(runtime)).staff)

    assert refused.codes == ["FORBIDDEN"]
    assert "Professional" in refused.errors[0]["message"]
    assert of_staff.codes == ["FORBIDDEN"]
