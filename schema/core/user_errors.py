"""The GraphQL types of refusals: one for each that has data, and one for all others."""

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
    description="An expected reason why a mutation was refused, which a person can act on. Missing "
    "permissions, rate limiting and bugs are reported in the top-level `errors` instead."
)
class UserError:
    message: str = column("What is wrong and what to do about it, in English, for a person.")
    code: Code = column("The kind of error, for programs.")
    path: list[str] | None = column(
        'The argument that the error is about, such as `["input", "roomId"]`, or null if it '
        "is about no single argument."
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A refusal with its place in the arguments, as the fields of its type read it."""

    refusal: Refusal
    path: list[str] | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.refusal, name)


def shows(*refusals: type[Refusal]) -> Callable[[T], T]:
    """Declares the GraphQL type of some refusals, whose attributes its fields read by name."""
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
    """An error that has no details besides its code, message and path."""


@shows(LimitReached)
class LimitError(UserError):
    """A limit that is the same on every plan is reached, so nothing more can be added for now."""

    limit: int = column("The maximum number that is allowed.")
    used: int = column("The number that exists now.")
    frees_at: datetime | None = column(
        "When the limit next allows one more without any action, or null if that is unknown."
    )


@shows(StaleVersion)
class StaleVersionError(UserError):
    """The object has changed since its `version` was read."""

    current: Node = column("The object in its current state.")
