"""The proxy of docs/nginx.conf before the app: requests, sockets and streams pass as they are."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from kit.runtime import Runtime
from tests.api.bookings.test_live import EVENTS, book, cursor_now, next_event
from tests.support.client import Api, live
from tests.support.factories import Venue, make_venue
from tests.support.sse import events

CONF = Path(__file__).parents[3] / "docs" / "nginx.conf"
CLIENT = "127.0.0.2"
CREATE = 'mutation { createRoom(input: {name: "Blue", capacity: 4}) { room { name } } }'
LAST = "{ auditLog(first: 1) { nodes { type ipAddress } } }"

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx isn't installed")


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
async def proxy(server: str, tmp_path: Path) -> AsyncIterator[str]:
    """The address of nginx, by the documented file but for its address, TLS and the app's port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = [line for line in CONF.read_text().splitlines() if "ssl_certificate" not in line]
    documented = (
        "\n".join(lines)
        .replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
        .replace("127.0.0.1:8000", server.removeprefix("http://"))
    )
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off;\n{documented}\n}}\n"
    )
    assert NGINX is not None
    nginx = subprocess.Popen([NGINX, "-p", tmp_path, "-c", conf, "-e", "stderr"])
    try:
        async with asyncio.timeout(60):
            while not is_listening(port):
                assert nginx.poll() is None
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait(10)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_requests_sockets_and_streams_pass_the_documented_proxy(
    proxy: str, venue: Venue
) -> None:
    transport = httpx2.AsyncHTTPTransport(local_address=CLIENT)
    async with httpx2.AsyncClient(transport=transport, base_url=proxy) as http:
        api = Api(http)
        forged = {"X-Forwarded-For": "203.0.113.9"}
        await api(CREATE, token=venue.owner.token, headers=forged)
        (entry,) = (await api(LAST, token=venue.owner.token)).payload["nodes"]

        after = {"after": await cursor_now(api, venue.staff)}
        async with (
            live(proxy, token=venue.staff.token) as client,
            events(proxy, EVENTS, after, token=venue.staff.token) as stream,
        ):
            subscribed = await client.subscribe(EVENTS, after)
            booking = await book(api, venue, "2027-03-02T10:00:00Z")
            on_the_socket = await next_event(subscribed)
            as_event = (await stream.event())["data"]["bookingChanged"]
        too_large = await http.post("/graphql", content=b"x" * 257 * 1024)
        long_head = await http.get("/livez", headers={"X-Long": "x" * 33 * 1024})
        metrics = await http.get("/metrics")

    assert entry == {"type": "ROOM_CREATED", "ipAddress": CLIENT}
    assert on_the_socket["booking"]["id"] == as_event["booking"]["id"] == booking["id"]
    assert [too_large.status_code, long_head.status_code] == [413, 400]
    assert metrics.status_code == 403
