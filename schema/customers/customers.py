"""Customers: the people that bookings are for."""

from datetime import datetime
from inspect import Parameter
from typing import Annotated

import strawberry
from typing_extensions import Doc

import models
from domain.core.log_events import EventType
from domain.customers.customers import CustomerChoice, NewCustomer
from models.customers.customers import CustomerFilter, CustomerOrder, CustomerOrderField
from permissions.roles import P
from resolvers.customers import customers
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, node, query
from schema.core.inputs import input_object, input_type
from schema.core.mutations import mutation, payload

describe(
    CustomerOrderField,
    "The fields by which customers can be sorted.",
    NAME="The name of the customer.",
    CREATED_AT="The time at which the customer was added.",
)
input_type(
    CustomerFilter,
    "Which customers to return. Customers must match all fields that are given.",
    name="CustomerFilter",
    search="Match customers whose name, e-mail address or phone number contains this text. Case "
    "and accents are ignored; of phone numbers, in any notation and with or without the country "
    "code, only the digits count, and at least 3 are needed. Only fields that the caller can read "
    "are searched. At most 100 characters.",
    email="Match the customer with this e-mail address. Case and surrounding spaces are "
    "ignored. Requires `customers:contact`.",
    phone="Match customers with this phone number. Only the digits are compared. Requires "
    "`customers:contact`.",
    tag="Match customers with this tag. Case and surrounding spaces are ignored. Requires "
    "`customers:notes`.",
)
input_type(
    CustomerOrder,
    "A field to sort customers by, and the direction.",
    name="CustomerOrder",
    field="The field to sort by.",
    direction="The direction to sort in: ascending by default.",
)
NewCustomerInput = input_object(
    "NewCustomerInput",
    "The details of a new customer. An empty text counts as not given.",
    {
        "name": (
            Annotated[str, Doc("The customer's name: at most 100 characters.")],
            Parameter.empty,
        ),
        "email": (
            Annotated[
                str | None,
                Doc(
                    "The customer's e-mail address. No two customers of a venue have the same one."
                ),
            ],
            None,
        ),
        "phone": (
            Annotated[str | None, Doc("The customer's phone number, such as '+1 212 555 0100'.")],
            None,
        ),
        "locale": (
            Annotated[
                str | None,
                Doc("The customer's preferred language: a language tag such as 'en-US'."),
            ],
            None,
        ),
    },
    stands_for=NewCustomer,
)
CustomerInput = input_type(
    CustomerChoice,
    "Either an existing customer, or the details of a new one.",
    name="CustomerInput",
    one_of=True,
    id="The id of an existing customer.",
    new="The details of a customer. If a customer with this e-mail address exists, that one "
    "is used; otherwise a new one is added.",
)


@node(models.Customer, visible=customers.visible_customers, requires=P.CUSTOMERS_READ)
class Customer(Node):
    """A person or company that bookings are made for."""

    name: str = column("The name of the customer.")
    email: str | None = column(
        "The customer's e-mail address, as it was entered. Null if none was given.",
        requires=P.CUSTOMERS_CONTACT,
    )
    phone: str | None = column(
        "The customer's phone number, as it was entered. Null if none was given.",
        requires=P.CUSTOMERS_CONTACT,
    )
    locale: str | None = column(
        "The customer's preferred language, as a language tag such as 'en-US'. Null if unknown."
    )
    notes: str | None = column(
        "Internal notes of the venue's team, which customers never see. Null if there are none.",
        requires=P.CUSTOMERS_NOTES,
    )
    tags: list[str] | None = column(
        "The tags by which the venue's team groups its customers, which customers never see: in "
        "lower case, sorted, at most 20.",
        requires=P.CUSTOMERS_NOTES,
    )
    version: int = column(
        "The version of the customer. It increases with every change; pass it to `updateCustomer`."
    )
    created_at: datetime = column("When the customer was added.")


@strawberry.type
class CustomerQueries:
    customer: Customer | None = query(customers.customer, requires=P.CUSTOMERS_READ)
    customers: Connection[Customer] | None = connection(
        customers.customers, requires=P.CUSTOMERS_READ
    )


@payload
class CreateCustomerPayload:
    """The result of `createCustomer`."""

    customer: Customer | None


@payload
class UpdateCustomerPayload:
    """The result of `updateCustomer`."""

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
