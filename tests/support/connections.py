"""Connections that outlive the app of a test, because a new one costs PostgreSQL a process.

A new session also reads the catalogue and plans each statement anew. One that is kept is reset
as a pool resets it, and what was prepared on it is still there for the next app.
"""

import asyncio
import os
from collections.abc import Hashable
from typing import Any, Final
from weakref import WeakKeyDictionary

import asyncpg

# Far below the server's 200, which two processes of tests and what they start share.
_KEPT: Final = 40
_LOOK_SECONDS: Final = 0.01

_RELEASE_SECONDS: Final = 2
_LISTENING: Final = frozenset({"boom bus", "boom worker"})
"""Those that end by being terminated; what they listen to is part of what is reset."""
_NAMES: Final = _LISTENING | {"boom"}

_connect: Final = asyncpg.connect
_pools: Final[dict[Hashable, "asyncpg.Pool[Any]"]] = {}
_in_use: Final[dict["_Kept", str]] = {}
_releasing: Final[set["asyncio.Future[None]"]] = set()
_codecs: Final[WeakKeyDictionary["asyncpg.Connection[Any]", set[str]]] = WeakKeyDictionary()
_loop: asyncio.AbstractEventLoop | None = None


def keep_connections() -> None:
    """Keeps those of the app that are closed on the running loop, until ``close_kept``."""
    global _loop
    _loop = asyncio.get_running_loop()


async def close_kept(*, patience_seconds: float = 5) -> None:
    """Closes all, as is needed before their database is dropped, and keeps no others.

    Fails if a test has left one open, which would otherwise fail whichever test runs when the
    garbage collector finds it.
    """
    global _loop
    _loop = None
    for _ in range(round(patience_seconds / _LOOK_SECONDS)):
        if not any(each.is_held() for each in _in_use):
            break
        # What was cancelled closes in the background.
        await asyncio.sleep(_LOOK_SECONDS)
    left_by = sorted({test for each, test in _in_use.items() if each.is_held()})
    _in_use.clear()
    while _pools:
        _, pool = _pools.popitem()
        pool.terminate()
    assert left_by == [], f"These left connections open: {left_by}"


async def connect(dsn: Any = None, **options: Any) -> Any:
    """Connects like asyncpg, or takes a connection that was opened with equal options."""
    name = options.get("server_settings", {}).get("application_name")
    if name not in _NAMES or asyncio.get_running_loop() is not _loop:
        return await _connect(dsn, **options)
    key = repr((dsn, sorted(options.items())))
    if key not in _pools:
        _pools[key] = asyncpg.create_pool(
            dsn, min_size=0, max_size=_KEPT, max_inactive_connection_lifetime=0, **options
        )
    pool = _pools[key]
    await pool
    if pool.get_size() - pool.get_idle_size() == _KEPT:
        return await _connect(dsn, **options)
    listens = name in _LISTENING
    return _Kept(pool, await pool.acquire(), ends_by_terminating=listens)


class _Kept:
    """A connection that goes back to its pool when it is closed."""

    def __init__(self, pool: "asyncpg.Pool[Any]", held: Any, *, ends_by_terminating: bool) -> None:
        self._pool = pool
        self._held = held
        self._raw: Any = held._con
        self._ends_by_terminating = ends_by_terminating
        self._is_closed = False
        _in_use[self] = os.environ.get("PYTEST_CURRENT_TEST", "")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)

    def is_held(self) -> bool:
        """Returns whether it is neither back in its pool nor lost."""
        return self in _in_use and not self._raw.is_closed()

    def is_closed(self) -> bool:
        return self._is_closed or self._raw.is_closed()

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if not self._raw.is_closed() and self._raw.is_in_transaction():
                # A pool complains of an open transaction before it rolls back.
                await self._raw.close(timeout=timeout)
            await self._pool.release(self._held, timeout=timeout)
        finally:
            _in_use.pop(self, None)

    def terminate(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._ends_by_terminating and not self._raw.is_closed():
            self._raw._listeners.clear()
            self._raw._termination_listeners.clear()
            task = asyncio.ensure_future(self._release_listening())
            _releasing.add(task)
            task.add_done_callback(_releasing.discard)
        else:
            _in_use.pop(self, None)
            self._raw.terminate()

    async def _release_listening(self) -> None:
        try:
            await self._pool.release(self._held, timeout=_RELEASE_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            # A statement was still running on it, so that the pool has terminated it.
            pass
        finally:
            _in_use.pop(self, None)

    async def prepare(self, query: str, *, name: str | None = None) -> Any:
        # SQLAlchemy prepares what it runs, and keeps it only as long as its own connection.
        return await self._held._prepare(query, name=name, use_cache=True)

    async def set_type_codec(self, typename: str, **codec: Any) -> None:
        # It would forget all that is prepared. Those with equal options get equal ones.
        known = _codecs.setdefault(self._raw, set())
        if typename not in known:
            known.add(typename)
            await self._held.set_type_codec(typename, **codec)
