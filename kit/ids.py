"""Identifiers: UUIDs of version 7, which sort by the time of their creation."""

from typing import Final
from uuid import UUID, SafeUUID

from uuid_utils import uuid7

NOBODY = UUID(int=0)
"""An id that no row has, used in place of an invalid one."""

_UNKNOWN: Final = SafeUUID.unknown
_set: Final = object.__setattr__


def new_id() -> UUID:
    # Without the constructor, which takes five times as long; every operation makes an id.
    made = object.__new__(UUID)
    _set(made, "int", uuid7().int)
    _set(made, "is_safe", _UNKNOWN)
    return made
