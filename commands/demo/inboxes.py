"""The inboxes of the demo's team: the latest bookings, of which the first is still unread."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from commands.demo.history import History, id_made_at
from domain.accounts.users import Role
from domain.bookings.lifecycle import OCCUPYING, Status
from domain.notifications.kinds import NotificationKind
from models.bookings.bookings import Booking
from models.notifications.inbox import InboxEntry
from models.venue.rooms import Room

SHOWN: Final = 5
_READERS: Final = (Role.OWNER, Role.MANAGER, Role.STAFF)
_SHOWN: Final = OCCUPYING - {Status.HELD}


def team_inboxes(
    history: History, bookings: Sequence[Booking], rooms: Sequence[Room], zone: ZoneInfo
) -> Iterator[InboxEntry]:
    """Yields an entry for each member of the team and each of the latest bookings."""
    dice = Random(f"{history.venue.subdomain} inbox")  # noqa: S311 - reproducible
    names: Mapping[UUID, str] = {room.id: room.name for room in rooms}
    made = sorted(
        (each for each in bookings if each.status in _SHOWN),
        key=lambda each: (each.created_at, each.id),
        reverse=True,
    )
    for number, booking in enumerate(made[:SHOWN]):
        start = booking.starts_at.astimezone(zone)
        for role in _READERS:
            yield InboxEntry(
                tenant_id=history.tenant_id,
                id=id_made_at(booking.created_at, dice),
                user_id=history.users[role].id,
                kind=NotificationKind.STAFF_BOOKING_CREATED.value,
                title=f"New booking: {names[booking.room_id]}",
                body=f"{start:%Y-%m-%d %H:%M}, party of {booking.party_size}",
                booking_id=booking.id,
                created_at=booking.created_at,
                read_at=None if number == 0 else history.now,
            )
