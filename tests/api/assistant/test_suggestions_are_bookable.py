"""Every suggested time can be booked, in randomly made venues."""

import random
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from domain.assistant.wishes import PreferredHours
from domain.bookings.quotas import QuotaMeasure, QuotaPeriod
from domain.core.ids import CustomerId, RoomId
from domain.core.local_time import LocalTime, Start
from kit.actor import Actor, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.bookings.quotas import BookingQuota
from resolvers.assistant.suggestions import SuggestionRequest, TimeSuggestion, suggest_times
from resolvers.bookings.bookings import create_booking
from resolvers.core.transactions import perform
from tests.api.bookings.test_free_means_free import CHANGES, random_venue, reading
from tests.support.clock import StoppedClock
from tests.support.factories import Venue


async def test_a_suggested_time_can_be_booked(runtime_alone: Runtime, clock: StoppedClock) -> None:
    assert await suggested(runtime_alone, clock, "few", venues=3) > 4


@pytest.mark.soak
async def test_suggested_times_can_be_booked_in_many_venues(
    runtime_alone: Runtime, clock: StoppedClock
) -> None:
    assert await suggested(runtime_alone, clock, "many", venues=300) > 2_500


async def suggested(runtime: Runtime, clock: StoppedClock, seed: str, *, venues: int) -> int:
    """Books what is suggested, each without keeping it; returns how many suggestions there were."""
    number = 0
    for place in range(venues):
        draw = random.Random(f"{seed} {place}")
        zone, day = draw.choice(CHANGES)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        clock.now = noon - timedelta(minutes=draw.randint(0, 60 * 30))
        venue = await random_venue(runtime, draw, zone, day)
        await add_quota(runtime, venue, draw)
        for _ in range(4):
            actor = draw.choice([venue.guest.actor, venue.staff.actor])
            request = random_request(draw, venue, day)
            found = await reading(runtime, actor, partial(suggest_times, input=request))
            for each in found or ():
                assert await refusals_of(runtime, actor, request, each) == [], f"{seed} {place}"
                number += 1
    return number


def random_request(draw: random.Random, venue: Venue, day: date) -> SuggestionRequest:
    hours = sorted(draw.sample(range(0, 1800, 30), 2))
    return SuggestionRequest(
        draw.choice([15, 30, 60, 90, 135]),
        day + timedelta(days=draw.randint(-1, 1)),
        party_size=draw.choice([1, 2, 4]),
        preferred_hours=draw.choice([None, PreferredHours(*map(LocalTime, hours))]),
        flexible_days=draw.choice([0, 0, 1, 3]),
        flexible_minutes=draw.choice([0, 60, 720]),
        customer_id=draw.choice([None, CustomerId(venue.customer.id)]),
        first=draw.choice([3, 10]),
    )


async def add_quota(runtime: Runtime, venue: Venue, draw: random.Random) -> None:
    async def change(scope: Scope) -> None:
        await scope.lock()
        scope.add(
            BookingQuota(
                tenant_id=venue.tenant.id,
                measure=QuotaMeasure.MINUTES.value,
                period=QuotaPeriod.DAY.value,
                limit=draw.choice([60, 600]),
                created_at=scope.now(),
            )
        )

    await perform(runtime, venue.owner.actor, Request(new_id()), change)


async def refusals_of(
    runtime: Runtime, actor: Actor, request: SuggestionRequest, suggestion: TimeSuggestion
) -> list[str]:
    """Returns what refuses a booking of a suggested time, of which nothing is kept."""

    async def change(scope: Scope) -> None:
        await create_booking(
            scope,
            room_id=RoomId(suggestion.room.id),
            start=Start(at=suggestion.starts_at),
            duration_minutes=request.duration_minutes,
            party_size=request.party_size,
            expected_total=suggestion.price,
        )

    try:
        done = await perform(runtime, actor, Request(new_id()), change, dry_run=True)
    except ExceptionGroup as group:
        return [str(each) for each in group.exceptions]
    assert done.uncommitted is not None
    await done.uncommitted.close()
    return []
