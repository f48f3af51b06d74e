"""The end of a tenant's log, as a position and as a cursor."""

from kit.events.event_cursors import EventCursor, LogPosition, encode_cursor
from kit.events.log_relay import end_of
from kit.scope import Scope
from models.audit.log import READ_END


async def end_of_log(scope: Scope) -> LogPosition:
    """Returns the position up to which this snapshot contains every event."""
    return end_of(scope.tenant_id, await scope.fetch_prepared(READ_END, tenant_id=scope.tenant_id))


async def event_cursor(scope: Scope) -> EventCursor:
    """Returns the cursor with which to continue from this snapshot without a gap."""
    return encode_cursor(await end_of_log(scope))
