"""A real server on loopback for an ASGI app, in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serves the app during the block, and yields its address; then closes its connections."""
    config = uvicorn.Config(
        app, lifespan="off", timeout_graceful_shutdown=1, log_config=None, access_log=False
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(config)
        served = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await served
