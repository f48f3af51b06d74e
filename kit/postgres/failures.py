"""Classifies database errors: which of them mean that the database is unavailable."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

SERIALIZATION_FAILURE = "40001"


DEADLOCK = "40P01"


LOCK_NOT_AVAILABLE = "55P03"


EXCLUSION_VIOLATION = "23P01"


FOREIGN_KEY_VIOLATION = "23503"


UNIQUE_VIOLATION = "23505"


READ_ONLY = "25006"


DATABASE_ERRORS = (
    DBAPIError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    PoolTimeout,
    OSError,
)
"""The exceptions that a statement may raise."""


_UNAVAILABLE_CLASSES = ("08", "53", "58")  # connection, resources, operating system


_UNAVAILABLE = frozenset(
    {
        READ_ONLY,  # the server has become a standby, which takes no writes
        "25P02",  # an earlier statement, which got the real error, aborted the transaction
        "25P03",  # the transaction was idle for too long
        "25P04",  # the transaction took too long
        "40001",
        "40P01",
        "55P03",  # another transaction held the lock for too long
        "57014",  # the statement took too long
        "57P01",
        "57P02",
        "57P03",
        "57P05",
    }
)


class WroteWhileReading(Exception):
    """Raised for a statement that writes in a transaction that only reads: a bug, not an outage."""


def sqlstate(error: BaseException) -> str | None:
    """Returns the SQLSTATE of an error; None if it isn't an error of PostgreSQL."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "sqlstate", None) or (
            "08006" if error.connection_invalidated else None
        )
    return getattr(error, "sqlstate", None)


def raise_if_wrote(error: BaseException) -> None:
    """Raises WroteWhileReading if that is what an error means of a transaction that only reads.

    A server that takes no writes answers others alike.
    """
    if sqlstate(error) == READ_ONLY:
        raise WroteWhileReading from error


def is_lost(error: BaseException) -> bool:
    """Returns whether the error means that the connection was lost."""
    if state := sqlstate(error):
        return state.startswith(("08", "57P"))
    return _is_broken(error)


def is_away(error: BaseException) -> bool:
    """Returns whether the database is unavailable or overloaded, rather than the statement wrong.

    If so, the client may retry the same request later.
    """
    if state := sqlstate(error):
        return state.startswith(_UNAVAILABLE_CLASSES) or state in _UNAVAILABLE
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    return isinstance(cause, PoolTimeout) or _is_broken(cause)


def constraint_name(error: BaseException) -> str | None:
    """Returns the name of the constraint that an error is about, if any."""
    cause = getattr(error.orig, "__cause__", None) if isinstance(error, DBAPIError) else error
    return getattr(cause, "constraint_name", None)


def _is_broken(error: BaseException | None) -> bool:
    # The driver itself raises errors for broken connections, and for values it can't encode.
    return isinstance(
        error, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    ) and not isinstance(error, asyncpg.DataError)
