"""Finding the row a change is about: locked first, still there, still at the caller's version."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select

from domain.core.refusals import NotFound, Path, Refusal, StaleVersion
from kit.scope import Scope

T = TypeVar("T")

CALENDAR = ("calendar",)
"""The lock of a tenant's calendar: bookings share it, what changes the rules takes it alone."""


async def get_or_refuse(
    scope: Scope, visible: Select[T], id: UUID, *, what: str, path: Path = ("id",)
) -> T:
    """The row with this id among those the caller may see. Raises NotFound."""
    entity: Any = visible.column_descriptions[0]["entity"]
    row = await scope.one(visible.where(entity.id == id))
    if row is None:
        raise NotFound(what, path=path)
    return row


async def get_at_version(
    scope: Scope, visible: Select[T], id: UUID, *, version: int, what: str
) -> T:
    """The row, unless somebody changed it since ``version``. Raises NotFound, StaleVersion."""
    row: Any = await get_or_refuse(scope, visible, id, what=what)
    if row.version != version:
        raise StaleVersion(row, path=("version",))
    return row  # type: ignore[no-any-return]


def raise_all(refusals: Sequence[Refusal]) -> None:
    """Refuse with all that applies, if anything does."""
    if refusals:
        raise ExceptionGroup("refused", list(refusals))
