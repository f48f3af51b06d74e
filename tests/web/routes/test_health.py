"""Health checks and metrics for operators."""

import re

from kit.runtime import Runtime
from tests.support.client import Api, live
from tests.support.factories import make_venue


async def test_a_process_that_works_is_alive_and_ready(api: Api, server: str) -> None:
    alive = await api.http.get("/livez")
    ready = await api.http.get("/readyz")

    assert alive.status_code == 200
    assert ready.json()["database"] == "ok"


async def test_operations_are_counted_by_type_and_status(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await api("{ rooms { nodes { name } } }", token=venue.owner.token)
    await api("{ rooms { nodes { name } } }")
    await api("{")

    page = (await api.http.get("/metrics")).text

    assert 'boom_operations_total{status="ok",type="query"} 1.0' in page
    assert 'boom_operations_total{status="partial",type="query"} 1.0' in page
    assert 'boom_operations_total{status="refused",type="unknown"} 1.0' in page
    assert 'boom_operation_seconds_count{type="query"} 2.0' in page
    assert re.search(r'boom_pool_connections\{state="size"\} \d', page)


async def test_open_sockets_are_counted(api: Api, server: str) -> None:
    async with live(server):
        page = (await api.http.get("/metrics")).text

    assert "boom_open_sockets 1.0" in page
