"""The history of a demo venue: its rows, and the log entries for them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import itemgetter
from random import Random
from typing import Any
from uuid import UUID

from commands.demo.venues import HISTORY_DAYS, DemoVenue
from domain.accounts.users import Role
from domain.core.log_events import Event, EventType
from kit.actor import ActorKind
from models.accounts.users import User
from models.core.base import snapshot


class History:
    """Records a venue's history up to now; later events are not logged."""

    def __init__(self, venue: DemoVenue, *, now: datetime, days: int = HISTORY_DAYS) -> None:
        self.venue = venue
        self.now = now
        self.opened_at = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
        self.dice = Random(venue.subdomain)  # noqa: S311 - to be the same at every start
        self.tenant_id = id_made_at(self.opened_at, self.dice)
        self.users: dict[Role, User] = {}
        self._entries: list[dict[str, Any]] = []

    def new_id(self) -> UUID:
        """Returns the id of an object that exists since the opening."""
        return id_made_at(self.opened_at, self.dice)

    def created(self, type: EventType, row: Any, *, at: datetime, by: Role) -> Mapping[str, object]:
        """Appends what began with a row, and returns what is logged of it."""
        after = snapshot(row)
        self.add_event(Event(type, type_name(row), row.id, after=after), at=at, by=by)
        return after

    def add_event(self, event: Event, *, at: datetime, by: Role | None) -> None:
        """Appends an event to the log, caused by the user of a role, or by the system if None."""
        user = None if by is None else self.users[by]
        kind = ActorKind.CUSTOMER if by is Role.CUSTOMER else ActorKind.USER
        self._entries.append(
            {
                "tenant_id": self.tenant_id,
                "type": event.type.value,
                "at": at,
                "actor_kind": (kind if user else ActorKind.SYSTEM).value,
                "actor_id": None if user is None else user.id,
                "request_id": id_made_at(at, self.dice),
                "subject_type": event.subject_type,
                "subject_id": event.subject_id,
                "reason": event.reason,
                "before": event.before,
                "after": event.after,
            }
        )

    def log(self) -> list[dict[str, Any]]:
        """Returns the columns of all entries, in order of time."""
        return sorted(self._entries, key=itemgetter("at"))


def type_name(row: object) -> str:
    return type(row).__name__


def id_made_at(at: datetime, dice: Random) -> UUID:
    """Returns a UUID v7 for an earlier instant."""
    milliseconds = int(at.timestamp() * 1000)
    above, below = dice.getrandbits(12), dice.getrandbits(62)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | above << 64 | 0b10 << 62 | below)
