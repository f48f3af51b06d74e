"""Refusals as the API shows them: one GraphQL type per kind of domain error that carries data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import strawberry
from strawberry.types.base import get_object_definition

from domain.core.refusals import LimitReached, Refusal, StaleVersion
from schema.core.enums import Code
from schema.core.fields import Node, column, value

T = TypeVar("T", bound=type)

_SHOWN: Final[list[type[Refusal]]] = []


@strawberry.interface(
    description="An expected refusal: something a person can act on. Bugs, missing rights and "
    "throttling are top-level errors instead."
)
class UserError:
    message: str = column("What is wrong and what can be done about it, in English.")
    code: Code = column("For programs to tell refusals apart.")
    path: list[str] | None = column('Where in the arguments it is wrong: `["input", "roomId"]`.')


@dataclass(frozen=True, slots=True)
class Shown:
    """A refusal with its place in the arguments, as the fields of its type read it."""

    refusal: Refusal
    path: list[str] | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.refusal, name)


def shows(*refusals: type[Refusal]) -> Callable[[T], T]:
    """Declare the GraphQL type of some domain errors, whose fields it reads by name."""
    _SHOWN.extend(refusals)
    return _error_type(lambda shown: isinstance(shown.refusal, refusals))


def _error_type(is_shown: Callable[[Shown], bool]) -> Callable[[T], T]:
    def declare(cls: T) -> T:
        made = value()(cls)
        definition = get_object_definition(made, strict=True)
        definition.is_type_of = lambda shown, _: is_shown(shown)
        return made

    return declare


@_error_type(lambda shown: not isinstance(shown.refusal, tuple(_SHOWN)))
class GenericUserError(UserError):
    """A refusal that carries no more than its code, message and path."""


@shows(LimitReached)
class LimitError(UserError):
    """A limit is reached that holds on any plan, and nothing more can be added for now."""

    limit: int = column("How many there may be.")
    used: int = column("How many there are.")
    frees_at: datetime | None = column(
        "When there is room for one more by itself; null when nobody knows."
    )


@shows(StaleVersion)
class StaleVersionError(UserError):
    """Somebody changed the object since its `version` was read."""

    current: Node = column("The object as it is now.")
