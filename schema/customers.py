"""Customers: the people that bookings are for."""

from datetime import datetime
from inspect import Parameter
from typing import Annotated, Final

import strawberry
from typing_extensions import Doc

import models
from domain.core.log_events import EventType
from domain.customers import CustomerChoice, NewCustomer
from models.customers import CustomerFilter, CustomerOrder, CustomerOrderField
from permissions.roles import P
from resolvers import customers
from schema.core.areas import Area
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, node, query
from schema.core.inputs import input_object, input_type
from schema.core.mutations import mutation, payload

describe(
    CustomerOrderField,
    "What customers can be sorted by.",
    NAME="By name.",
    CREATED_AT="By when they were added.",
)
input_type(
    CustomerFilter,
    "All given fields are ANDed.",
    name="CustomerFilter",
    search="Somewhere in the name, whatever its case and accents, in the e-mail address, or in the "
    "digits of the phone number (at least three), as far as the caller may read them. At most 100 "
    "characters.",
    email="This e-mail address; case and surrounding space make no difference. Needs "
    "`customers:contact`.",
    phone="These digits, however they are grouped. Needs `customers:contact`.",
)
input_type(
    CustomerOrder,
    "One key to sort by.",
    name="CustomerOrder",
    field="What to sort by.",
    direction="Which end comes first.",
)
NewCustomerInput = input_object(
    "NewCustomerInput",
    "A customer as told for the first time; what is empty is not given.",
    {
        "name": (Annotated[str, Doc("At most 100 characters.")], Parameter.empty),
        "email": (Annotated[str | None, Doc("Of no other customer of the venue.")], None),
        "phone": (Annotated[str | None, Doc("Like '+1 212 555 0100'.")], None),
        "locale": (Annotated[str | None, Doc("A language tag such as 'en-US'.")], None),
    },
    stands_for=NewCustomer,
)
CustomerInput = input_type(
    CustomerChoice,
    "An existing customer, or a new one; a known e-mail address finds the existing one.",
    name="CustomerInput",
    one_of=True,
    id="An existing customer.",
    new="A new customer, unless the e-mail address is known.",
)


@node(models.Customer, visible=customers.visible_customers, requires=P.CUSTOMERS_READ)
class Customer(Node):
    """Somebody that bookings are for."""

    name: str = column("What to call them.")
    email: str | None = column("As they gave it.", requires=P.CUSTOMERS_CONTACT)
    phone: str | None = column("As they gave it.", requires=P.CUSTOMERS_CONTACT)
    locale: str | None = column("The language they like: a tag such as 'en-US'.")
    notes: str | None = column("The team's; never shown to guests.", requires=P.CUSTOMERS_NOTES)
    version: int = column("Grows with every change; updates name the one they saw.")
    created_at: datetime = column("When they were added.")


@strawberry.type
class CustomerQueries:
    customer: Customer | None = query(customers.customer, requires=P.CUSTOMERS_READ)
    customers: Connection[Customer] | None = connection(
        customers.customers, requires=P.CUSTOMERS_READ
    )


@payload
class CreateCustomerPayload:
    """The new customer."""

    customer: Customer | None


@payload
class UpdateCustomerPayload:
    """The changed customer."""

    customer: Customer | None


@strawberry.type
class CustomerMutations:
    create_customer: CreateCustomerPayload | None = mutation(
        customers.create_customer,
        requires=P.CUSTOMERS_WRITE,
        emits=[EventType.CUSTOMER_CREATED],
    )
    update_customer: UpdateCustomerPayload | None = mutation(
        customers.update_customer,
        requires=P.CUSTOMERS_WRITE,
        finds_by=P.CUSTOMERS_READ,
        emits=[EventType.CUSTOMER_UPDATED],
    )


AREA: Final = Area(queries=(CustomerQueries,), mutations=(CustomerMutations,))
