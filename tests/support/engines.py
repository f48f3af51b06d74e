"""Engines that share what SQLAlchemy has compiled: each test's app would compile all of it anew."""

from typing import Any, Final

import sqlalchemy.ext.asyncio
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine

_STATEMENTS: Final = 5_000
_first: list[AsyncEngine] = []


def create_async_engine(url: str, **options: Any) -> AsyncEngine:
    """Creates an engine like SQLAlchemy's, with the dialect and the cache of the first one."""
    made = sqlalchemy.ext.asyncio.create_async_engine(url, query_cache_size=_STATEMENTS, **options)
    if not _first:
        _first.append(made)
    elif _is_initialized(_first[0].dialect):
        # Compiled statements are kept by dialect.
        made.sync_engine.dialect = _first[0].sync_engine.dialect
        made.sync_engine._compiled_cache = _first[0].sync_engine._compiled_cache
    return made


def _is_initialized(dialect: Dialect) -> bool:
    """Returns whether it knows the server, which the first connection of its own engine does."""
    return dialect.server_version_info is not None
