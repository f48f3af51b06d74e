"""Loads the row of a change, and checks that it exists and has the caller's version."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select

from domain.core.refusals import NotFound, Path, Refusal, StaleVersion
from kit.scope import Scope

T = TypeVar("T")

CALENDAR = ("calendar",)
"""The lock of a tenant's calendar: shared by bookings, exclusive for changes of the rules."""


async def get_or_refuse(
    scope: Scope, visible: Select[T], id: UUID, *, what: str, path: Path = ("id",)
) -> T:
    """Returns the row with this id if the caller may see it. Raises NotFound."""
    entity: Any = visible.column_descriptions[0]["entity"]
    row = await scope.one(visible.where(entity.id == id))
    if row is None:
        raise NotFound(what, path=path)
    return row


async def get_at_version(
    scope: Scope, visible: Select[T], id: UUID, *, version: int, what: str
) -> T:
    """Returns the row if it still has this ``version``. Raises NotFound, StaleVersion."""
    row: Any = await get_or_refuse(scope, visible, id, what=what)
    if row.version != version:
        raise StaleVersion(row, path=("version",))
    return row  # type: ignore[no-any-return]


def raise_all(refusals: Sequence[Refusal]) -> None:
    """Raises all refusals, if there are any."""
    if refusals:
        raise ExceptionGroup("refused", list(refusals))
