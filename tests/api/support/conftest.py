"""A venue that is open from 9:00 to 17:00 in UTC, and clients of its people."""

import pytest

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.desk import BookingClient
from tests.support.factories import Venue, make_venue


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    hours = {day: [(9 * 60, 17 * 60)] for day in Weekday}
    return await make_venue(runtime, time_zone="Etc/UTC", hours=hours)


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    """The customer with an account."""
    return BookingClient(api, runtime, venue.guest)


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


@pytest.fixture
def manager(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)
