"""A field that fails takes its object with it, and nothing that others wait for."""

from datetime import timedelta

import pytest
import pytest_asyncio

from kit.scope import Runtime
from kit.settings import Settings
from tests.client import Api
from tests.clock import MONDAY_MORNING
from tests.factories import Venue, make_booking, make_venue

# Both lists wait for the same venue, when the first one is given up for a field of its rooms.
TWO_LISTS = """{
  failing: bookings {
    nodes { local { start } room { bookings(after: "no cursor") { totalCount } } }
  }
  other: bookings { nodes { local { start } } }
}"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Those of an app that compiles nothing."""
    return settings.model_copy(update={"compiled": False})


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    venue = await make_venue(runtime)
    for day in range(3):
        await make_booking(runtime, venue, MONDAY_MORNING + timedelta(days=day))
    return venue


async def test_what_two_lists_wait_for_outlives_the_failure_of_one(api: Api, venue: Venue) -> None:
    answer = await api(TWO_LISTS, token=venue.owner.token)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.partial["failing"] is None
    assert len(answer.partial["other"]["nodes"]) == 3
