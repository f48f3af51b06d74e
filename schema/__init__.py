"""What the API says: the whole schema, built once."""

from typing import Final

import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import HasGraphQLName, NameConverter
from strawberry.types.field import StrawberryField

from kit.graphql.field_sources import KIND
from schema.accounts.api_keys import ApiKeyMutations, ApiKeyQueries
from schema.accounts.sessions import SessionMutations, SessionQueries
from schema.accounts.users import UserMutations, UserQueries
from schema.audit import AuditQueries
from schema.billing import BillingMutations, BillingQueries
from schema.bookings.availability import AvailabilityQueries
from schema.bookings.bookings import BookingMutations, BookingQueries
from schema.bookings.guest_bookings import GuestMutations, GuestQueries
from schema.bookings.public_venue import VenueQueries
from schema.bookings.subscriptions import AvailabilitySubscriptions, BookingSubscriptions
from schema.core.fields import NODES, attach_metadata, install_fast_resolver
from schema.core.nodes import NodeQueries
from schema.core.rate_limit import LimitQueries
from schema.core.scalars import SCALARS
from schema.core.user_errors import ERROR_TYPES
from schema.customers import CustomerMutations, CustomerQueries
from schema.payments.payment_settings import PaymentSettingsMutations
from schema.payments.refunds import RefundMutations
from schema.tenants.settings import SettingsMutations
from schema.tenants.tenants import TenantQueries
from schema.venue.blackouts import BlackoutMutations, BlackoutQueries
from schema.venue.hours import HoursMutations, HoursQueries
from schema.venue.rooms import RoomMutations, RoomQueries

DESCRIPTION: Final = (
    "Rooms, hours, customers and bookings of a venue, live. Ids and cursors are opaque; instants "
    "are UTC; money is a decimal string with its currency. Lists are connections. What a mutation "
    "refuses stands in the `userErrors` of its payload, everything else in `errors`."
)


class _Names(NameConverter):
    """Camel case, without the underscore that keeps a name off Python's own words."""

    def get_graphql_name(self, obj: HasGraphQLName) -> str:
        if obj.graphql_name is not None:
            return obj.graphql_name
        return self.apply_naming_config(obj.python_name.rstrip("_"))


@strawberry.type(description="Everything that can be read.")
class Query(
    NodeQueries,
    TenantQueries,
    UserQueries,
    SessionQueries,
    ApiKeyQueries,
    RoomQueries,
    HoursQueries,
    BlackoutQueries,
    CustomerQueries,
    BookingQueries,
    AvailabilityQueries,
    VenueQueries,
    GuestQueries,
    LimitQueries,
    AuditQueries,
    BillingQueries,
):
    pass


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    SessionMutations,
    UserMutations,
    ApiKeyMutations,
    SettingsMutations,
    RoomMutations,
    HoursMutations,
    BlackoutMutations,
    CustomerMutations,
    BookingMutations,
    GuestMutations,
    BillingMutations,
    PaymentSettingsMutations,
    RefundMutations,
):
    pass


@strawberry.type(description="Everything that can be heard of as it happens.")
class Subscription(BookingSubscriptions, AvailabilitySubscriptions):
    pass


def build() -> strawberry.Schema:
    built = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=ERROR_TYPES,
        config=StrawberryConfig(name_converter=_Names(), scalar_map=SCALARS),
    )
    # Strawberry has no way to say it.
    built._schema.description = DESCRIPTION
    for kind in built._schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            _leave_to_graphql_core(kind)
        if isinstance(kind, GraphQLObjectType):
            if found := NODES.get(kind.name):
                kind.extensions[KIND] = found
            for field in kind.fields.values():
                declared = field.extensions.get("strawberry-definition")
                if isinstance(declared, StrawberryField):
                    attach_metadata(field, declared)
                    install_fast_resolver(field, declared, of=kind.name)
    return built


def _leave_to_graphql_core(kind: GraphQLInputObjectType) -> None:
    """Let graphql-core see to it that one field of several is given: it says which, and where."""
    if kind.extensions["strawberry-definition"].is_one_of:
        kind.is_one_of = True
        kind.out_type = GraphQLInputObjectType.out_type  # type: ignore[method-assign]


schema = build()
