"""What webhooks show of the changed object: the owner's query, or the product's."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

from kit.actor import Actor
from permissions.roles import P

MAX_QUERY: Final = 5_000
"""The characters of a query."""
MAX_QUERY_COST: Final = 100
"""The points of a query."""

READS: Final = frozenset(
    {each for each in P if each.endswith(":read")}
    | {P.CUSTOMERS_CONTACT, P.CUSTOMERS_NOTES, P.BOOKINGS_HISTORY}
)
"""The permissions with which the query of an endpoint runs, if its owner has them."""

DEFAULT_QUERY: Final = """
query Webhook($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on Booking {
      reference
      status
      startsAt
      endsAt
      partySize
      room { id name }
      customer { id }
      price { total { amount currencyCode } }
      version
      updatedAt
    }
    ... on Customer { tags version }
    ... on Room { name category capacity archivedAt version }
    ... on Blackout { reason startsAt endsAt }
    ... on Coupon { code archivedAt version }
    ... on WaitlistEntry { entryStatus: status }
    ... on Ticket { number subject ticketStatus: status priority rating version updatedAt }
  }
}
"""


class ObjectQueries(Protocol):
    """Runs queries for objects; the service of a process."""

    async def problems(self, query: str) -> Sequence[str]:
        """Returns why a query can't be used, for a person; none if it can."""
        ...

    async def read(self, query: str, actor: Actor, type_name: str, id: UUID) -> object:
        """Returns what a query finds of an object; None if the actor can't see it."""
        ...


def reading(owner: Actor) -> Actor:
    """Returns the actor of a query: the owner of the endpoint, who can't change anything."""
    scopes = READS if owner.scopes is None else READS & owner.scopes
    return replace(owner, scopes=frozenset(scopes))
