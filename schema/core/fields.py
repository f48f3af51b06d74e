"""Declares types and fields: what they read, their description, permission and cost."""

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
from schema.core.changes import CHANGE, Change
from schema.core.directives import PointsDirective
from schema.core.global_ids import encode_id
from schema.core.inputs import (
    arguments_reader,
)
from schema.core.selected_fields import SYNC_READER, Selecting, selecting_of

T = TypeVar("T", bound=type)

Read = Callable[[Any, Operation], Any]
"""Returns the value of a field for a row, in an operation."""

InSql = Callable[[Any, Any], Any]
"""Returns SQL for a field, from the scope and a row whose attributes are columns."""

ATTRIBUTE_READER: Final = "reads"
"""The key in a field's metadata of a function that makes its ``Read`` from type and field name."""

DIRECT: Final = "direct"
"""The key in a field's metadata of its ``DirectAnswer``."""

PERSONAL: Final = "personal"
"""The key in a field's metadata of whether its result depends on the caller."""

OPEN: Final = "open"
"""The key in a field's extensions of whether every caller gets the same result."""

COST: Final = "cost"
"""The key of a field's ``Cost`` in its metadata, which the schema copies to its extensions."""


# ------------------------------------------------------------------------------ types


BUILT_TYPES: Final[set[type]] = set()
"""The types of schemas that were built already; extending them would have no effect."""

NODES: Final[dict[str, NodeType]] = {}
"""The types that ``node(id:)`` finds, by name."""


def node(
    model: type, *, visible: Callable[[Scope], Select[Any]], requires: Permission
) -> Callable[[T], T]:
    """Declares the GraphQL type of a table's rows, which ``node(id:)`` finds by their ids."""

    def decorated(cls: T) -> T:
        cls.__node_type__ = NodeType(model, visible, requires)  # type: ignore[attr-defined]
        return value(model)(cls)

    return decorated


def value(*shown: type) -> Callable[[T], T]:
    """Declares the GraphQL type of a value, whose fields read its attributes by name.

    ``shown`` are the Python types of such values, by which unions and interfaces recognise them.
    """

    def decorated(cls: T) -> T:
        made = strawberry.type(cls, description=described(cls))
        if shown:
            definition = get_object_definition(made, strict=True)
            definition.is_type_of = lambda value, _: isinstance(value, shown)
        return made

    return decorated


def described(of: Any) -> str:
    """Returns the docstring, with each paragraph on one line. Raises TypeError without one."""
    text = of.__dict__.get("__doc__") if isinstance(of, type) else of.__doc__
    if not text:
        raise TypeError(f"{of.__name__} has no docstring, which is its description in the API")
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(each.replace("\n", " ") for each in paragraphs)


def extends(of: type, *, after: str | None = None) -> Callable[[T], T]:
    """Declares more fields of a type of an earlier area, which doesn't depend on this one.

    If the area's ``AREA`` lists the class, ``build`` adds them after the type's field ``after``, or
    after all others. Raises TypeError if a schema was built with the type already.
    """

    def decorated(cls: T) -> T:
        if of in BUILT_TYPES:
            raise TypeError(
                f"{cls.__name__} is too late: a schema has {of.__name__} already; import the class "
                "in its area's package, before the schema is built"
            )
        cls.__extends__ = of, after  # type: ignore[attr-defined]
        return strawberry.type(cls)

    return decorated


def extend(extension: Any) -> None:
    """Adds the fields of a class declared by ``@extends`` to its type. Raises TypeError."""
    of, after = extension.__extends__
    definition = get_object_definition(of, strict=True)
    names = [field.python_name for field in definition.fields]
    added = get_object_definition(extension, strict=True).fields
    if twice := {field.python_name for field in added} & {*names}:
        raise TypeError(
            f"{of.__name__} has {', '.join(sorted(twice))} already; rename it in "
            f"{extension.__name__}"
        )
    if after is not None and after not in names:
        raise TypeError(f"{extension.__name__}: {of.__name__} has no field {after} to stand after")
    place = names.index(after) + 1 if after else len(names)
    definition.fields[place:place] = added


def in_words(name: str) -> str:
    """Returns a name of the API as words: "API key" for both ``ApiKey`` and ``api_key``."""
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
    """Declares a field that reads the row's attribute of the same name, or the one called ``name``.

    ``sql(scope, row)`` is the SQL of an attribute that isn't a column.
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
    """Declares a field that reads a uuid of the row, as the id of an object of this type."""

    def reads(_: str, field_name: str) -> Read:
        attribute = attrgetter(field_name)
        return lambda root, _: encode_id(type_name, attribute(root))

    return declared_field(None, description, requires=None, reads=reads, plain=True)


def related(
    description: str, *, requires: Permission | None = None, name: str | None = None
) -> Any:
    """Declares a field that loads the model's relation, with one statement for all rows."""

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
    """Declares a field that calls ``resolve(scope, row, **arguments)``.

    ``sql(scope, row)`` is the same in SQL. Without it, root fields that select this field aren't
    compiled, but executed field by field.
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
    """Resolves a root field without Strawberry; ``read`` converts coerced arguments."""

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
    """Declares a root field that calls ``resolve(scope, **arguments)``.

    A parameter of the type ``Selected`` gets the fields that are selected below the root field. A
    function without one that only finds one row by one statement can be compiled as it is; for
    others, ``reading`` declares how. ``personal`` marks a PUBLIC field whose result depends on the
    caller.
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
    """Declares a subscription: ``resolve(operation, **arguments)`` returns the stream of events.

    The selection set is executed on each event. An argument called ``after`` is the cursor after
    which the stream starts.
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
    change: Change | None = None,
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
            CHANGE: change,
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
