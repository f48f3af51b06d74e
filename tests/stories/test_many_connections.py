"""A process with few file descriptors keeps serving under many connections."""

import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from kit.postgres.embedded import EmbeddedServer
from tests.stories.test_run import Place, wait_until
from tests.stories.test_run import migrated as migrated
from tests.stories.test_run import place as place

FILES = 1_024

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the processes are looked for in /proc"
)


@contextmanager
def files(number: int) -> Iterator[None]:
    """Processes that are started in the block may open so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.soak
def test_1500_idle_connections_leave_it_its_files(place: Place) -> None:
    with files(FILES):
        running = place.start()
    assert running.url
    port = int(running.url.rsplit(":", 1)[1])
    with ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(1_500)
        ]
        os.kill(place.database_pid(), signal.SIGKILL)

        wait_until(lambda: EmbeddedServer(place.data).is_running)
        # Those that said nothing for 10 seconds have made room meanwhile.
        assert any(is_refused(each) for each in idle)

    wait_until(running.is_ready)
    assert "Too many open files" not in running.printed
    assert running.end(signal.SIGTERM) == 0


def is_refused(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(100).startswith(b"HTTP/1.1 503")
    except BlockingIOError:
        return False
