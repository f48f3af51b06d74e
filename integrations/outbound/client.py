"""Sends requests to public addresses only, whatever the names in their URLs stand for.

A name is looked up once for each connection, its addresses are checked, and one of these is
connected to. So a name that stands for another address a moment later gets around nothing.
Redirects aren't followed, certificates are verified, and proxies of the environment aren't used.

OutboundError
├── AddressRefused     the name stands for an address that isn't public
├── TimedOut           there was no answer in time
└── ConnectionFailed   there was no connection, or it broke
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from socket import IPPROTO_TCP, SOCK_STREAM, gaierror, getaddrinfo
from typing import TYPE_CHECKING, Any, Final

from domain.core.public_addresses import Address, is_loopback, is_public

if TYPE_CHECKING:
    from httpcore import AsyncConnectionPool, AsyncNetworkBackend, AsyncNetworkStream

SECONDS: Final = 15.0
"""How long a request may take, from the look-up of the name to the end of the answer."""
LOOK_UP_SECONDS: Final = 5.0
MAX_BYTES: Final = 1_024
"""How much is read of an answer."""
# A server for names that doesn't answer keeps a thread for seconds.
_LOOK_UPS_AT_ONCE: Final = 64
_CONNECTIONS: Final = 10
_IDLE_SECONDS: Final = 5.0


class OutboundError(Exception):
    """The request got no answer; the message is for the owner of the address."""


class AddressRefused(OutboundError):
    """The name stands for an address that isn't public."""

    def __init__(self) -> None:
        super().__init__("The host's address is not one that everybody on the Internet can reach.")


class TimedOut(OutboundError):
    """There was no answer in time: the request may have been received."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"There was no answer within {seconds:g} seconds.")


class ConnectionFailed(OutboundError):
    """There was no connection, or it broke: the request may have been received."""


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """The status of an answer, and the beginning of its body."""

    status: int
    body: bytes


class Outbound:
    """Opens connections to public addresses; to this machine only if ``allows_loopback``."""

    def __init__(self, *, allows_loopback: bool = False) -> None:
        self.allows_loopback = allows_loopback
        self._look_ups = ThreadPoolExecutor(_LOOK_UPS_AT_ONCE, thread_name_prefix="look-up")

    @asynccontextmanager
    async def session(self) -> AsyncIterator["OutboundSession"]:
        """Yields a session, whose requests to one host share connections."""
        # Imported here: a process that sends nothing does without.
        from httpcore import AsyncConnectionPool

        pool = AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self._backend,
        )
        async with pool:
            yield OutboundSession(pool)

    def close(self) -> None:
        self._look_ups.shutdown(wait=False, cancel_futures=True)

    async def addresses_of(self, host: str, port: int) -> list[Address]:
        """Returns the addresses of a host. Raises AddressRefused, TimedOut, ConnectionFailed."""
        try:
            found = [ip_address(host)]
        except ValueError:
            found = await self._looked_up(host, port)
        if not all(self._may_reach(each) for each in found):
            raise AddressRefused
        return found

    async def _looked_up(self, host: str, port: int) -> list[Address]:
        look_up = asyncio.get_running_loop().run_in_executor(
            self._look_ups, _address_texts, host, port
        )
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                texts = await look_up
        except TimeoutError:
            raise TimedOut(LOOK_UP_SECONDS) from None
        except (gaierror, UnicodeError):
            raise ConnectionFailed("The host's name was not found.") from None
        return [ip_address(text) for text in texts]

    def _may_reach(self, address: Address) -> bool:
        return is_public(address) or (self.allows_loopback and is_loopback(address))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    @cached_property
    def _backend(self) -> "AsyncNetworkBackend":
        return _guarded(self)


class OutboundSession:
    """Sends requests."""

    def __init__(self, pool: "AsyncConnectionPool") -> None:
        self._pool = pool

    async def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, seconds: float = SECONDS
    ) -> OutboundAnswer:
        """Sends a request, and returns the answer, whatever its status. Raises OutboundError."""
        import httpcore

        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            async with (
                asyncio.timeout(seconds),
                self._pool.stream("POST", url, headers=lines, content=body) as answer,
            ):
                return OutboundAnswer(answer.status, await _beginning(answer.aiter_stream()))
        except (TimeoutError, httpcore.TimeoutException):
            raise TimedOut(seconds) from None
        except httpcore.ConnectError as error:
            raise ConnectionFailed(_connection_problem(error)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise ConnectionFailed("The connection broke before the answer.") from error


async def _beginning(stream: Any) -> bytes:
    read = b""
    async for part in stream:
        read += part
        if len(read) >= MAX_BYTES:
            break
    return read[:MAX_BYTES]


def _connection_problem(error: BaseException) -> str:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"The host's certificate is not valid: {found.verify_message}."
        if isinstance(found, ssl.SSLError):
            return "There was no secure connection to the host."
        found = found.__cause__ or found.__context__
    return "There was no connection to the host."


def _address_texts(host: str, port: int) -> list[str]:
    found = getaddrinfo(host, port, type=SOCK_STREAM, proto=IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _guarded(outbound: Outbound) -> "AsyncNetworkBackend":
    """Returns what makes the connections: only to addresses that were checked."""
    from httpcore import AnyIOBackend, AsyncNetworkBackend, ConnectError

    class Guarded(AsyncNetworkBackend):
        def __init__(self) -> None:
            self._connections = AnyIOBackend()

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,  # noqa: ASYNC109 - httpcore's name
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> "AsyncNetworkStream":
            *others, last = await outbound.addresses_of(host, port)
            for address in others:
                try:
                    return await self._connections.connect_tcp(
                        str(address), port, timeout, local_address, socket_options
                    )
                except ConnectError:
                    continue
            return await self._connections.connect_tcp(
                str(last), port, timeout, local_address, socket_options
            )

        async def sleep(self, seconds: float) -> None:
            await self._connections.sleep(seconds)

    return Guarded()
