"""Runs the one statement that stores a whole change, by facts that are kept in the process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.core.log_events import Event
from kit.postgres.detached_rows import detached_row
from kit.postgres.failures import (
    DATABASE_ERRORS,
    DEADLOCK,
    EXCLUSION_VIOLATION,
    FOREIGN_KEY_VIOLATION,
    LOCK_NOT_AVAILABLE,
    UNIQUE_VIOLATION,
    sqlstate,
)
from kit.postgres.statements import PreparedStatement
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.new_bookings import UNDONE
from resolvers.audit.log_writer import log_values
from resolvers.bookings.venue_facts import VenueFacts
from resolvers.core.lookups import CALENDAR
from resolvers.core.transactions import key_values

TRIES: Final = 3
"""How often facts are read anew because they changed meanwhile."""

_DECIDED_ANEW: Final = frozenset(
    {
        UNDONE,
        DEADLOCK,
        EXCLUSION_VIOLATION,
        FOREIGN_KEY_VIOLATION,
        LOCK_NOT_AVAILABLE,
        UNIQUE_VIOLATION,
    }
)
"""What the statement fails with, having stored nothing, where it is decided step by step."""


@dataclass(frozen=True, slots=True)
class DecidedChange:
    """A booking as it is to be stored, with the statement that does so and what is logged of it.

    ``values`` are what else the statement needs of its own.
    """

    statement: PreparedStatement
    row: dict[str, Any]
    events: Sequence[Event]
    values: dict[str, object]


async def store_at_once(
    scope: Scope, change: DecidedChange, facts: VenueFacts, locks: list[tuple[object, ...]]
) -> Any:
    """Returns the row of the statement; None where it failed and has stored nothing."""
    values = {
        **log_values(scope, change.events),
        **key_values(scope, detached_row(Booking, **change.row)),
        **change.row,
        **change.values,
        "known_version": facts.version,
        "calendar_lock": scope.lock_keys([CALENDAR])[0],
        "locks": scope.lock_keys(locks),
    }
    try:
        return await scope.write_at_once(change.statement, **values)
    except DATABASE_ERRORS as error:
        if sqlstate(error) in _DECIDED_ANEW:
            return None
        raise
