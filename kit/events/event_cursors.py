"""Positions in a tenant's log, and the opaque cursors that encode them for clients."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple, NewType
from uuid import UUID

EventCursor = NewType("EventCursor", str)
"""An opaque cursor; clients may only compare cursors for equality."""

_PACKED: Final = Struct(">16sQQQ")
_MOST: Final = 2**63 - 1
MAX_EXTRA_BYTES: Final = 16


class LogOffset(NamedTuple):
    """The position of an entry; offsets sort in the order in which the log is read."""

    xid: int
    position: int


@dataclass(frozen=True, slots=True)
class LogPosition:
    """A position in a tenant's log, up to which all entries have been seen.

    ``generation`` distinguishes transaction ids after a restore into another server, where they
    start again. ``extra`` is data of the field that issues the cursor, at most 16 bytes.
    """

    tenant_id: UUID
    generation: int
    place: LogOffset
    extra: bytes = b""

    @property
    def sort_key(self) -> tuple[int, int, int]:
        """The sort key of positions in a tenant's log, across all generations."""
        return (self.generation, *self.place)


def encode_cursor(bookmark: LogPosition) -> EventCursor:
    assert len(bookmark.extra) <= MAX_EXTRA_BYTES
    packed = _PACKED.pack(bookmark.tenant_id.bytes, bookmark.generation, *bookmark.place)
    return EventCursor(urlsafe_b64encode(packed + bookmark.extra).decode())


def decode_cursor(text: str) -> LogPosition | None:
    """Returns the position that a cursor encodes; None for an invalid cursor."""
    try:
        packed = urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        return None
    extra = packed[_PACKED.size :]
    if len(packed) < _PACKED.size or len(extra) > MAX_EXTRA_BYTES:
        return None
    tenant, generation, xid, position = _PACKED.unpack_from(packed)
    if max(generation, xid, position) > _MOST:
        return None
    found = LogPosition(UUID(bytes=tenant), generation, LogOffset(xid, position), extra)
    return found if encode_cursor(found) == text else None
