"""The recipes of docs/clients.md, each run as it stands there, by the clients that it is for."""

import re
from pathlib import Path

import orjson
import pytest

from commands.export import ROOT
from kit.runtime import Runtime
from tests.api.accounts.accounts import logged_in, login
from tests.protocol.node_kit import Kit
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, api_id, make_venue


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def cookbook(kit: Kit, tmp_path: Path) -> Path:
    """A folder with the page's recipes, and the packages that they import."""
    page = (ROOT / "docs" / "clients.md").read_text()
    for name, code in re.findall(r"```js\n// (\w+\.js)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(code)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(kit.folder / "node_modules")
    (tmp_path / "recipes.mjs").write_text((kit.folder / "recipes.mjs").read_text())
    return tmp_path


async def test_the_recipes_do_what_they_say(
    kit: Kit, cookbook: Path, server: str, api: Api, venue: Venue, clock: StoppedClock
) -> None:
    sessions = [await logged_in(api, venue) for _ in range(2)]
    hold = {"roomId": api_id(venue.rooms[0]), "durationMinutes": 60}
    clock.advance(minutes=15)
    customer = (await login(api, venue, email=venue.guest.user.email)).payload["session"]
    customers = [api_id(each) for each in (venue.customer, venue.other_customer)]
    given = orjson.dumps(
        {"sessions": sessions, "hold": hold, "customer": customer, "customers": customers}
    ).decode()

    async with kit.running(cookbook / "recipes.mjs", f"{server}/graphql", given) as lines:
        apollo, urql, waiting, following, removing, failing = [await lines.next() for _ in range(6)]

    assert apollo == {"answers": ["OWNER", 2], "isNew": True}
    assert urql == {"answers": ["OWNER", 2], "isNew": True}
    assert waiting == {"ok": True, "asked": 2}
    assert following == {"isRight": True}
    assert removing == {
        "told": [
            "BookingChanged BOOKING_CREATED",
            "BookingRemoved",
            "BookingChanged BOOKING_CREATED",
        ],
        "isTheOneGivenAway": True,
    }
    assert failing == {"told": ["second"]}
