"""Errors that end an operation, or one of its fields, with a top-level error.

RequestError
├── BadInput          a page size, cursor, range or scalar that can't be served
├── Unauthenticated   a token is missing, wrong, expired or revoked
├── Forbidden         the caller lacks the permission
├── Throttled         the caller's bucket is empty
├── TooComplex        the operation is over a limit
├── NotPersisted      the request has only the hash of a persisted query
└── Unavailable       the database is unavailable; retry soon

Expected refusals of a mutation are data instead (``domain/core/refusals.py``).
"""

from typing import ClassVar


class RequestError(Exception):
    """An error whose text may be shown to the caller; ``code`` is its ``extensions.code``."""

    code: ClassVar[str]


class BadInput(RequestError):
    code = "BAD_USER_INPUT"


class Unauthenticated(RequestError):
    code = "UNAUTHENTICATED"


class Forbidden(RequestError):
    code = "FORBIDDEN"


class TooComplex(RequestError):
    code = "TOO_COMPLEX"


class Throttled(RequestError):
    """The caller is over a limit until ``retry_after_seconds`` have passed."""

    code = "THROTTLED"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NotPersisted(RequestError):
    """Persisted queries aren't supported; clients know this message and send the text instead."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")


class Unavailable(RequestError):
    code = "UNAVAILABLE"
