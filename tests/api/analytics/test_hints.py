"""Hints over the API, each with its evidence."""

from datetime import timedelta

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.demand import make_history
from tests.support.factories import api_id, make_venue

HINTS = """{
  demandHints {
    quietHours { weekday hour occupancy }
    fullHours { weekday hour occupancy low high weeks bookingsAtOnce staff }
    staffing { hour }
    prices {
      room { id }
      presentRate { amount } suggestedRate { amount } weeksThen weeksNow
      valueThen { amount } valueNow { amount } change low high
    }
  }
}"""
HALF_A_YEAR = 26 * 7


async def test_hours_and_a_rate_that_earned_more_are_hinted_at(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    booked, other = range(2)
    await make_history(runtime, venue, MONDAY_MORNING, days=HALF_A_YEAR, room=other)
    # Of the present 40 an hour, and before that of 50.
    await make_history(runtime, venue, MONDAY_MORNING, days=13 * 7, room=booked)
    before = MONDAY_MORNING - timedelta(weeks=13)
    await make_history(runtime, venue, before, days=13 * 7, room=booked, price_minor=5000)

    hints = (await api(HINTS, token=venue.manager.token)).payload

    # From 10:00 in Berlin on, for an hour, and at weekends for two.
    full = [(each["weekday"], each["hour"]) for each in hints["fullHours"]]
    assert full[:2] == [("MONDAY", 10), ("TUESDAY", 10)]
    assert full[-2:] == [("SUNDAY", 10), ("SUNDAY", 11)]
    assert hints["fullHours"][0] == {
        "weekday": "MONDAY",
        "hour": 10,
        "weeks": 12,
        "bookingsAtOnce": 2,
        "staff": 2,
        "occupancy": 1,
        "low": 1,
        "high": 1,
    }
    assert len(hints["quietHours"]) == 7 * 24 - len(full)
    assert len(hints["staffing"]) == 7 * 24
    assert hints["prices"] == [
        {
            "room": {"id": api_id(venue.rooms[booked])},
            "presentRate": {"amount": "40.00"},
            "suggestedRate": {"amount": "50.00"},
            "weeksThen": 13,
            "weeksNow": 13,
            "valueThen": {"amount": "450.00"},
            "valueNow": {"amount": "360.00"},
            "change": 0.25,
            "low": 0.25,
            "high": 0.25,
        }
    ]


async def test_without_history_there_are_no_hints(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await make_history(runtime, venue, MONDAY_MORNING, days=3)

    hints = (await api(HINTS, token=venue.manager.token)).payload

    assert hints == {"quietHours": [], "fullHours": [], "staffing": [], "prices": []}


async def test_weeks_before_the_first_booking_are_no_evidence(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    for room in range(2):
        await make_history(runtime, venue, MONDAY_MORNING, days=9 * 7, room=room)

    hints = (await api(HINTS, token=venue.manager.token)).payload

    assert hints["fullHours"][0] == {
        "weekday": "MONDAY",
        "hour": 10,
        "weeks": 9,
        "bookingsAtOnce": 2,
        "staff": 2,
        "occupancy": 1,
        "low": 1,
        "high": 1,
    }


async def test_only_plans_with_analytics_have_hints(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER)

    assert (await api(HINTS, token=venue.owner.token)).codes == ["FORBIDDEN"]
