"""Node.js with the kits, where the machine has it."""

import asyncio

import pytest
import pytest_asyncio

from tests.protocol.node_kit import Kit, install
from web.pages.graphiql_build import BuildFailed, find_node


@pytest_asyncio.fixture(scope="session")
async def kit() -> Kit:
    """The environment of third-party clients and audits; skips the test without Node.js."""
    try:
        node = await find_node()
    except BuildFailed as missing:
        pytest.skip(str(missing))
    return await asyncio.to_thread(install, node)
