"""Attaches declarations to the types of a schema that graphql-core executes."""

from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type
from strawberry.types.field import StrawberryField

from domain.core.refusals import Refusal
from kit.errors import BadInput
from kit.graphql.field_sources import GUARD, KIND, SOURCE
from permissions.fields import Requires, check
from permissions.roles import Permission
from schema.core.changes import CHANGE, Change, Payload
from schema.core.fields import (
    ATTRIBUTE_READER,
    BUILT_TYPES,
    COST,
    DIRECT,
    NODES,
    OPEN,
    PERSONAL,
    DirectAnswer,
    Read,
)
from schema.core.selected_fields import SYNC_READER


def prepare_type(kind: GraphQLObjectType) -> None:
    """Attaches the declarations of a type and its fields to graphql-core's type."""
    definition = kind.extensions.get("strawberry-definition")
    if definition is None:
        return  # GraphQL's own
    BUILT_TYPES.add(definition.origin)
    if found := definition.origin.__dict__.get("__node_type__"):
        NODES[kind.name] = kind.extensions[KIND] = found
    for field in kind.fields.values():
        declared = field.extensions.get("strawberry-definition")
        if isinstance(declared, StrawberryField):
            attach_metadata(field, declared)
            install_fast_resolver(field, declared, of=kind.name)
            install_root_resolver(field, declared)
            install_change(field, declared)


def attach_metadata(field: GraphQLField, declared: StrawberryField) -> None:
    """Attaches what compiled reads and the admission of operations need to a field."""
    if cost := declared.metadata.get(COST):
        field.extensions[COST] = cost
    if _permission(declared) is Permission.PUBLIC and not declared.metadata[PERSONAL]:
        field.extensions[OPEN] = True
    if reading := declared.metadata.get(SOURCE):
        field.extensions[SOURCE] = reading(declared.python_name)
        field.extensions[GUARD] = _permission(declared)


def _permission(declared: StrawberryField) -> Permission | None:
    return next(
        (each.permission for each in declared.extensions if isinstance(each, Requires)), None
    )


def install_fast_resolver(field: GraphQLField, declared: StrawberryField, *, of: str) -> None:
    """Lets graphql-core read a row's field without Strawberry's wrapper.

    A page of bookings has thousands of such fields. The permission is still checked.
    """
    reads = declared.metadata.get(ATTRIBUTE_READER)
    if reads is None:
        return
    read: Read = reads(of, declared.python_name)
    if declared.metadata[SYNC_READER]:
        field.extensions[SYNC_READER] = read
    permission = _permission(declared)

    def resolve(root: Any, info: Any) -> Any:
        if permission is not None:
            check(info.context.actor, permission, root)
        return read(root, info.context)

    field.resolve = resolve


def install_root_resolver(field: GraphQLField, declared: StrawberryField) -> None:
    """Lets a root field read its arguments without Strawberry, which takes several times as long.

    Refused arguments are left to Strawberry's resolver, whose errors say where they were given.
    """
    direct: DirectAnswer | None = declared.metadata.get(DIRECT)
    if direct is None:
        return
    by_strawberry, permission = field.resolve, _permission(declared)
    assert by_strawberry is not None and permission is not None

    def resolve(root: Any, info: Any, **given: Any) -> Any:
        try:
            arguments = direct.read(given)
        except (BadInput, Refusal):
            return by_strawberry(root, info, **given)
        check(info.context.actor, permission, root)
        return direct.resolve(info.context.scope, **arguments, **direct.selecting(info))

    field.resolve = resolve


def install_change(field: GraphQLField, declared: StrawberryField) -> None:
    """Lets a mutation read its arguments without Strawberry, as ``install_root_resolver`` does."""
    change: Change | None = declared.metadata.get(CHANGE)
    if change is None:
        return
    field.extensions[CHANGE] = change
    by_strawberry, payload = field.resolve, get_named_type(field.type)
    assert by_strawberry is not None

    def resolve(root: Any, info: Any, **given: Any) -> Any:
        if info.context.carried_out is not None:
            return info.context.carried_out
        try:
            call = change.read(given)
        except (BadInput, Refusal):
            return by_strawberry(root, info, **given)
        check(info.context.actor, change.requires, root)
        return change.carry_out(info.context, Payload.of(payload), call)

    field.resolve = resolve
