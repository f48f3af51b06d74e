"""After a field failed, other running fields of the operation keep no connection."""

import asyncio

import pytest
from sqlmodel import select

from kit.actor import Request
from kit.ids import new_id
from kit.operation_context import Operation
from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.factories import make_venue


async def test_a_read_that_begins_at_the_end_gives_its_connection_back(runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    operation = Operation(runtime, venue.owner.actor, Request(new_id()))
    reading = asyncio.create_task(operation.scope.all(select(Room)))
    await asyncio.sleep(0)

    await operation.close()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert runtime.database.pool_status["checked_out"] == 0


async def test_nothing_is_read_after_the_end(runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    operation = Operation(runtime, venue.owner.actor, Request(new_id()))

    await operation.close()
    with pytest.raises(asyncio.CancelledError):
        await operation.scope.all(select(Room))

    assert runtime.database.pool_status["checked_out"] == 0
