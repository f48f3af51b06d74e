"""What ends an operation, or one field of it, with a top-level error.

RequestError
├── BadInput          a page size, cursor, range or scalar that can't be served
├── Unauthenticated   a token is missing, wrong, expired or revoked
├── Forbidden         the caller may not
├── Throttled         the caller's bucket is empty
├── TooComplex        the operation is over a limit
├── NotPersisted      an operation was named by its hash alone
└── Unavailable       the database is away; worth another try soon

Expected refusals of a mutation are none of these: they are data (``domain/core/refusals.py``).
"""

from typing import ClassVar


class RequestError(Exception):
    """Its text may be shown to the caller; ``code`` is the error's ``extensions.code``."""

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
    """Raised with the seconds after which the same operation would be let through."""

    code = "THROTTLED"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NotPersisted(RequestError):
    """In the words that clients know it by: they send the whole operation from then on."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")


class Unavailable(RequestError):
    code = "UNAVAILABLE"
