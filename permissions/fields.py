"""Field permissions: a refused field is null, with an error at its path."""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.schema_directive import Location
from strawberry.types import Info
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from kit.actor import Actor
from permissions.policy import may, refusal
from permissions.roles import Permission


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="permission",
    description="The permission that a caller needs to select the field. Without it the field is "
    "null, and `errors` says why. Everybody has `public`.",
)
class PermissionDirective:
    name: str


class Requires(FieldExtension):
    """Resolves a field only for callers with a permission for its row."""

    def __init__(self, permission: Permission, *, nullable: bool = True) -> None:
        self.permission = permission
        self._nullable = nullable

    def apply(self, field: StrawberryField) -> None:
        field.directives.append(PermissionDirective(name=self.permission.value))
        if self._nullable and not isinstance(field.type, StrawberryOptional):
            raise TypeError(
                f"{field.python_name}: a guarded field is nullable, or its refusal would null "
                "the whole answer"
            )

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        check(info.context.actor, self.permission, source)
        return next_(source, info, **kwargs)

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        check(info.context.actor, self.permission, source)
        answer = next_(source, info, **kwargs)
        # A live field returns a generator, which can't be awaited.
        return await answer if isawaitable(answer) else answer


def check(actor: Actor, permission: Permission, row: object) -> None:
    """Raises Unauthenticated or Forbidden if the caller lacks the permission for the row."""
    if not may(actor, permission, row):
        raise refusal(actor, permission)
