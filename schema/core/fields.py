"""How a function or an attribute becomes a field: declared once, described, guarded, costed."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeVar

import strawberry
from sqlalchemy import Select
from strawberry.types import Info
from strawberry.types.base import get_object_definition

from kit.events.event_streams import EventStream
from kit.graphql.cost import Cost
from kit.graphql.field_sources import (
    SOURCE,
    Attribute,
    FieldSource,
    Identity,
    Lookup,
    NodeType,
    Related,
    SqlExpression,
)
from kit.operation_context import Operation
from kit.scope import Scope
from permissions.fields import Requires
from permissions.roles import Permission
from schema.core.arguments import Arguments
from schema.core.directives import PointsDirective
from schema.core.global_ids import encode_id
from schema.core.inputs import (
    arguments_reader,
)
from schema.core.selected_fields import SYNC_READER, Selecting, selecting_of

T = TypeVar("T", bound=type)

Read = Callable[[Any, Operation], Any]
"""What a field gives for a row, in an operation."""

InSql = Callable[[Any, Any], Any]
"""``(scope, row)``, whose attributes are columns: an expression, a value or values of them."""

ATTRIBUTE_READER: Final = "reads"
"""The key, in a field's metadata, of what makes its ``Read`` from the type's name and its own."""

DIRECT: Final = "direct"
"""The key, in a field's metadata, of its ``DirectAnswer``."""

PERSONAL: Final = "personal"
"""The key, in a field's metadata, of whether its answer depends on who calls, whoever may."""

OPEN: Final = "open"
"""The key, in a field's GraphQL extensions, of whether it answers everybody, and all alike."""

COST: Final = "cost"
"""The key of a field's ``Cost`` in its metadata; the schema hands it on to graphql-core."""


# ------------------------------------------------------------------------------ types


BUILT_TYPES: Final[set[type]] = set()
"""The types that a schema was built with: it has read their fields, and reads them no more."""

NODES: Final[dict[str, NodeType]] = {}
"""What ``node(id:)`` finds, by the name of the type: those that a schema was built with."""


def node(
    model: type, *, visible: Callable[[Scope], Select[Any]], requires: Permission
) -> Callable[[T], T]:
    """Declare the GraphQL type of a table's rows; they are found again by their ids."""

    def decorated(cls: T) -> T:
        cls.__node_type__ = NodeType(model, visible, requires)  # type: ignore[attr-defined]
        return value(model)(cls)

    return decorated


def value(*shown: type) -> Callable[[T], T]:
    """Declare the GraphQL type of a value, whose fields read its attributes by name.

    ``shown`` are the Python types that have it, which unions and interfaces need to know.
    """

    def decorated(cls: T) -> T:
        made = strawberry.type(cls, description=described(cls))
        if shown:
            definition = get_object_definition(made, strict=True)
            definition.is_type_of = lambda value, _: isinstance(value, shown)
        return made

    return decorated


def described(of: Any) -> str:
    """A class's or function's docstring, a line to a paragraph. Raises TypeError without one."""
    text = of.__dict__.get("__doc__") if isinstance(of, type) else of.__doc__
    if not text:
        raise TypeError(f"{of.__name__} has no description")
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(each.replace("\n", " ") for each in paragraphs)


def extends(of: type, *, after: str | None = None) -> Callable[[T], T]:
    """Declare fields of a type that an earlier area has, which doesn't know this one.

    They stand after the type's field ``after``, or after all others, once ``extend`` has put them
    there. Raises TypeError when a schema has been built with the type.
    """

    def decorated(cls: T) -> T:
        if of in BUILT_TYPES:
            raise TypeError(f"{cls.__name__} is too late: a schema has {of.__name__} already")
        cls.__extends__ = of, after  # type: ignore[attr-defined]
        return strawberry.type(cls)

    return decorated


def extend(extension: Any) -> None:
    """Add the fields of a class declared by ``@extends`` to its type. Raises TypeError."""
    of, after = extension.__extends__
    definition = get_object_definition(of, strict=True)
    names = [field.python_name for field in definition.fields]
    added = get_object_definition(extension, strict=True).fields
    if twice := {field.python_name for field in added} & {*names}:
        raise TypeError(f"{of.__name__} has {', '.join(sorted(twice))} already")
    place = names.index(after) + 1 if after else len(names)
    definition.fields[place:place] = added


def in_words(name: str) -> str:
    """A name of the API as English words: ``ApiKey`` and ``api_key`` are both "API key"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).lower()
    return re.sub(r"\b(api|url)\b", lambda match: match[0].upper(), words)


# ------------------------------------------------------------------------------ fields of a row


def column(
    description: str,
    *,
    requires: Permission | None = None,
    name: str | None = None,
    sql: InSql | None = None,
) -> Any:
    """A field that reads the row's attribute of the same name, or the one called ``name``.

    ``sql(scope, row)`` says how to read it where it is no column of a table.
    """

    def reads(_: str, field_name: str) -> Read:
        attribute = attrgetter(name or field_name)
        return lambda root, _: attribute(root)

    return declared_field(
        None,
        description,
        requires=requires,
        reads=reads,
        plain=True,
        reading=lambda python_name: SqlExpression(sql) if sql else Attribute(name or python_name),
    )


def id_column(type_name: str, description: str) -> Any:
    """A field that reads a uuid of the row, as the id of an object of this type."""

    def reads(_: str, field_name: str) -> Read:
        attribute = attrgetter(field_name)
        return lambda root, _: encode_id(type_name, attribute(root))

    return declared_field(None, description, requires=None, reads=reads, plain=True)


def related(
    description: str, *, requires: Permission | None = None, name: str | None = None
) -> Any:
    """A field that follows the model's relation of the same name, one statement for all rows."""

    def reads(_: str, field_name: str) -> Read:
        relation = name or field_name
        return lambda root, operation: operation.scope.loaders.related(root, relation)

    return declared_field(
        None,
        description,
        requires=requires,
        reads=reads,
        reading=lambda python_name: Related(name or python_name),
    )


def computed(
    resolve: Callable[..., Any],
    description: str | None = None,
    *,
    requires: Permission | None = None,
    cost: Cost | None = None,
    sql: InSql | None = None,
    deprecated: str | None = None,
) -> Any:
    """A field answered by ``resolve(scope, row, **arguments)``; ``sql(scope, row)`` says it in SQL.

    What is said in no SQL is worked out here, and so is all that is selected beside it.
    """
    arguments = Arguments.of(resolve, skip=2)

    selecting = selecting_of(resolve)

    def answer(root: Any, info: Info[Operation], **given: Any) -> Any:
        selected = selecting(info._raw_info) if selecting else {}
        return resolve(info.context.scope, root, **arguments.decoded(given), **selected)

    def reads(_: str, __: str) -> Read:
        return lambda root, operation: resolve(operation.scope, root)

    return declared_field(
        arguments.with_signature(answer, root=True),
        description or described(resolve),
        requires=requires,
        cost=cost,
        reads=None if arguments.annotations else reads,
        reading=(lambda _: SqlExpression(sql)) if sql else None,
        deprecated=deprecated,
    )


# ------------------------------------------------------------------------------ root fields


@dataclass(frozen=True, slots=True)
class DirectAnswer:
    """How a root field is answered without Strawberry; ``read`` reads coerced arguments."""

    resolve: Callable[..., Any]
    read: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    selecting: Selecting


def query(
    resolve: Callable[..., Any],
    description: str | None = None,
    *,
    requires: Permission,
    cost: Cost = Cost(1),
    nullable: bool = True,
    personal: bool = False,
    reading: FieldSource | None = None,
) -> Any:
    """A root field answered by ``resolve(scope, **arguments)``.

    A parameter of the type ``Selected`` is told what is selected below the field. A function
    without one that only finds one row, by one statement, can be compiled as it is; ``reading``
    says what else it does. ``personal``: it is PUBLIC, but what it gives depends on the caller.
    """
    arguments = Arguments.of(resolve, skip=1)
    read = arguments_reader(arguments.annotations)
    selecting = selecting_of(resolve)
    found = reading if selecting else reading or Lookup(resolve, read)

    async def answer(info: Info[Operation], **given: Any) -> Any:
        selected = selecting(info._raw_info) if selecting else {}
        return await resolve(info.context.scope, **arguments.decoded(given), **selected)

    return declared_field(
        arguments.with_signature(answer),
        description or described(resolve),
        requires=requires,
        cost=cost,
        nullable=nullable,
        personal=personal,
        reading=(lambda _: found) if found else None,
        direct=DirectAnswer(resolve, read, selecting) if selecting else None,
    )


def subscription(
    resolve: Callable[..., EventStream[Any]],
    *,
    requires: Permission,
    cost: Cost = Cost(1),
) -> Any:
    """A live field: ``resolve(operation, **arguments)`` says what is followed.

    The selection set is run on its events. ``after``, by this name, is where to begin.
    """
    arguments = Arguments.of(resolve, skip=1)

    def events(info: Info[Operation], **given: Any) -> EventStream[Any]:
        return resolve(info.context, **arguments.decoded(given))

    return declared_field(
        arguments.with_signature(events),
        described(resolve),
        requires=requires,
        cost=cost,
        nullable=False,
        make=strawberry.subscription,
    )


# ------------------------------------------------------------------------------ machinery


def declared_field(
    resolver: Callable[..., Any] | None,
    description: str,
    *,
    requires: Permission | None,
    cost: Cost | None = None,
    nullable: bool = True,
    directives: tuple[object, ...] = (),
    make: Callable[..., Any] = strawberry.field,
    reads: Callable[[str, str], Read] | None = None,
    plain: bool = False,
    personal: bool = False,
    reading: Callable[[str], FieldSource] | None = None,
    direct: DirectAnswer | None = None,
    deprecated: str | None = None,
) -> Any:
    shown: list[object] = list(directives)
    if cost is not None:
        shown.append(
            PointsDirective(
                weight=cost.weight, multipliers=list(cost.multipliers) or strawberry.UNSET
            )
        )
    return make(
        resolver=resolver,
        description=description,
        deprecation_reason=deprecated,
        directives=shown,
        extensions=[Requires(requires, nullable=nullable)] if requires else [],
        metadata={
            COST: cost,
            ATTRIBUTE_READER: reads,
            SYNC_READER: plain,
            PERSONAL: personal,
            SOURCE: reading,
            DIRECT: direct,
        },
    )


def _reads_id(type_name: str, _: str) -> Read:
    return lambda root, _: encode_id(type_name, root.id)


@strawberry.interface(
    description="An object with an id, by which `node` and `nodes` find it again."
)
class Node:
    id: strawberry.ID = declared_field(
        None,
        "The id of the object: opaque, and unique across all types.",
        requires=None,
        reads=_reads_id,
        plain=True,
        reading=lambda _: Identity(),
    )
