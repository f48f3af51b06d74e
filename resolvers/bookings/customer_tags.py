"""The tags of customers, by which price rules tell them apart."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from domain.bookings.room_prices import VenuePrices
from domain.core.contact import normalised_email
from domain.customers.customers import CustomerChoice
from kit.scope import Scope
from models.bookings.quotas import tags_of
from models.customers.known import WITH_ADDRESS
from permissions.policy import is_guest, only_own
from permissions.roles import P

T = TypeVar("T")


class TagsUnknown(Exception):
    """Raised if prices depend on tags of the caller that haven't been read."""


@dataclass(frozen=True, slots=True)
class OwnTags:
    """The tags of the caller, which are None as long as they haven't been read."""

    known: frozenset[str] | None

    @property
    def were_read(self) -> bool:
        return bool(self.known)

    def deciding(self, prices: VenuePrices) -> frozenset[str]:
        """Returns the tags if prices depend on any. Raises TagsUnknown if they weren't read."""
        if not prices.uses_tags:
            return frozenset()
        if self.known is None:
            raise TagsUnknown
        return self.known


async def with_own_tags(scope: Scope, find: Callable[[OwnTags], Awaitable[T]]) -> T:
    """Returns what is found, for which the caller's tags are only read if prices need them."""
    id = scope.actor.own_id
    try:
        return await find(OwnTags(frozenset() if id is None else None))
    except TagsUnknown:
        assert id is not None, "who is no customer has no tags"
        return await find(OwnTags(await _tags(scope, id)))


async def customer_tags(
    scope: Scope, prices: VenuePrices, choice: CustomerChoice | None
) -> frozenset[str]:
    """Returns the tags that decide about the price for a customer; by default for the caller.

    Customers get no price but their own. Nothing is read where no price depends on tags.
    """
    if not prices.uses_tags or is_guest(scope.actor):
        return frozenset()
    id: UUID | None = scope.actor.own_id
    if choice is not None and not only_own(scope.actor, P.CUSTOMERS_READ):
        id = choice.id
        if choice.new is not None and choice.new.email is not None:
            address = normalised_email(choice.new.email)
            (known,) = await scope.fetch_batch(
                WITH_ADDRESS, tenant_id=scope.tenant_id, email_key=address
            )
            id = known[0].id if known else None
    return frozenset() if id is None else await _tags(scope, id)


async def _tags(scope: Scope, id: UUID) -> frozenset[str]:
    return frozenset(await scope.value(tags_of(scope.tenant_id, id, is_locked=False)) or ())
