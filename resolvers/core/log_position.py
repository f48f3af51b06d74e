"""Where the log of a tenant ends."""

from kit.events.event_cursors import EventCursor, LogPosition, encode_cursor
from kit.events.log_relay import end_of
from kit.scope import Scope
from models.audit.log import READ_END


async def end_of_log(scope: Scope) -> LogPosition:
    """Up to where this snapshot's rows hold everything that happened."""
    return end_of(scope.tenant_id, await scope.fetch_prepared(READ_END, tenant_id=scope.tenant_id))


async def event_cursor(scope: Scope) -> EventCursor:
    """Where to go on from this snapshot without missing anything."""
    return encode_cursor(await end_of_log(scope))
