"""The GraphQL schema, built once from all areas."""

from collections.abc import Sequence
from typing import Final

import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import HasGraphQLName, NameConverter

from schema import (
    accounts,
    analytics,
    assistant,
    audit,
    billing,
    bookings,
    core,
    customers,
    imports,
    notifications,
    payments,
    support,
    tenants,
    venue,
    webhooks,
)
from schema.core.areas import Area
from schema.core.connections import name_items
from schema.core.fields import extend
from schema.core.mutations import FOLLOW_UPS
from schema.core.scalars import SCALARS
from schema.core.type_preparation import prepare_type

AREAS: Final = (
    core.AREA,
    tenants.AREA,
    customers.AREA,
    accounts.AREA,
    audit.AREA,
    venue.AREA,
    bookings.AREA,
    payments.AREA,
    billing.AREA,
    notifications.AREA,
    webhooks.AREA,
    imports.AREA,
    support.AREA,
    analytics.AREA,
    assistant.AREA,
)
"""All areas, in an order in which each one depends only on those before it."""

DESCRIPTION: Final = (
    "Rooms, opening hours, customers and bookings of a venue, with live updates. Ids and cursors "
    "are opaque, instants are in UTC, and money is a decimal string with its currency. Lists are "
    "Relay connections. Why a mutation was refused is in the `userErrors` of its payload; other "
    "errors are in `errors`."
)


class _Names(NameConverter):
    """Makes names camel case, without the final underscore of ``in_`` and the like."""

    def get_graphql_name(self, obj: HasGraphQLName) -> str:
        if obj.graphql_name is not None:
            return obj.graphql_name
        return self.apply_naming_config(obj.python_name.rstrip("_"))


def build(areas: Sequence[Area]) -> strawberry.Schema:
    """Builds the schema of some areas, and adds their extensions to the types for good."""
    for area in areas:
        for extension in area.extensions:
            extend(extension)
        for model, follow_up in area.follow_ups:
            FOLLOW_UPS[model].append(follow_up)
    built = strawberry.Schema(
        query=_root(
            "Query",
            "Everything that can be read.",
            [part for area in areas for part in area.queries],
        ),
        mutation=_root(
            "Mutation",
            "Everything that can be changed.",
            [part for area in areas for part in area.mutations],
        ),
        subscription=_root(
            "Subscription",
            "Everything that can be subscribed to.",
            [part for area in areas for part in area.subscriptions],
        ),
        types=[kind for area in areas for kind in area.types],
        config=StrawberryConfig(name_converter=_Names(), scalar_map=SCALARS),
    )
    # Strawberry can't set it.
    built._schema.description = DESCRIPTION
    for kind in built._schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            _leave_to_graphql_core(kind)
        if isinstance(kind, GraphQLObjectType):
            prepare_type(kind)
            name_items(kind)
    return built


def _root(name: str, description: str, parts: Sequence[type]) -> type:
    return strawberry.type(type(name, tuple(parts), {}), description=description)


def _leave_to_graphql_core(kind: GraphQLInputObjectType) -> None:
    """Lets graphql-core check one-of inputs, because its errors name the field and its place."""
    if kind.extensions["strawberry-definition"].is_one_of:
        kind.is_one_of = True
        kind.out_type = GraphQLInputObjectType.out_type  # type: ignore[method-assign]


schema = build(AREAS)
