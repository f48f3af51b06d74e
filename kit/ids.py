"""Identifiers: UUIDs of version 7, which sort by the time of their creation."""

from uuid import UUID

from uuid_utils.compat import uuid7

NOBODY = UUID(int=0)
"""An id that no row has, used in place of an invalid one."""


def new_id() -> UUID:
    return uuid7()
