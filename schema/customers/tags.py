"""Adds tags to customers and removes them."""

import strawberry

from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.customers import tags
from schema.core.mutations import mutation, payload
from schema.customers.customers import Customer


@payload
class TagCustomerPayload:
    """The result of `tagCustomer`."""

    customer: Customer | None


@payload
class UntagCustomerPayload:
    """The result of `untagCustomer`."""

    customer: Customer | None


@strawberry.type
class TagMutations:
    tag_customer: TagCustomerPayload | None = mutation(
        tags.tag_customer,
        requires=P.CUSTOMERS_WRITE,
        finds_by=P.CUSTOMERS_READ,
        emits=[EventType.CUSTOMER_UPDATED],
        wrapped=False,
    )
    untag_customer: UntagCustomerPayload | None = mutation(
        tags.untag_customer,
        requires=P.CUSTOMERS_WRITE,
        finds_by=P.CUSTOMERS_READ,
        emits=[EventType.CUSTOMER_UPDATED],
        wrapped=False,
    )
