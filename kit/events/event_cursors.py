"""Positions in a tenant's log, and the opaque text in which clients keep them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple, NewType
from uuid import UUID

EventCursor = NewType("EventCursor", str)
"""What a client holds: it compares for equality only."""

_PACKED: Final = Struct(">16sQQQ")
_MOST: Final = 2**63 - 1
LONGEST_NOTE: Final = 16


class LogOffset(NamedTuple):
    """Where an entry stands: places sort in the order in which the log is read."""

    xid: int
    position: int


@dataclass(frozen=True, slots=True)
class LogPosition:
    """All of a tenant's log up to a place has been seen.

    ``generation`` tells transaction ids apart that a restore into another server started anew.
    ``note`` is what a field that goes on from here wants to know besides: at most 16 bytes, which
    mean nothing to others.
    """

    tenant_id: UUID
    generation: int
    place: LogOffset
    note: bytes = b""

    @property
    def mark(self) -> tuple[int, int, int]:
        """Higher for what lies further on in a tenant's log, through all its generations."""
        return (self.generation, *self.place)


def encode_cursor(bookmark: LogPosition) -> EventCursor:
    assert len(bookmark.note) <= LONGEST_NOTE
    packed = _PACKED.pack(bookmark.tenant_id.bytes, bookmark.generation, *bookmark.place)
    return EventCursor(urlsafe_b64encode(packed + bookmark.note).decode())


def decode_cursor(text: str) -> LogPosition | None:
    """What a cursor stands for; None for a text that was never one."""
    try:
        packed = urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        return None
    note = packed[_PACKED.size :]
    if len(packed) < _PACKED.size or len(note) > LONGEST_NOTE:
        return None
    tenant, generation, xid, position = _PACKED.unpack_from(packed)
    if max(generation, xid, position) > _MOST:
        return None
    found = LogPosition(UUID(bytes=tenant), generation, LogOffset(xid, position), note)
    return found if encode_cursor(found) == text else None
