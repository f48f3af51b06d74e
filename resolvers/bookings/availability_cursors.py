"""Cursors of availability: a position in the log, a time, and what the client may see."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final

from kit.actor import Actor
from kit.events.event_cursors import EventCursor, LogPosition, encode_cursor
from kit.scope import Scope
from permissions.policy import may, only_own
from permissions.roles import P

_EXTRA: Final = Struct(">QB")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# By so much the clocks of two servers may differ.
_CLOCKS_DIFFER: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Known:
    """What a client knows: the log up to a position, and changes by time up to an instant.

    ``at`` is None where nothing is known of the time. ``view`` tells callers apart to whom
    different slots are free.
    """

    bookmark: LogPosition
    at: datetime | None
    view: int

    @property
    def cursor(self) -> EventCursor:
        """The cursor that encodes it. Raises TypeError without a time."""
        if self.at is None:
            raise TypeError("the time is unknown")
        extra = _EXTRA.pack((self.at - _EPOCH) // _MILLISECOND, self.view)
        at = self.bookmark
        return encode_cursor(LogPosition(at.tenant_id, at.generation, at.place, extra))


def known_now(scope: Scope, end: LogPosition) -> Known:
    """Returns what a client knows after reading a snapshot whose log ends there."""
    return Known(end, scope.now(), view_of(scope.actor))


def known_from(bookmark: LogPosition) -> Known:
    """Returns what a client's cursor encodes; cursors of other fields have no time."""
    if len(bookmark.extra) != _EXTRA.size:
        return Known(bookmark, None, 0)
    milliseconds, view = _EXTRA.unpack(bookmark.extra)
    try:
        at = _EPOCH + timedelta(milliseconds=milliseconds) - _CLOCKS_DIFFER
    except OverflowError:
        at = None
    return Known(bookmark, at, view)


def view_of(actor: Actor) -> int:
    """Returns a number that differs between callers for whom different slots may be free."""
    overrides = may(actor, P.BOOKINGS_OVERRIDE)
    return overrides + 2 * only_own(actor, P.BOOKINGS_WRITE)
