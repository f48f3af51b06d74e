"""Adds tags to a customer and removes them."""

from collections.abc import Sequence
from typing import Annotated

from typing_extensions import Doc

from domain.core.ids import CustomerId
from domain.core.log_events import EventType
from domain.customers.tags import tag_name, tag_refusals, with_tags
from kit.scope import Scope
from models.core.base import snapshot
from models.customers.customers import Customer
from resolvers.core.changes import log_change
from resolvers.core.lookups import raise_all
from resolvers.customers.customers import customer_to_change

Id = Annotated[CustomerId, Doc("The id of the customer.")]
Version = Annotated[
    int,
    Doc(
        "The version of the customer that you read. If it has changed since, the mutation is "
        "refused with STALE_VERSION."
    ),
]


async def tag_customer(
    scope: Scope,
    id: Id,
    *,
    version: Version,
    tags: Annotated[
        tuple[str, ...],
        Doc(
            "The tags to add: at most 50 characters each, in any case. A customer has at most 20. "
            "Tags that the customer has already are ignored."
        ),
    ],
) -> Customer:
    """Add tags to a customer, by which lists of customers can be filtered."""
    changed = await customer_to_change(scope, id, version=version)
    names = [tag_name(each) for each in tags]
    raise_all(list(tag_refusals(names, path=("tags",))))
    return _with_tags(scope, changed, with_tags(changed.tags, names, path=("tags",)))


async def untag_customer(
    scope: Scope,
    id: Id,
    *,
    version: Version,
    tags: Annotated[
        tuple[str, ...],
        Doc("The tags to remove, in any case. Tags that the customer hasn't are ignored."),
    ],
) -> Customer:
    """Remove tags from a customer."""
    changed = await customer_to_change(scope, id, version=version)
    names = {tag_name(each) for each in tags}
    return _with_tags(scope, changed, [each for each in changed.tags if each not in names])


def _with_tags(scope: Scope, changed: Customer, tags: Sequence[str]) -> Customer:
    before = snapshot(changed)
    changed.tags = list(tags)
    log_change(scope, EventType.CUSTOMER_UPDATED, "Customer", changed, before)
    return changed
