"""WebSockets of the real server: text frames without compression."""

import sys

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.stories.test_run import Place
from tests.stories.test_run import migrated as migrated
from tests.stories.test_run import place as place

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the processes are looked for in /proc"
)


async def test_nothing_is_compressed_even_where_a_client_asks_for_it(place: Place) -> None:
    url = place.start().url
    assert url
    async with connect(
        f"{url.replace('http', 'ws', 1)}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        compression="deflate",
    ) as connection:
        assert connection.request is not None and connection.response is not None
        await connection.send('{"type": "connection_init"}')
        answer = await connection.recv()

    assert "permessage-deflate" in connection.request.headers["Sec-WebSocket-Extensions"]
    assert "Sec-WebSocket-Extensions" not in connection.response.headers
    assert isinstance(answer, str)
    assert orjson.loads(answer) == {"type": "connection_ack"}
