"""Stores whole changes of bookings in one statement each, by facts that are kept in the process.

The statement compares the versions of the facts and of the booking once it has the locks. Where
they differ, or more than the booking is to be changed, nothing is stored; then the caller takes the
locks, and decides by what is stored.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from domain.core.ids import RoomId
from domain.core.log_events import Event
from domain.core.refusals import Refusal
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
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.new_bookings import CHANGE_BOOKING, UNDONE, StoringStatement
from models.core.base import stored
from resolvers.audit.log_writer import log_values
from resolvers.bookings.space_locks import space_locks
from resolvers.bookings.venue_facts import VenueFacts, venue_facts
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

    ``result`` is what the mutation returns: the booking, or a list of it. ``values`` are what else
    the statement needs of its own.
    """

    statement: StoringStatement
    result: Any
    row: dict[str, Any]
    events: Sequence[Event]
    values: dict[str, object]


async def store_at_once(
    scope: Scope, change: DecidedChange, facts: VenueFacts, lock_keys: list[int]
) -> Any:
    """Returns the row of the statement; None where it failed and has stored nothing.

    ``lock_keys`` are those that the scope has queued for.
    """
    values = {
        **log_values(scope, change.events),
        **key_values(scope, change.result),
        **change.row,
        **change.values,
        "known_version": facts.version,
        "spaces": change.row["space_ids"] or [change.row["room_id"]],
        "calendar_lock": scope.lock_keys([CALENDAR])[0],
        "locks": lock_keys,
    }
    has_key = scope.idempotency_key is not None
    statement = change.statement.with_key if has_key else change.statement.without_key
    try:
        return await scope.write_at_once(statement, **values)
    except DATABASE_ERRORS as error:
        if sqlstate(error) in _DECIDED_ANEW:
            return None
        raise


async def store_by_facts(
    scope: Scope,
    facts: VenueFacts,
    spaces: Callable[[VenueFacts], Sequence[UUID]],
    decide: Callable[[VenueFacts], Awaitable[DecidedChange | None]],
) -> Any:
    """Stores what is decided by facts, and decides anew if they have changed meanwhile.

    ``spaces`` are those to lock. Returns the result; None if nothing is stored.
    """
    locks = space_locks(scope, *spaces(facts))
    lock_keys = await scope.queue(*locks)
    for _ in range(TRIES):
        change = await decide(facts)
        if change is None:
            return None
        found = await store_at_once(scope, change, facts, lock_keys)
        if found is None or found["is_known"]:
            return None
        if found["id"] is not None:
            scope.mark_stored(events=len(change.events))
            return change.result
        if found["version"] == facts.version:
            # Somebody else has changed the booking, or has the time.
            return None
        newer = await venue_facts(scope, at_least=found["version"])
        if newer is None or locks != space_locks(scope, *spaces(newer)):
            return None
        facts = newer
    return None


@dataclass(frozen=True, slots=True)
class Changed:
    """What is logged of a changed booking, and the time that has to be free for it, if any.

    ``values`` are what else the ``statement`` needs of its own.
    """

    events: Sequence[Event]
    wanted: Range[datetime] | None = None
    statement: StoringStatement = CHANGE_BOOKING
    values: Mapping[str, object] = field(default_factory=dict)


async def change_at_once(
    scope: Scope,
    seen: Booking,
    change: Callable[[Booking, VenueFacts], Changed | None],
    *,
    version: int,
    also_rooms: Sequence[UUID] = (),
    is_listed: bool = False,
) -> Booking | None:
    """Changes a booking as it was loaded, in one statement. None if nothing is stored.

    ``change`` changes the row. It returns None, or raises a refusal, where the change can't be
    stored so. Bookings with payments can't. ``is_listed``: the mutation returns a list.
    """
    if not scope.may_write_at_once or seen.version != version or seen.terms is not None:
        return None
    columns = stored(seen)
    facts, room_ids = await venue_facts(scope), [RoomId(id) for id in seen.room_ids]
    if facts is not None and not facts.rooms.keys() >= {*room_ids}:
        # A room is newer than the facts.
        facts = await venue_facts(scope, at_least=facts.version + 1)
    if facts is None:
        return None

    async def decide(facts: VenueFacts) -> DecidedChange | None:
        if not facts.rooms.keys() >= {*room_ids}:
            return None
        booking = detached_row(Booking, **columns)
        try:
            changed = change(booking, facts)
        except Refusal:
            return None
        if changed is None:
            return None
        return DecidedChange(
            changed.statement,
            [booking] if is_listed else booking,
            stored(booking),
            changed.events,
            {
                "version_before": version,
                "link_version_before": seen.link_version,
                "spaces_before": seen.space_ids,
                "wanted": changed.wanted,
                **changed.values,
            },
        )

    def spaces(facts: VenueFacts) -> list[UUID]:
        return [*seen.spaces, *facts.spaces_of(*also_rooms)]

    result = await store_by_facts(scope, facts, spaces, decide)
    booking: Booking | None = result[0] if is_listed and result is not None else result
    return booking
