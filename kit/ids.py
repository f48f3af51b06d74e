"""New identifiers: uuid v7, so that they sort by the time of their making."""

from uuid import UUID

from uuid_utils.compat import uuid7

NOBODY = UUID(int=0)
"""An id that no row has: what an unreadable id is taken for."""


def new_id() -> UUID:
    return uuid7()
