"""A failing field nulls its parent object, and doesn't affect other fields."""

from datetime import timedelta

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, make_booking, make_venue

# Both lists wait for the same venue when the first one is given up for a field of its rooms.
SAME_ROWS = """{
  failing: bookings {
    nodes { local { start } room { bookings(after: "no cursor") { totalCount } } }
  }
  other: bookings { nodes { id local { start } } }
}"""
TIMES = 5


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of an app without compiled reads."""
    return settings.model_copy(update={"compiled": False})


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    venue = await make_venue(runtime)
    for day in range(3):
        await make_booking(runtime, venue, MONDAY_MORNING + timedelta(days=day))
    return venue


async def test_what_others_wait_for_outlives_a_failure(api: Api, venue: Venue) -> None:
    for _ in range(TIMES):
        answer = await api(SAME_ROWS, token=venue.owner.token)

        assert answer.codes == ["BAD_USER_INPUT"]
        assert answer.partial["failing"] is None
        assert len(answer.partial["other"]["nodes"]) == 3
