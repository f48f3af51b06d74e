"""What a statement may fail with: which failures mean that the database is away."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

SERIALIZATION_FAILURE = "40001"


DEADLOCK = "40P01"


LOCK_NOT_AVAILABLE = "55P03"


EXCLUSION_VIOLATION = "23P01"


UNIQUE_VIOLATION = "23505"


DATABASE_ERRORS = (
    DBAPIError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    NoneFree,
    OSError,
)
"""What a statement may fail with."""


_OUT_OF_ORDER_CLASSES = ("08", "53", "58")  # connections, resources, the system beneath


_OUT_OF_ORDER = frozenset(
    {
        "25006",  # it has become a standby, which takes no writes
        "25P02",  # what ended the transaction was told to another statement of it
        "25P03",  # the transaction was idle for too long
        "25P04",  # the transaction took too long
        "40001",
        "40P01",
        "55P03",  # another transaction keeps the lock for long
        "57014",  # the statement took too long
        "57P01",
        "57P02",
        "57P03",
        "57P05",
    }
)


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of what went wrong; None when it wasn't PostgreSQL."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "sqlstate", None) or (
            "08006" if error.connection_invalidated else None
        )
    return getattr(error, "sqlstate", None)


def is_lost(error: BaseException) -> bool:
    """Has the connection come to its end?"""
    if state := sqlstate(error):
        return state.startswith(("08", "57P"))
    return _is_broken(error)


def is_away(error: BaseException) -> bool:
    """Is the database away, full or too busy, rather than the statement wrong?

    Then the same is worth another try by the client, after a while.
    """
    if state := sqlstate(error):
        return state.startswith(_OUT_OF_ORDER_CLASSES) or state in _OUT_OF_ORDER
    said = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    return isinstance(said, NoneFree) or _is_broken(said)


def constraint_name(error: DBAPIError) -> str | None:
    return getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)


def _is_broken(error: BaseException | None) -> bool:
    # What the driver says by itself is that a connection broke, or a value that it can't send.
    return isinstance(
        error, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    ) and not isinstance(error, asyncpg.DataError)
